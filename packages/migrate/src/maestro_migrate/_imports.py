"""
Imports follow by themselves: the names that new text needs are imported once, and an import that a change leaves unused goes.

A new import is merged into the file's `from` import of the same module, or stands in the group where isort would put it. An import is
removed only when every use of it was rewritten and nothing else relies on the name: `__all__`, another module, a patched string, a doctest.
"""

import ast
import re
import sys
from collections.abc import Iterable, Sequence

from ._semantics import Module
from ._spans import Edit

__all__ = ["import_edits"]


def import_edits(module: Module, requires: Iterable[str], replaced: Sequence[tuple[int, int]], first_party: frozenset[str]) -> list[Edit]:
    """
    Return the edits that import `requires` and remove the module-level imports that the replaced spans were the last uses of.

    Each required name is imported under the name that `Module.local_name` gave out.
    """
    touched = {
        name for name, uses in module.tables.uses.items()
        if any(low <= module.source.span(use.root)[0] < high for use in uses for low, high in replaced)
    }  # fmt: skip
    removals = _removals(module, replaced, touched)
    dropped = [node for node, indexes in removals if len(indexes) == len(node.names)]
    header = [node for node in _header(module) if _own_lines(module, node)]
    staying = [node for node in header if node not in dropped]
    edits = _additions(module, requires, first_party, staying, header)
    in_place = bool(edits) and not staying
    for node, indexes in removals:
        edits.append(_deletion(module, node, indexes, keep_blank=in_place))
    return edits


def _additions(module: Module, requires: Iterable[str], first_party: frozenset[str], staying: Sequence[ast.stmt], header: Sequence[ast.stmt]) -> list[Edit]:
    wanted: dict[str, list[tuple[str, str]]] = {}
    for qualname in sorted(set(requires)):
        local = module.local_name(qualname)
        assert local is not None
        if module.existing_name(qualname) == local:
            continue
        home, _, name = qualname.rpartition(".")
        wanted.setdefault(home, []).append((name, local))
    edits: list[Edit] = []
    fresh: dict[int, list[tuple[str, bool, bool]]] = {}
    for home, names in wanted.items():
        merged = _merge(module, home, names)
        if merged is not None:
            edits.append(merged)
            continue
        line = f"from {home} import {', '.join(_clause(name, local) for name, local in names)}"
        if header and not staying:
            place = (_line_before(module, header[0]), False, False)
        else:
            place = _place(module, home, first_party, staying)
        fresh.setdefault(place[0], []).append((line, *place[1:]))
    newline = module.source.newline
    for offset, lines in fresh.items():
        lines.sort()
        ends_open = offset == len(module.source.text) and module.source.text[-1:] not in (b"\r", b"\n", b"")
        text = (newline if ends_open else "") + (newline if lines[0][1] else "") + "".join(line + newline for line, _, _ in lines)
        edits.append(Edit(offset, offset, text + (newline if lines[0][2] else "")))
    return edits


def _clause(name: str, local: str) -> str:
    return name if name == local else f"{name} as {local}"


def _merge(module: Module, home: str, names: Sequence[tuple[str, str]]) -> Edit | None:
    for node in module.tree.body:
        if not (isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == home and node.names[0].name != "*"):
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
    root = name.split(".")[0]
    if name.startswith("."):
        return 4
    if name == "__future__":
        return 0
    if root in sys.stdlib_module_names:
        return 1
    return 3 if root in first_party else 2


