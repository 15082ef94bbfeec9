"""
Imports follow by themselves: the names that new text needs are imported once, and an import that a change leaves unused goes.

A new import is merged into the file's `from` import of the same module, or stands in the group where isort would put it. An import is
removed only when every use of it was rewritten and nothing else relies on the name: `__all__`, another module, a patched string, a doctest.
What stands inside a function is the business of `_local_imports`. Imports in class bodies (attributes of the class), in `try` (what they probe
for), under conditions and under `if TYPE_CHECKING` stay as they are, and the new import stands at the top.
"""

import ast
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import takewhile

from ._binder import Scope
from ._local_imports import local_edits, local_places
from ._semantics import Module
from ._spans import Change, Edit, Finding

__all__ = ["import_edits", "unused_imports"]

_HARMLESS = frozenset({"logging.config"})
"""Submodules that nobody misses: an `import a.b` stays otherwise, since it also makes `a.b` known to other modules."""


def import_edits(module: Module, changes: Sequence[Change], first_party: frozenset[str]) -> list[Edit]:
    """
    Return the edits that import what the changes require and remove the imports that they were the last uses of.

    Each required name is imported under the name that `Module.local_name` gave out: beside the function's own import where every site that
    needs it went through one, else at the top of the module. A use inside a replaced span counts as gone only if the new text does not
    mention the name.
    """
    made = [edit for change in changes for edit in change.edits]
    beside, requires = local_places(module, changes)
    return [*_top_level(module, requires, made, first_party), *local_edits(module, beside, made)]


def unused_imports(before: Module, after: Module, recipe: str) -> list[Finding]:
    """Return a finding for each import that the changes left unused and that stands all the same, with why it was not removed."""
    found = []
    for node, scope in after.tables.imports:
        for alias in node.names:
            local = alias.asname or alias.name.partition(".")[0]
            if local in after.tables.uses or local not in before.tables.uses or alias.name == "__future__":
                continue
            why = _why_kept(after, node, scope, local)
            reason = f"import-left: nothing here uses `{local}` any more, but {why}"
            action = "remove the import once nothing outside of this file relies on it"
            found.append(Finding(after.path, node.lineno, recipe, reason, action, "none"))
    return found


def _why_kept(module: Module, node: ast.stmt, scope: Scope, local: str) -> str:
    relied_on = module.project.needs_name(module.path, local) if scope.kind == "module" else ""
    if relied_on:
        return relied_on
    if scope.kind == "class":
        return "it is an attribute of its class"
    if module.is_typing_only(node):
        return "it stands under TYPE_CHECKING"
    if any(isinstance(outer, ast.Try) for outer in module.ancestors(node)):
        return "the `try` around it asks whether the module is there"
    if any(isinstance(outer, ast.If) for outer in module.ancestors(node)):
        return "it stands under a condition"
    return "a comment, `__all__`, a string or the shape of the statement may rely on it"


