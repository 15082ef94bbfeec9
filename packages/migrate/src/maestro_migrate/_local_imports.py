"""
Imports inside functions: what replaces a lazily imported name is imported as lazily, and the old import goes when nothing uses it.

A function imports where it does for a reason (a circle of modules, a slow or optional import), so the new import stands in the place of the old
one, under the same comment. It stays beside the old one where that is still used, probes for something in a `try`, or says `# noqa: F401`.
"""

import ast
import re
from collections.abc import Iterable, KeysView, Mapping, Sequence

from ._binder import Scope, Use, lookup
from ._import_places import own_lines, place_of
from ._semantics import Module
from ._spans import Change, Edit

__all__ = ["local_edits", "local_places"]

Import = ast.Import | ast.ImportFrom

_LOOKS_AT_NAMES = frozenset({"eval", "exec", "compile", "locals", "vars", "dir", "timeit", "Timer"})
_KEPT_UNUSED = re.compile(
    rb"#\s*(?:noqa(?!\s*:)|noqa\s*:[^\r\n]*\bF401\b|type:|pyright:|[^\r\n]*unused-import)", re.IGNORECASE
)


def local_places(module: Module, changes: Sequence[Change]) -> tuple[dict[str, list[Import]], set[str]]:
    """
    Return the required names that are imported inside functions, each with the imports to stand beside, and those for the top of the module.

    A name is imported locally if each change that requires it replaces a name that a function imports, and no use of it would see the wrong one
    of two local imports.
    """
    if not any(scope.kind == "function" for _, scope in module.tables.imports):
        return {}, {name for change in changes for name in change.requires}
    origins: dict[str, list[tuple[Scope, Scope | None, list[Import]]]] = {}
    heads = _imported_uses(module)
    for change in changes:
        head = next((use for start, use in heads if any(edit.start <= start < edit.end for edit in change.edits)), None)
        for name in change.requires:
            origins.setdefault(name, []).append(_origin(module, head))
    beside: dict[str, list[Import]] = {}
    for name, found in origins.items():
        owners = {id(owner) for _, owner, _ in found if owner is not None}
        if all(owner is not None and _nearest(scope, owners) is owner for scope, owner, _ in found):
            unique = {id(node): node for _, _, nodes in found for node in nodes}
            beside[name] = sorted(unique.values(), key=lambda node: node.lineno)
    return beside, {name for name in origins if name not in beside}


def _imported_uses(module: Module) -> list[tuple[int, Use]]:
    """Return the uses of imported names with their offsets, in source order."""
    found = [
        (module.source.span(use.root)[0], use)
        for name, uses in module.tables.uses.items()
        for use in uses
        if _imports_of(name, use.scope)
    ]
    return sorted(found, key=lambda pair: pair[0])


def _imports_of(name: str, scope: Scope) -> list[Import]:
    owner = lookup(name, scope)
    bindings = owner.bindings[name] if owner is not None else []
    return [binding.node for binding in bindings if isinstance(binding.node, ast.Import | ast.ImportFrom)]


def _origin(module: Module, head: Use | None) -> tuple[Scope, Scope | None, list[Import]]:
    """Return the scope of a use, and the function that imports its name with the imports; `None` where that is no function."""
    if head is None:
        return module.tables.module, None, []
    owner = lookup(head.root.id, head.scope)
    if owner is None or owner.kind != "function":
        return head.scope, None, []
    nodes = _imports_of(head.root.id, head.scope)
    standing = {id(node): scope for node, scope in module.tables.imports}
    if any(standing[id(node)] is not owner for node in nodes):
        return head.scope, None, []  # a nested function binds the name by `nonlocal`
    return head.scope, owner, nodes


def _nearest(scope: Scope | None, owners: set[int]) -> Scope | None:
    while scope is not None and id(scope) not in owners:
        scope = scope.parent
    return scope


def local_edits(
    module: Module, beside: Mapping[str, Sequence[Import]], made: Sequence[Edit], first_party: frozenset[str]
) -> list[Edit]:
    """Return the edits that put new imports beside local ones, and take away the local ones whose last uses were rewritten."""
    nodes: dict[int, Import] = {}
    lines: dict[int, dict[str, set[str]]] = {}
    for qualname, anchors in beside.items():
        home, _, name = qualname.rpartition(".")
        local = module.local_name(qualname)
        for node in anchors:
            nodes[id(node)] = node
            clause = name if name == local else f"{name} as {local}"
            lines.setdefault(id(node), {}).setdefault(home, set()).add(clause)
    gone = _unused(module, made, nodes)
    edits = []
    for key, node in nodes.items():
        fresh = [f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(lines.get(key, {}).items())]
        edits += _edits_of(module, node, fresh, gone.get(key, set()), first_party, nodes.keys())
    return edits


def _unused(module: Module, made: Sequence[Edit], nodes: dict[int, Import]) -> dict[int, set[int]]:
    """Return the positions of the aliases that go, by import; the imports are added to `nodes`."""
    gone: dict[int, set[int]] = {}
    if _LOOKS_AT_NAMES & module.tables.uses.keys():
        return gone
    for scope in module.tables.scopes:
        if scope.kind != "function":
            continue
        for local, bindings in scope.bindings.items():
            if not all(binding.kind == "import" for binding in bindings) or not _all_replaced(
                module, local, scope, made
            ):
                continue
            for binding in bindings:
                node = binding.node
                assert isinstance(node, ast.Import | ast.ImportFrom)
                index = next((i for i, alias in enumerate(node.names) if (alias.asname or alias.name) == local), None)
                if index is not None and _may_go(module, node):
                    nodes[id(node)] = node
                    gone.setdefault(id(node), set()).add(index)
    return gone