def _header(module: Module) -> list[ast.Import | ast.ImportFrom]:
    """Return the leading top-level imports; a statement that is neither an import, a docstring nor `__name`-like ends them."""
    found: list[ast.Import | ast.ImportFrom] = []
    for position, node in enumerate(module.tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif not (position == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            break
    return found


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


def _place(module: Module, home: str, first_party: frozenset[str], header: Sequence[ast.stmt]) -> tuple[int, bool, bool]:
    """Return the offset of the new line and whether a blank line goes before and after it."""
    source = module.source
    rank = _rank(home, first_party)
    imports = [node for node in header if isinstance(node, ast.Import | ast.ImportFrom)]
    if not imports:
        return _after_docstring(module), *_blank_lines_at_top(module)
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
    while line > 1 and module.source.text[slice(*module.source.line_bounds(line - 1))].lstrip().startswith(b"#") and not _is_prologue(module, line - 1):
        line -= 1
    return module.source.line_bounds(line)[0]


def _is_prologue(module: Module, line: int) -> bool:
    """Return whether a comment line belongs to the head of the file (shebang, encoding, licence) and not to the statement below it."""
    return all(not module.source.text[slice(*module.source.line_bounds(n))].strip() or module.source.text[slice(*module.source.line_bounds(n))].lstrip().startswith(b"#") for n in range(1, line + 1))


def _blank_between(module: Module, one: ast.stmt, other: ast.stmt) -> bool:
    end, start = module.source.span(one)[1], module.source.span(other)[0]
    return len(re.findall(rb"\r\n|\r|\n", module.source.text[end:start])) > 1


def _after_docstring(module: Module) -> int:
    body = module.tree.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
        return module.source.line_bounds(body[0].end_lineno or body[0].lineno)[1]
    return _line_before(module, body[0]) if body else len(module.source.text)


def _blank_lines_at_top(module: Module) -> tuple[bool, bool]:
    body = module.tree.body
    has_docstring = bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return has_docstring, not has_docstring


def _removals(module: Module, replaced: Sequence[tuple[int, int]], candidates: Iterable[str]) -> list[tuple[ast.Import | ast.ImportFrom, set[int]]]:
    """Return the import statements to shorten, with the positions of the aliases that go; comments, `# noqa` and shared lines keep one whole."""
    gone: dict[int, tuple[ast.Import | ast.ImportFrom, set[int]]] = {}
    for local in sorted(set(candidates)):
        found = _removable(module, local, replaced)
        if found is not None:
            node, index = found
            gone.setdefault(id(node), (node, set()))[1].add(index)
    return [(node, indexes) for node, indexes in gone.values() if _may_shorten(module, node)]


def _may_shorten(module: Module, node: ast.Import | ast.ImportFrom) -> bool:
    start, _ = module.source.line_bounds(node.lineno)
    _, end = module.source.line_bounds(node.end_lineno or node.lineno)
    text = module.source.text[start:end]
    return _own_lines(module, node) and b"#" not in text and b"\\" not in text


def _removable(module: Module, local: str, replaced: Sequence[tuple[int, int]]) -> tuple[ast.Import | ast.ImportFrom, int] | None:
    bindings = module.tables.module.bindings.get(local, [])
    if len(bindings) != 1 or bindings[0].kind != "import":
        return None
    node = bindings[0].node
    assert isinstance(node, ast.Import | ast.ImportFrom)
    if node not in module.tree.body or module.project.needs_name(module.path, local) or module.is_reflective or module.tables.stars:
        return None
    if module.path.endswith("__init__.py") or _in_all(module, local):
        return None
    for use in module.tables.uses.get(local, ()):
        start, end = module.source.span(use.root)
        if not any(low <= start and end <= high for low, high in replaced):
            return None
    if isinstance(node, ast.Import) and any("." in alias.name and not alias.asname and alias.name.split(".")[0] == local for alias in node.names):
        return None
    if _in_strings(module, local, replaced):
        return None
    index = next((i for i, alias in enumerate(node.names) if (alias.asname or alias.name) == local), None)
    return None if index is None else (node, index)


def _in_all(module: Module, local: str) -> bool:
    return b"__all__" in module.source.text and re.search(rb"""["']""" + re.escape(local).encode() + rb"""["']""", module.source.text) is not None


def _in_strings(module: Module, local: str, replaced: Sequence[tuple[int, int]]) -> bool:
    word = re.compile(rf"\b{re.escape(local)}\s*\.\s*\w")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (">>>" in node.value or "\n" not in node.value) and word.search(node.value):
            start, end = module.source.span(node)
            if not any(low <= start and end <= high for low, high in replaced) and (">>>" in node.value or re.fullmatch(r"[\w.\[\], |'\"]+", node.value)):
                return True
    return False


def _deletion(module: Module, node: ast.Import | ast.ImportFrom, indexes: set[int], *, keep_blank: bool) -> Edit:
    source = module.source
    if len(indexes) == len(node.names):
        start, _ = source.line_bounds(node.lineno)
        _, end = source.line_bounds(node.end_lineno or node.lineno)
        return Edit(start, end if keep_blank else _swallow_blank(module, node, end), "")
    keep = [alias for position, alias in enumerate(node.names) if position not in indexes]
    first, last = source.span(node.names[0])[0], source.span(node.names[-1])[1]
    if node.lineno == node.end_lineno:
        return Edit(first, last, ", ".join(_clause(alias.name, alias.asname or alias.name) for alias in keep))
    return Edit(first, last, _separator(module, node).join(source.slice(alias) for alias in keep))


def _separator(module: Module, node: ast.Import | ast.ImportFrom) -> str:
    first, second = node.names[0], node.names[1]
    return module.source.text[module.source.span(first)[1] : module.source.span(second)[0]].decode()


def _swallow_blank(module: Module, node: ast.stmt, end: int) -> int:
    """Return the end of the deletion: one blank line goes too when the import stood alone between blank lines."""
    source = module.source
    next_line = source.text[slice(*source.line_bounds(line))] if (line := (node.end_lineno or node.lineno) + 1) <= len(source.line_starts) else b""
    above = source.text[slice(*source.line_bounds(node.lineno - 1))] if node.lineno > 1 else b""
    if next_line and not next_line.strip() and not above.strip():
        return source.line_bounds(line)[1]
    return end
