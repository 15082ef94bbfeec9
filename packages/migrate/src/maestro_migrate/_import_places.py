"""Where in a file new imports stand: in which run of imports, in which of its groups, above or below which line."""

import ast
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from ._semantics import Module

__all__ = [
    "Place",
    "anchor_of",
    "header_of",
    "late_mark",
    "own_lines",
    "place_of",
    "rank",
    "says_where_only",
    "shares_line",
]


class Place(NamedTuple):
    """The offset of a new import's line, the rank of its group, and whether a blank line sets it off before and after."""

    offset: int
    rank: int
    before: bool = False
    after: bool = False


_WHERE = re.compile(
    r"#\s*(?:noqa\s*:\s*(?!.*\bF401\b)[A-Z]+\d+(?:[\s,]+[A-Z]+\d+)*|isort\s*:\s*skip|pylint\s*:\s*disable=(?!.*unused-import)(?:[\w-]*import[\w-]*[\s,]*)+)\s*"
)


def says_where_only(comment: str) -> bool:
    """Return whether a comment tells linters only that an import may stand where it stands, so that it goes with the import."""
    return _WHERE.fullmatch(comment) is not None


def rank(name: str, first_party: frozenset[str]) -> int:
    root = name.split(".", maxsplit=1)[0]
    if name.startswith("."):
        return 4
    if name == "__future__":
        return 0
    if root in sys.stdlib_module_names:
        return 1
    return 3 if root in first_party else 2


_PATCHES = re.compile(rb"\bpatch_all\(|\bmonkey_patch\(")
_ORDER_SENSITIVE = re.compile(rb"\bsys\.path\b|\baddsitedir\(|" + _PATCHES.pattern)


def anchor_of(module: Module, touched: Iterable[str], first_line: int) -> ast.stmt | None:
    """
    Return the earliest import of a name whose uses were rewritten.

    A new import belongs beside it: it then runs when the old one did, and not before statements that were meant to come first.
    """
    names = set(touched)
    for node in module.tree.body:
        if (node.end_lineno or node.lineno) >= first_line:
            break
        if isinstance(node, ast.Import | ast.ImportFrom) and names & {
            alias.asname or alias.name.partition(".")[0] for alias in node.names
        }:
            return node
    return None


def header_of(
    module: Module, first_line: int, anchor: ast.stmt | None, *, installed: bool
) -> tuple[ast.stmt | None, list[ast.stmt]]:
    """
    Return the run of imports that new ones join, the first of the file or the later one that the anchor stands in, and what precedes it.

    The first run may follow a statement: the docstring, the last `__future__` import, or a call that later imports rely on (`sys.path`,
    `patch_all`) as long as nothing that is rewritten runs before it. Where no import follows a path that is set up, what is `installed` joins
    the anchor above it.
    """
    body = module.tree.body
    prefix: ast.stmt | None = None
    start = 0
    for position, node in enumerate(body):
        if (node.end_lineno or node.lineno) >= first_line and not _is_prefix(position, node):
            break
        if _is_prefix(position, node) or _changes_imports(module, node):
            prefix, start = node, position + 1
    found = _run(body[start:] if not _is_future(prefix) else _with_futures(module, start))
    above = installed and not found and not any(_mentions(module, node, _PATCHES) for node in body[:start])
    if anchor is not None and anchor not in found and (above or body.index(anchor) >= start):
        start = body.index(anchor)
        while start and isinstance(body[start - 1], ast.Import | ast.ImportFrom):
            start -= 1
        found = _run(body[start:])
    return prefix, [node for node in found if own_lines(module, node)]


