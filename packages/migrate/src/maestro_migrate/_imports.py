"""
Imports follow by themselves: the names that new text needs are imported once, and an import that a change leaves unused goes.

A new import is merged into the file's `from` import of the same module, or stands in the group where isort would put it. An import is
removed only when every use of it was rewritten and nothing else relies on the name: `__all__`, another module, a patched string, a doctest.
What stands inside a function is the business of `_local_imports`. Imports in class bodies (attributes of the class), in `try` (what they probe
for), under conditions and under `if TYPE_CHECKING` stay as they are, and the new import stands at the top.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

from ._binder import Scope, Use, lookup
from ._import_places import (
    Place,
    anchor_of,
    header_of,
    late_mark,
    own_lines,
    place_of,
    rank,
    says_where_only,
    shares_line,
)
from ._local_imports import local_edits, local_places
from ._semantics import Module
from ._spans import Change, Edit, Finding

__all__ = ["import_edits", "unused_imports"]

_HARMLESS = frozenset({"logging.config", "os.path"})
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
    return [*_top_level(module, requires, made, first_party), *local_edits(module, beside, made, first_party)]


def unused_imports(before: Module, after: Module, recipe: str) -> list[Finding]:
    """Return a finding for each import that the changes left unused and that stands all the same, with why it was not removed."""
    found = []
    for node, scope in after.tables.imports:
        for alias in node.names:
            local = alias.asname or alias.name.partition(".")[0]
            if _uses(after, local, scope) or not _was_used(before, local, scope.kind):
                continue
            why = _why_kept(after, node, scope, local)
            reason = f"import-left: nothing here uses `{local}` any more, but {why}"
            action = "remove the import once nothing outside of this file relies on it"
            found.append(Finding(after.path, node.lineno, recipe, reason, action, "none"))
    return found


def _was_used(before: Module, local: str, kind: str) -> bool:
    """Return whether something saw an import of a name in such a scope: a name that a function imports for itself uses none of the module's."""
    return any(
        _uses(before, local, scope)
        for node, scope in before.tables.imports
        if scope.kind == kind and any(local in (alias.asname, alias.name.partition(".")[0]) for alias in node.names)
    )


def _uses(module: Module, local: str, owner: Scope) -> list[Use]:
    """Return the uses of a name that may see what a scope binds: all but those that see a function's own."""
    uses = ((use, lookup(local, use.scope)) for use in module.tables.uses.get(local, ()))
    return [use for use, seen in uses if seen is None or seen is owner or seen.kind != "function"]


def _why_kept(module: Module, node: ast.stmt, scope: Scope, local: str) -> str:
    relied_on = module.project.needs_name(module.path, local, listed=_listed(module)) if scope.kind == "module" else ""
    if relied_on:
        return relied_on
    if scope.kind == "class":
        return "it is an attribute of its class"
    if module.is_typing_only(node):
        return "it stands under TYPE_CHECKING"
    if any(isinstance(outer, ast.Try) for outer in module.ancestors(node)):
        return "the `try` around it asks whether the module is there"
    if not _stands_freely(module, node):
        conditional = any(isinstance(outer, ast.If) for outer in module.ancestors(node))
        return "it stands under a condition" if conditional else "it stands inside another statement"
    if not own_lines(module, node):
        return "it shares its line with another statement"
    if _has_comment(module, node):
        return "the comment beside it may be about more"
    if isinstance(node, ast.Import) and any("." in alias.name for alias in node.names):
        return "it also makes a submodule known to others"
    return "`__all__`, a string, a backslash or the package's own file may rely on it"


def _has_comment(module: Module, node: ast.stmt) -> bool:
    low, high = module.source.line_bounds(node.lineno)[0], module.source.line_bounds(node.end_lineno or node.lineno)[1]
    return module.source.comments(low, high)