def _top_level(
    module: Module, requires: Iterable[str], made: Sequence[Edit], first_party: frozenset[str]
) -> list[Edit]:
    first_line = min((module.source.line_of(edit.start) for edit in made), default=1)
    touched = {
        name
        for name, uses in module.tables.uses.items()
        if any(edit.start <= module.source.span(use.root)[0] < edit.end for use in uses for edit in made)
    }
    removals = _removals(module, made, touched)
    dropped = [node for node, indexes in removals if len(indexes) == len(node.names)]
    prefix, header = _header(module, first_line, _anchor(module, touched, first_line))
    staying = [node for node in header if node not in dropped]
    edits = _additions(module, requires, first_party, staying, header, prefix, first_line)
    replaced = header[0] if edits and header and not staying else None
    gone = {line for node in dropped if node is not replaced for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    for node, indexes in removals:
        edits.append(_deletion(module, node, indexes, gone, keep_blank=node is replaced))
    return edits


def _additions(
    module: Module,
    requires: Iterable[str],
    first_party: frozenset[str],
    staying: Sequence[ast.stmt],
    header: Sequence[ast.stmt],
    prefix: ast.stmt | None,
    first_line: int,
) -> list[Edit]:
    edits: list[Edit] = []
    fresh: dict[int, list[tuple[str, bool, bool]]] = {}
    for home, names in _wanted(module, requires).items():
        merged = _merge(module, home, names, first_line)
        if merged is not None:
            edits.append(merged)
            continue
        line = f"from {home} import {', '.join(_clause(name, local) for name, local in names)}{_late(module, header)}"
        if not staying and not header and prefix is not None and _shares_line(module, prefix):
            end = module.source.span(prefix)[1]
            edits.append(Edit(end, end, f"; {line}"))
            continue
        if header and not staying:
            place = (_line_before(module, header[0]), False, False)
        else:
            place = _place(module, home, first_party, staying, prefix)
        fresh.setdefault(place[0], []).append((line, *place[1:]))
    newline = module.source.newline
    for offset, lines in fresh.items():
        lines.sort()
        ends_open = offset == len(module.source.text) and module.source.text[-1:] not in (b"\r", b"\n", b"")
        text = (
            (newline if ends_open else "")
            + (newline if lines[0][1] else "")
            + "".join(line + newline for line, _, _ in lines)
        )
        edits.append(Edit(offset, offset, text + (newline if lines[0][2] else "")))
    return _joined_inline(edits)


def _wanted(module: Module, requires: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the names to import by the module that they come from."""
    wanted: dict[str, list[tuple[str, str]]] = {}
    for qualname in sorted(set(requires)):
        local = module.local_name(qualname)
        assert local is not None
        if module.existing_name(qualname) == local:
            continue
        home, _, name = qualname.rpartition(".")
        wanted.setdefault(home, []).append((name, local))
    return wanted


def _joined_inline(edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits with insertions at one point made one."""
    at: dict[tuple[int, int], list[str]] = {}
    for edit in edits:
        at.setdefault((edit.start, edit.end), []).append(edit.text)
    return [Edit(start, end, "".join(texts)) for (start, end), texts in at.items()]


def _clause(name: str, local: str) -> str:
    return name if name == local else f"{name} as {local}"


def _merge(module: Module, home: str, names: Sequence[tuple[str, str]], first_line: int) -> Edit | None:
    """Return the edit that adds names to an import which runs before the first use, if there is one."""
    for node in module.tree.body:
        if (node.end_lineno or node.lineno) >= first_line:
            break
        if not (
            isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == home and node.names[0].name != "*"
        ):
            continue
        start, end = module.source.span(node)
        if module.source.comments(start, end) or b"\\" in module.source.text[start:end]:
            return None
        last = node.names[-1]
        position = module.source.span(last)[1]
        single_line = node.lineno == node.end_lineno
        aliases = [_clause(name, local) for name, local in names]
        existing = [alias.name for alias in node.names]
        if single_line and existing == sorted(existing) and not any(alias.asname for alias in node.names):
            merged = sorted([*existing, *aliases], key=lambda clause: clause)
            return Edit(module.source.span(node.names[0])[0], position, ", ".join(merged))
        if single_line:
            return Edit(position, position, "".join(f", {clause}" for clause in aliases))
        indent = module.source.text[module.source.line_bounds(last.lineno)[0] : module.source.span(last)[0]].decode()
        if indent.strip():
            return Edit(position, position, "".join(f", {clause}" for clause in aliases))
        return Edit(position, position, "".join(f",{module.source.newline}{indent}{clause}" for clause in aliases))
    return None


def _rank(name: str, first_party: frozenset[str]) -> int:
    root = name.split(".", maxsplit=1)[0]
    if name.startswith("."):
        return 4
    if name == "__future__":
        return 0
    if root in sys.stdlib_module_names:
        return 1
    return 3 if root in first_party else 2


_ORDER_SENSITIVE = re.compile(rb"\bsys\.path\b|\bpatch_all\(|\baddsitedir\(|\bmonkey_patch\(")


def _anchor(module: Module, touched: Iterable[str], first_line: int) -> ast.stmt | None:
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


def _header(module: Module, first_line: int, anchor: ast.stmt | None) -> tuple[ast.stmt | None, list[ast.stmt]]:
    """
    Return the run of imports that new ones join, the first of the file or the later one that the anchor stands in, and what precedes it.

    The first run may follow a statement: the docstring, the last `__future__` import, or a call that later imports rely on (`sys.path`,
    `patch_all`) as long as nothing that is rewritten runs before it.
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
    if anchor is not None and anchor not in found and body.index(anchor) >= start:
        start = body.index(anchor)
        while isinstance(body[start - 1], ast.Import | ast.ImportFrom):
            start -= 1
        found = _run(body[start:])
    return prefix, [node for node in found if _own_lines(module, node)]


def _run(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return list(takewhile(lambda node: isinstance(node, ast.Import | ast.ImportFrom), body))


def _late(module: Module, header: Sequence[ast.stmt]) -> str:
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
    start, end = module.source.span(node)
    return _ORDER_SENSITIVE.search(module.source.text, start, end) is not None


def _shares_line(module: Module, node: ast.stmt) -> bool:
    """Return whether another statement follows a statement on its last line."""
    end = module.source.span(node)[1]
    rest = module.source.text[end : module.source.line_bounds(node.end_lineno or node.lineno)[1]].strip()
    return rest.startswith(b";") and not rest[1:].lstrip().startswith((b"#", b"\\")) and rest != b";"


def _own_lines(module: Module, node: ast.stmt) -> bool:
    """Return whether a statement shares its lines with no other one."""
    start, end = module.source.span(node)
    line_start = module.source.line_bounds(node.lineno)[0]
    line_end = module.source.line_bounds(node.end_lineno or node.lineno)[1]
    before = module.source.text[line_start:start]
    after = module.source.text[end:line_end].strip()
    return not before.strip() and (not after or after.startswith(b"#"))


def _module_of(node: ast.Import | ast.ImportFrom) -> str:
    return node.names[0].name if isinstance(node, ast.Import) else "." * node.level + (node.module or "")


def _place(
    module: Module, home: str, first_party: frozenset[str], header: Sequence[ast.stmt], prefix: ast.stmt | None
) -> tuple[int, bool, bool]:
    """Return the offset of the new line and whether a blank line goes before and after it."""
    source = module.source
    rank = _rank(home, first_party)
    imports = [node for node in header if isinstance(node, ast.Import | ast.ImportFrom)]
    if not imports:
        return _after_prefix(module, prefix), *_blank_lines_at_top(prefix)
    same = [node for node in imports if _rank(_module_of(node), first_party) == rank]
    if same:
        froms = [node for node in same if isinstance(node, ast.ImportFrom)]
        order = [_module_of(node).lower() for node in froms]
        later = [node for node in froms if _module_of(node).lower() > home.lower()]
        if later and order == sorted(order):
            return _line_before(module, later[0]), False, False
        return source.line_bounds(same[-1].end_lineno or same[-1].lineno)[1], False, False
    lower = [node for node in imports if _rank(_module_of(node), first_party) < rank]
    if lower:
        anchor = lower[-1]
        follows = next((node for node in imports if node.lineno > anchor.lineno), None)
        offset = source.line_bounds(anchor.end_lineno or anchor.lineno)[1]
        return offset, follows is None or _blank_between(module, anchor, follows), False
    return _line_before(module, imports[0]), False, True


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


def _blank_lines_at_top(prefix: ast.stmt | None) -> tuple[bool, bool]:
    return prefix is not None, prefix is None


def _removals(
    module: Module, made: Sequence[Edit], candidates: Iterable[str]
) -> list[tuple[ast.Import | ast.ImportFrom, set[int]]]:
    """Return the import statements to shorten, with the positions of the aliases that go; comments, `# noqa` and shared lines keep one whole."""
    gone: dict[int, tuple[ast.Import | ast.ImportFrom, set[int]]] = {}
    for local in sorted(set(candidates)):
        found = _removable(module, local, made)
        if found is not None:
            node, index = found
            gone.setdefault(id(node), (node, set()))[1].add(index)
    return [(node, indexes) for node, indexes in gone.values() if _may_shorten(module, node)]


def _may_shorten(module: Module, node: ast.Import | ast.ImportFrom) -> bool:
    start, _ = module.source.line_bounds(node.lineno)
    _, end = module.source.line_bounds(node.end_lineno or node.lineno)
    text = module.source.text[start:end]
    return _own_lines(module, node) and b"#" not in text and b"\\" not in text


def _removable(module: Module, local: str, made: Sequence[Edit]) -> tuple[ast.Import | ast.ImportFrom, int] | None:
    bindings = module.tables.module.bindings.get(local, [])
    if len(bindings) != 1 or bindings[0].kind != "import":
        return None
    node = bindings[0].node
    assert isinstance(node, ast.Import | ast.ImportFrom)
    if (
        node not in module.tree.body
        or module.project.needs_name(module.path, local)
        or module.is_reflective
        or module.tables.stars
    ):
        return None
    if module.path.endswith("__init__.py") or _in_all(module, local):
        return None
    word = re.compile(rf"\b{re.escape(local)}\b")
    gone = [(edit.start, edit.end) for edit in made if edit.end > edit.start and not word.search(edit.text)]
    for use in module.tables.uses.get(local, ()):
        start, end = module.source.span(use.root)
        if not any(low <= start and end <= high for low, high in gone):
            return None
    if isinstance(node, ast.Import) and any(
        "." in alias.name and alias.name not in _HARMLESS and not alias.asname and alias.name.split(".")[0] == local
        for alias in node.names
    ):
        return None
    if _in_strings(module, local, gone) or _in_type_comments(module, local):
        return None
    bound = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return (node, bound.index(local)) if local in bound else None


def _in_all(module: Module, local: str) -> bool:
    return (
        b"__all__" in module.source.text
        and re.search(rb"""["']""" + re.escape(local).encode() + rb"""["']""", module.source.text) is not None
    )


_EVALUATORS = frozenset({"eval", "exec", "compile", "timeit", "Timer"})


def _in_strings(module: Module, local: str, gone: Sequence[tuple[int, int]]) -> bool:
    """Return whether a string that may be code (a doctest, an annotation, what is evaluated) mentions the name."""
    evaluated = bool(_EVALUATORS & module.tables.uses.keys()) or b"__main__ import" in module.source.text
    word = re.compile(rf"\b{re.escape(local)}\b")
    if len(re.findall(word.pattern.encode(), module.source.text)) <= len(module.tables.uses.get(local, ())) + 1:
        return False  # no mention but the import and the uses
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and word.search(node.value)):
            continue
        start, end = module.source.span(node)
        if any(low <= start and end <= high for low, high in gone):
            continue
        if (
            evaluated
            or ">>>" in node.value
            or (
                re.fullmatch(r"[\w.\[\], |'\"]+", node.value)
                and re.search(rf"\b{re.escape(local)}\s*(\.\s*\w|[\]|,]|$)", node.value)
            )
        ):
            return True
    return False