def _all_replaced(module: Module, local: str, scope: Scope, made: Sequence[Edit]) -> bool:
    """Return whether the name was used in the scope, and every use lies in a span whose new text does not mention it."""
    word = re.compile(rf"\b{re.escape(local)}\b")
    spans = [(edit.start, edit.end) for edit in made if edit.end > edit.start and not word.search(edit.text)]
    seen = [use for use in module.tables.uses.get(local, ()) if lookup(local, use.scope) is scope]
    starts = [module.source.span(use.root)[0] for use in seen]
    return bool(starts) and all(any(low <= start < high for low, high in spans) for start in starts)


def _may_go(module: Module, node: Import) -> bool:
    start, end = module.source.span(node)
    rest = module.source.text[end : module.source.line_bounds(node.end_lineno or node.lineno)[1]]
    if module.source.comments(start, end) or b"\\" in module.source.text[start:end] or _KEPT_UNUSED.search(rest):
        return False
    inner: ast.AST = node
    for outer in module.ancestors(node):
        if isinstance(outer, ast.Try) and inner in outer.body:
            return False  # it asks whether the module is there
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            return True
        inner = outer
    return False


def _edits_of(
    module: Module,
    node: Import,
    fresh: Sequence[str],
    indexes: set[int],
    first_party: frozenset[str],
    touched: KeysView[int],
) -> list[Edit]:
    source = module.source
    start, end = source.span(node)
    low, high = source.line_bounds(node.lineno)[0], source.line_bounds(node.end_lineno or node.lineno)[1]
    indent = source.text[low:start].decode()
    tail = source.text[end:high].strip()
    is_first = not indent.strip()
    joiner = f"{source.newline}{indent}" if is_first else "; "
    if len(indexes) == len(node.names):
        if fresh:
            moved = [] if tail else _moved(module, node, fresh, first_party, touched)
            return moved or [Edit(start, end, joiner.join(fresh))]
        removable = is_first and not tail and len(_block(module, node)) > 1
        return [Edit(low, high, "")] if removable else []
    edits = [_shortened(module, node, indexes)] if indexes else []
    if not fresh:
        return edits
    if is_first and (not tail or tail.startswith(b"#")):
        ends_open = source.text[high - 1 : high] not in (b"\r", b"\n")
        text = "".join(
            f"{source.newline if ends_open else ''}{indent}{line}{'' if ends_open else source.newline}"
            for line in fresh
        )
        return [*edits, Edit(high, high, text)]
    return [*edits, Edit(end, end, "; " + "; ".join(fresh))]


def _moved(
    module: Module, node: Import, fresh: Sequence[str], first_party: frozenset[str], touched: KeysView[int]
) -> list[Edit]:
    """
    Return the edits that put the new import where it belongs among the imports that stand around the old one.

    There are none where that is the old one's place, where a comment stands on it, and where another one of them is edited too.
    """
    source = module.source
    low, high = source.line_bounds(node.lineno)[0], source.line_bounds(node.end_lineno or node.lineno)[1]
    indent = source.text[low : source.span(node)[0]].decode()
    others = _neighbours(module, node)
    if len(fresh) != 1 or not others or touched & {id(each) for each in others}:
        return []
    if source.text[slice(*source.line_bounds(node.lineno - 1))].lstrip()[:1] == b"#":
        return []
    home = fresh[0].split()[1]
    place = place_of(module, home, first_party, others, None)
    if not source.text[min(high, place.offset) : max(low, place.offset)].strip():
        return []
    above = [each for each in others if each.lineno < node.lineno]
    below = [each for each in others if each.lineno > node.lineno]
    was_set_off = not above or not source.text[:low].splitlines()[-1].strip()
    if was_set_off and below and not source.text[high : source.line_bounds(below[0].lineno)[0]].strip():
        high = source.line_bounds(below[0].lineno)[0]  # its group goes, and the blank line that ended it
    elif was_set_off and above and not below:
        low = source.line_bounds(above[-1].end_lineno or above[-1].lineno)[1]
    blank = source.newline
    text = f"{blank if place.before else ''}{indent}{fresh[0]}{source.newline}{blank if place.after else ''}"
    return [Edit(low, high, ""), Edit(place.offset, place.offset, text)]


def _neighbours(module: Module, node: Import) -> list[ast.stmt]:
    """Return the other imports of the run that an import stands in; none where one of them shares its line."""
    block = [each for each in _block(module, node) if isinstance(each, ast.stmt)]
    position = block.index(node)
    run: list[ast.stmt] = [node]
    for side in (reversed(block[:position]), block[position + 1 :]):
        for each in side:
            if not isinstance(each, ast.Import | ast.ImportFrom):
                break
            run.append(each)
    if not all(own_lines(module, each) for each in run):
        return []
    return sorted(run[1:], key=lambda each: each.lineno)


def _shortened(module: Module, node: Import, indexes: Iterable[int]) -> Edit:
    kept = [alias for position, alias in enumerate(node.names) if position not in set(indexes)]
    first, last = module.source.span(node.names[0])[0], module.source.span(node.names[-1])[1]
    gap = module.source.text[module.source.span(node.names[0])[1] : module.source.span(node.names[1])[0]].decode()
    return Edit(first, last, gap.join(module.source.slice(alias) for alias in kept))


def _block(module: Module, node: ast.stmt) -> Sequence[ast.AST]:
    """Return the statements among which a statement stands."""
    parent = module.parent(node)
    blocks = (getattr(parent, name, None) for name in ("body", "orelse", "finalbody"))
    return next((block for block in blocks if isinstance(block, list) and node in block), [node])