def _names_of(node: ast.stmt) -> list[str]:
    """Return the modules that an import statement names, none for a relative one or another statement."""
    if isinstance(node, ast.ImportFrom):
        return [node.module] if node.module and not node.level else []
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _top_level(
    module: Module, requires: Collection[str], made: Sequence[Edit], first_party: frozenset[str]
) -> list[Edit]:
    first_line = min((module.source.line_of(edit.start) for edit in made), default=1)
    touched = {
        name
        for name, uses in module.tables.uses.items()
        if any(edit.start <= module.source.span(use.root)[0] < edit.end for use in uses for edit in made)
    }
    removals = _removals(module, made, touched)
    dropped = [node for node, indexes in removals if len(indexes) == len(node.names)]
    # What stands above a path that is set up shows that installed packages are found without it: `lib` may hold them all.
    above = [name for node in module.tree.body for name in _names_of(node)]
    homes = {qualname.rpartition(".")[0] for qualname in requires}
    installed = all(rank(home, first_party) == 2 for home in homes) and any(rank(n, first_party) == 2 for n in above)
    prefix, header = header_of(module, first_line, anchor_of(module, touched, first_line), installed=installed)
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
    fresh: dict[int, list[tuple[Place, str]]] = {}
    for home, names in _statements(module, requires):
        stands_alone = _has_one_name_each(module) or (names[0][0] != names[0][1] and not _joins_renamed(module))
        merged = None if stands_alone else _merge(module, home, names, first_line)
        if merged is not None:
            edits.append(merged)
            continue
        clauses = ", ".join(_clause(name, local) for name, local in names)
        line = f"from {home} import {clauses}{late_mark(module, header)}"
        if not staying and not header and prefix is not None and shares_line(module, prefix):
            end = module.source.span(prefix)[1]
            edits.append(Edit(end, end, f"; {line}"))
            continue
        if header and not staying:
            place = Place(module.source.line_bounds(header[0].lineno)[0], rank(home, first_party))
        else:
            place = place_of(module, home, first_party, staying, prefix, name=names[0][0])
        fresh.setdefault(place.offset, []).append((place, line))
    edits += [Edit(offset, offset, _block(module, offset, lines, bare=not staying)) for offset, lines in fresh.items()]
    return _joined_inline(edits)


def _block(module: Module, offset: int, lines: Sequence[tuple[Place, str]], *, bare: bool) -> str:
    """Return the new lines of one place in the order of their groups, set off from each other where the file's groups are."""
    newline = module.source.newline
    ordered = sorted(lines, key=lambda pair: (pair[0].rank, pair[1]))
    ends_open = offset == len(module.source.text) and module.source.text[-1:] not in (b"\r", b"\n", b"")
    pieces = [newline if ends_open else "", newline if ordered[0][0].before else "", ordered[0][1], newline]
    for (above, _), (place, line) in pairwise(ordered):
        apart = place.rank != above.rank and (bare or above.after or place.before)
        pieces += [newline if apart else "", line, newline]
    return "".join([*pieces, newline if ordered[-1][0].after else ""])


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