def _in_type_comments(module: Module, local: str) -> bool:
    return (
        b"# type:" in module.source.text
        and re.search(rf"# type:[^\r\n]*\b{re.escape(local)}\b".encode(), module.source.text) is not None
    )


def _deletion(
    module: Module, node: ast.Import | ast.ImportFrom, indexes: set[int], gone: set[int], *, keep_blank: bool
) -> Edit:
    source = module.source
    if len(indexes) == len(node.names):
        start, _ = source.line_bounds(node.lineno)
        _, end = source.line_bounds(node.end_lineno or node.lineno)
        return Edit(start, end if keep_blank else _swallow_blank(module, node, end, gone), "")
    keep = [alias for position, alias in enumerate(node.names) if position not in indexes]
    first, last = source.span(node.names[0])[0], source.span(node.names[-1])[1]
    if node.lineno == node.end_lineno:
        return Edit(first, last, ", ".join(_clause(alias.name, alias.asname or alias.name) for alias in keep))
    return Edit(first, last, _separator(module, node).join(source.slice(alias) for alias in keep))


def _separator(module: Module, node: ast.Import | ast.ImportFrom) -> str:
    first, second = node.names[0], node.names[1]
    return module.source.text[module.source.span(first)[1] : module.source.span(second)[0]].decode()


def _swallow_blank(module: Module, node: ast.stmt, end: int, gone: set[int]) -> int:
    """Return the end of the deletion: one blank line goes too when nothing stays of a group between blank lines."""
    source = module.source
    next_line = (
        source.text[slice(*source.line_bounds(line))]
        if (line := (node.end_lineno or node.lineno) + 1) <= len(source.line_starts)
        else b""
    )
    first = node.lineno - 1
    while first in gone:
        first -= 1
    above = source.text[slice(*source.line_bounds(first))] if first > 0 else b""
    if next_line and not next_line.strip() and not above.strip():
        return source.line_bounds(line)[1]
    return end