def _run(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return list(takewhile(lambda node: isinstance(node, ast.Import | ast.ImportFrom), body))


def late_mark(module: Module, header: Sequence[ast.stmt]) -> str:
    """Return the comment by which every import of a run tells linters that it stands below other statements on purpose."""
    lines = [module.source.text[slice(*module.source.line_bounds(node.end_lineno or node.lineno))] for node in header]
    return "  # noqa: E402" if lines and all(b"# noqa: E402" in line for line in lines) else ""


def _is_prefix(position: int, node: ast.stmt) -> bool:
    return _is_future(node) or (
        position == 0
        and isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_future(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.level == 0


def _with_futures(module: Module, start: int) -> list[ast.stmt]:
    """Return the body from the first `__future__` import on, since new imports stand in the group after it."""
    first = next(position for position, node in enumerate(module.tree.body) if _is_future(node))
    return module.tree.body[min(first, start) :]


def _changes_imports(module: Module, node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return False
    return _mentions(module, node, _ORDER_SENSITIVE)


def _mentions(module: Module, node: ast.stmt, words: re.Pattern[bytes]) -> bool:
    return words.search(module.source.text, *module.source.span(node)) is not None


def shares_line(module: Module, node: ast.stmt) -> bool:
    """Return whether another statement follows a statement on its last line."""
    end = module.source.span(node)[1]
    rest = module.source.text[end : module.source.line_bounds(node.end_lineno or node.lineno)[1]].strip()
    return rest.startswith(b";") and not rest[1:].lstrip().startswith((b"#", b"\\")) and rest != b";"


def own_lines(module: Module, node: ast.stmt) -> bool:
    """Return whether a statement shares its lines with no other one."""
    start, end = module.source.span(node)
    line_start = module.source.line_bounds(node.lineno)[0]
    line_end = module.source.line_bounds(node.end_lineno or node.lineno)[1]
    before = module.source.text[line_start:start]
    after = module.source.text[end:line_end].strip()
    return not before.strip() and (not after or after.startswith(b"#"))


def _module_of(node: ast.Import | ast.ImportFrom) -> str:
    return node.names[0].name if isinstance(node, ast.Import) else "." * node.level + (node.module or "")


def place_of(
    module: Module,
    home: str,
    first_party: frozenset[str],
    header: Sequence[ast.stmt],
    prefix: ast.stmt | None,
    *,
    name: str = "",
) -> Place:
    """
    Return where the import of `home` goes among the imports of a run, or below what precedes them where there are none.

    With a `name` it goes above another import of the same module that begins with a later one.
    """
    source = module.source
    own = rank(home, first_party)
    imports = [node for node in header if isinstance(node, ast.Import | ast.ImportFrom)]
    if not imports:
        return Place(_after_prefix(module, prefix), own, prefix is not None, prefix is None)
    same = _beside_kin(module, home, [node for node in imports if rank(_module_of(node), first_party) == own])
    if same:
        froms = [node for node in same if isinstance(node, ast.ImportFrom)]
        order = [_module_of(node).lower() for node in froms]
        later = [
            node
            for node in froms
            if _module_of(node).lower() > home.lower() or (_module_of(node) == home and node.names[0].name > name > "")
        ]
        if later and order == sorted(order):
            return Place(_line_before(module, later[0]), own)
        return Place(source.line_bounds(same[-1].end_lineno or same[-1].lineno)[1], own)
    lower = [node for node in imports if rank(_module_of(node), first_party) < own]
    if lower:
        anchor = lower[-1]
        follows = next((node for node in imports if node.lineno > anchor.lineno), None)
        offset = source.line_bounds(anchor.end_lineno or anchor.lineno)[1]
        return Place(offset, own, follows is None or _blank_between(module, anchor, follows))
    return Place(_line_before(module, imports[0]), own, after=True)


def _beside_kin(
    module: Module, home: str, imports: list[ast.Import | ast.ImportFrom]
) -> list[ast.Import | ast.ImportFrom]:
    """Return the imports in whose group one of the same package stands, all where none does: a repository of several packages sets its own apart."""
    blocks: list[list[ast.Import | ast.ImportFrom]] = []
    for node in imports:
        if blocks and not _blank_between(module, blocks[-1][-1], node):
            blocks[-1].append(node)
        else:
            blocks.append([node])
    root = home.partition(".")[0]
    kin = [block for block in blocks if root and any(_module_of(node).partition(".")[0] == root for node in block)]
    return kin[-1] if kin else imports


def _line_before(module: Module, node: ast.stmt) -> int:
    """Return the offset of a statement's line, above the comment lines that stand directly on it."""
    line = node.lineno
    while (
        line > 1
        and module.source.text[slice(*module.source.line_bounds(line - 1))].lstrip().startswith(b"#")
        and not _is_prologue(module, line - 1)
    ):
        line -= 1
    return module.source.line_bounds(line)[0]


def _is_prologue(module: Module, line: int) -> bool:
    """Return whether a comment line belongs to the head of the file (shebang, encoding, licence) and not to the statement below it."""
    return all(
        not module.source.text[slice(*module.source.line_bounds(n))].strip()
        or module.source.text[slice(*module.source.line_bounds(n))].lstrip().startswith(b"#")
        for n in range(1, line + 1)
    )


def _blank_between(module: Module, one: ast.stmt, other: ast.stmt) -> bool:
    end, start = module.source.span(one)[1], module.source.span(other)[0]
    return len(re.findall(rb"\r\n|\r|\n", module.source.text[end:start])) > 1


def _after_prefix(module: Module, prefix: ast.stmt | None) -> int:
    if prefix is not None:
        return module.source.line_bounds(prefix.end_lineno or prefix.lineno)[1]
    return _line_before(module, module.tree.body[0]) if module.tree.body else len(module.source.text)