def _statements(module: Module, requires: Iterable[str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield a module with the names to import from it for each statement to be: one for each name where the file has it so, and for each that gets another one."""
    alone = _has_one_name_each(module)
    for home, names in _wanted(module, requires).items():
        apart = names if alone else [] if _joins_renamed(module) else [pair for pair in names if pair[0] != pair[1]]
        yield from ((home, [pair]) for pair in apart)
        if together := [pair for pair in names if pair not in apart]:
            yield home, together


def _joins_renamed(module: Module) -> bool:
    """Return whether the file imports names under other ones together with more, as isort's `combine_as_imports` has it."""
    found = [node for node in module.tree.body if isinstance(node, ast.ImportFrom) and len(node.names) > 1]
    return any(alias.asname for node in found for alias in node.names)


def _has_one_name_each(module: Module) -> bool:
    """Return whether a linter wants it, or the file has several statements of one name each for one module: isort's `force_single_line`."""
    if module.project.told_style.one_name_each:
        return True
    found = [node for node in module.tree.body if isinstance(node, ast.ImportFrom)]
    homes = [(node.level, node.module) for node in found]
    return len(homes) > len(set(homes)) and all(len(node.names) == 1 for node in found)


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
        if node.names[0].asname and len(node.names) == 1:
            continue  # a name under another one has its statement for itself
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


def _removals(
    module: Module, made: Sequence[Edit], candidates: Iterable[str]
) -> list[tuple[ast.Import | ast.ImportFrom, set[int]]]:
    """Return the import statements to shorten, with the positions of the aliases that go; comments, `# noqa` and shared lines keep one whole."""
    gone: dict[int, tuple[ast.Import | ast.ImportFrom, set[int]]] = {}
    for local in sorted(set(candidates)):
        for node, index in _removable(module, local, made):
            gone.setdefault(id(node), (node, set()))[1].add(index)
    return [(node, indexes) for node, indexes in gone.values() if _may_shorten(module, node, indexes)]


def _may_shorten(module: Module, node: ast.Import | ast.ImportFrom, indexes: set[int]) -> bool:
    start, _ = module.source.line_bounds(node.lineno)
    _, end = module.source.line_bounds(node.end_lineno or node.lineno)
    text = module.source.text[start:end]
    if not own_lines(module, node) or b"\\" in text:
        return False
    return b"#" not in text or (len(indexes) == len(node.names) and says_where_only(text[text.index(b"#") :].decode()))


def _removable(module: Module, local: str, made: Sequence[Edit]) -> list[tuple[ast.Import | ast.ImportFrom, int]]:
    """Return the statements that bind a name which nothing needs after the edits, each with the position of its alias."""
    bindings = module.tables.module.bindings.get(local, [])
    imports = [each.node for each in bindings if each.kind == "import"]
    nodes = [node for node in imports if isinstance(node, ast.Import | ast.ImportFrom)]
    if len(nodes) != len(bindings) or not all(_may_go(module, node, local, alone=len(nodes) == 1) for node in nodes):
        return []
    if module.project.needs_name(module.path, local, listed=_listed(module)) or module.is_reflective:
        return []
    gone = [(edit.start, edit.end) for edit in made if edit.end > edit.start and not _is_named(local, edit.text)]
    for use in _uses(module, local, module.tables.module):
        start, end = module.source.span(use.root)
        if not any(low <= start and end <= high for low, high in gone):
            return []
    is_type = any(isinstance(node, ast.ImportFrom) for node in nodes)
    if _in_strings(module, local, gone, is_type=is_type) or _in_type_comments(module, local):
        return []
    return [(node, _bound(node).index(local)) for node in nodes if local in _bound(node)]


def _bound(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [alias.asname or alias.name.partition(".")[0] for alias in node.names]


def _may_go(module: Module, node: ast.Import | ast.ImportFrom, local: str, *, alone: bool) -> bool:
    """Return whether one of the statements that bind a name may go: one of several only where all bind the same package (`import a, a.b`)."""
    if not _stands_freely(module, node) or _in_all(module, local):
        return False
    if module.path.endswith("__init__.py") and not _is_standard(node, local):
        return False
    if not isinstance(node, ast.Import):
        return alone
    names = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) == local]
    if not alone and (len(names) != 1 or names[0].asname):
        return False
    return all("." not in alias.name or alias.name in _HARMLESS or alias.asname for alias in names)


def _is_named(local: str, text: str) -> bool:
    """Return whether new text may use a name: an attribute of another one, or a word of a plain string, is no use."""
    if re.search(rf"\b{re.escape(local)}\b", text) is None:
        return False
    try:
        tokens = [(token.type, token.string) for token in tokenize.generate_tokens(io.StringIO(text).readline)]
    except (tokenize.TokenError, SyntaxError):
        return True  # half an expression, whose brackets are closed elsewhere
    plain = [token for token in tokens if token[0] != tokenize.STRING or re.match("[bru]*f", token[1].lower())]
    return any(
        local == word or (kind == tokenize.STRING and local in word)
        for before, (kind, word) in pairwise([(tokenize.NL, ""), *plain])
        if before[1] != "."
    )


def _is_standard(node: ast.Import | ast.ImportFrom, local: str) -> bool:
    """Return whether a name comes from the standard library, which no package's own file hands on unless it says so (`import os as os`)."""
    alias = next((alias for alias in node.names if (alias.asname or alias.name) == local), None)
    if alias is None or alias.asname == alias.name:
        return False
    home = alias.name if isinstance(node, ast.Import) else "" if node.level else node.module or ""
    return home.partition(".")[0] in sys.stdlib_module_names


def _stands_freely(module: Module, node: ast.stmt) -> bool:
    """Return whether a statement stands in the module itself, or under `if __name__ == "__main__":` beside what is no import."""
    if node in module.tree.body:
        return True
    block = module.parent(node)
    return (
        isinstance(block, ast.If)
        and module.parent(block) is module.tree
        and ast.unparse(block.test) == "__name__ == '__main__'"
        and node in block.body
        and any(not isinstance(other, ast.Import | ast.ImportFrom) for other in block.body)
    )


def _in_all(module: Module, local: str) -> bool:
    """Return whether `__all__` may list a name; where more than one plain list says so, any text of the file may belong to it."""
    listed = _listed(module)
    if listed is not None:
        return local in listed
    return (
        b"__all__" in module.source.text
        and re.search(rb"""["']""" + re.escape(local).encode() + rb"""["']""", module.source.text) is not None
    )


def _listed(module: Module) -> frozenset[str] | None:
    """Return the names in `__all__` where it is one plain list that nothing changes, else `None`."""
    bindings = module.tables.module.bindings.get("__all__", [])
    if len(bindings) != 1 or module.tables.uses.get("__all__"):
        return None
    value = bindings[0].value
    if not isinstance(value, ast.List | ast.Tuple):
        return None
    names = [each.value for each in value.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return frozenset(names) if len(names) == len(value.elts) else None


_EVALUATORS = frozenset({"eval", "exec", "compile", "timeit", "Timer"})


def _in_strings(module: Module, local: str, gone: Sequence[tuple[int, int]], *, is_type: bool) -> bool:
    """Return whether a string that may be code (a doctest, an annotation, what is evaluated) mentions the name; a module alone is no type."""
    alone = r"|[\]|,]|$" if is_type else ""
    mention = re.compile(rf"(?<![\w.]){re.escape(local)}\s*(\.\s*\w{alone})")
    evaluated = bool(_EVALUATORS & module.tables.uses.keys()) or b"__main__ import" in module.source.text
    word = re.compile(rf"\b{re.escape(local)}\b")
    if len(re.findall(word.pattern.encode(), module.source.text)) <= len(module.tables.uses.get(local, ())) + 1:
        return False  # no mention but the import and the uses
    for node in module.nodes(ast.Constant):
        if not (isinstance(node.value, str) and word.search(node.value)):
            continue
        start, end = module.source.span(node)
        if any(low <= start and end <= high for low, high in gone) or _is_class_of_handler(module, node):
            continue
        if (
            (evaluated and not isinstance(module.parent(node), ast.Expr))
            or _in_doctest(word, node.value)
            or (re.fullmatch(r"[\w.\[\], |'\"]+", node.value) and mention.search(node.value))
        ):
            return True
    return False


def _in_doctest(word: re.Pattern[str], text: str) -> bool:
    lines = [line.lstrip() for line in text.splitlines()] if ">>>" in text else []
    code = [line[3:].lstrip() for line in lines if line.startswith((">>>", "..."))]
    return any(word.search(line) for line in code if not line.startswith("#"))


def _is_class_of_handler(module: Module, node: ast.Constant) -> bool:
    """Return whether a string names a class as `dictConfig` has it (`{"class": "logging.StreamHandler"}`), which imports it by itself."""
    holder = module.parent(node)
    return (
        isinstance(holder, ast.Dict)
        and not isinstance(module.parent(holder), ast.Call)  # of TypedDict, where it would be a type
        and any(
            value is node and isinstance(key, ast.Constant) and key.value in {"class", "()"}
            for key, value in zip(holder.keys, holder.values, strict=True)
        )
    )


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
