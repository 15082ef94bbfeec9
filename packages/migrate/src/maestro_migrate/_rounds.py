"""
One file through all recipes until it rests: edits that do not overlap are made, the rest wait for the next round on the new text.

A file whose result does not parse, loses a comment or cannot be encoded keeps its old text; that is a finding, never a crash.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ._binder import lookup
from ._import_places import says_where_only
from ._imports import import_edits, unused_imports
from ._layout import alignment_edits, joined_edits
from ._line_breaks import broken_edits
from ._original_lines import OriginalLines
from ._project import Project, module_names
from ._recipe import Recipe
from ._semantics import Module
from ._source import UnreadableSource, read_source
from ._spans import Change, Edit, Finding, Safety, apply_edits, compatible
from .errors import OverlappingEdits

__all__ = ["MAX_ROUNDS", "FileResult", "rewrite_file"]

MAX_ROUNDS = 4


@dataclass(slots=True)
class FileResult:
    """What became of one file: its new bytes (`None`: unchanged), what was done and what was left."""

    path: str
    after: bytes | None = None
    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    contributions: list[tuple[str, object]] = field(default_factory=list)
    unparsed: str = ""
    rounds: int = 0


def rewrite_file(
    raw: bytes, path: str, project: Project, recipes: Sequence[Recipe], *, unsafe: bool = False
) -> FileResult:
    """Return what the recipes make of a file's bytes."""
    result = FileResult(path)
    try:
        source = read_source(raw, path)
        module = first = Module(source, project)
    except UnreadableSource as error:
        result.unparsed = str(error)
        return result
    findings: list[Finding] = []
    for _ in range(MAX_ROUNDS):
        made = _round(module, recipes, unsafe=unsafe)
        findings = [*module.findings, *_notes_no_longer_made(findings, module.findings)]
        if not made:
            break
        text = module.source.text
        try:
            module = _next_module(module, made, project)
        except (OverlappingEdits, UnreadableSource, _Spoilt) as problem:
            return _left_alone(path, findings, str(problem), "report this file to MAESTRO; it was left as it was")
        result.changes += made if text == source.text else _at_lines_of(source.text, text, made)
        result.rounds += 1
    result.findings = [*findings, *(unused_imports(first, module, result.changes[0].recipe) if result.changes else ())]
    if module.source.text != source.text:
        try:
            result.after = source.encoded(module.source.text)
        except UnreadableSource as error:
            return _left_alone(path, findings, str(error), "convert the file to UTF-8 and run again")
    result.contributions = [(change.recipe, list(item)) for change in result.changes for item in change.contributes]
    return result


def _notes_no_longer_made(before: Iterable[Finding], now: Iterable[Finding]) -> list[Finding]:
    """Return the notes of earlier rounds that a later one has no place for: what they are about was changed, and they say what else is true of it."""
    again = Counter((each.recipe, each.reason) for each in now)
    lost = []
    for each in before:
        if each.level == "none" and again[each.recipe, each.reason] <= 0:
            lost.append(each)
        again[each.recipe, each.reason] -= 1
    return lost


def _at_lines_of(original: bytes, text: bytes, changes: Sequence[Change]) -> list[Change]:
    """Return changes to a later round's text with the lines of the file as it was, which all changes of a report name."""
    lines = OriginalLines(original, text)
    return [replace(change, line=lines.of(change.line)) for change in changes]


class _Spoilt(Exception):
    """The new text would not be what the changes meant."""


def _left_alone(path: str, findings: Sequence[Finding], problem: str, action: str) -> FileResult:
    return FileResult(path, findings=[*findings, Finding(path, 1, "engine", problem, action, "warning")])


def _round(module: Module, recipes: Sequence[Recipe], *, unsafe: bool) -> list[Change]:
    proposed: list[Change] = []
    text = module.source.text
    due = [recipe for recipe in recipes if recipe.edits_with.occur_in(text)]
    module.plumbing = tuple(sorted({site for recipe in due for site in recipe.sites}))
    for recipe in due:
        for change in _changes_of(recipe, module):
            if change.safety is Safety.REVIEW and not unsafe:
                module.findings.append(
                    Finding(
                        module.path,
                        change.line,
                        recipe.id,
                        f"review: {change.reason}",
                        "look at it, then run again with --unsafe to apply it",
                    )
                )
            else:
                proposed.append(change)
    now, _later = compatible(proposed)
    return now


def _changes_of(recipe: Recipe, module: Module) -> list[Change]:
    """Return a recipe's changes; a recipe that fails on a file loses its changes to that file, and nothing else."""
    try:
        changes = list(recipe.edit(module))
        compatible(changes)
    except Exception as error:  # noqa: BLE001  # the boundary to recipes, which anybody writes
        reason = f"recipe-failed: {type(error).__name__}: {error}"
        module.findings.append(
            Finding(
                module.path,
                1,
                recipe.id,
                reason,
                "report it to the recipe's author; the recipe left this file alone",
                "warning",
            )
        )
        return []
    return changes


def _next_module(module: Module, made: Sequence[Change], project: Project) -> Module:
    """
    Return the file with the changes made.

    Raises:
        OverlappingEdits: an import that a change needs stands where another one edits.
        UnreadableSource: the new text is not Python.
        _Spoilt: a comment is gone, or a name that the new text uses is not imported.
    """
    edits = [edit for change in made for edit in change.edits]
    requires = {name for change in made for name in change.requires}
    imports = import_edits(module, made, project.first_party | project.told_style.first_party | _new_roots(made))
    edits = [edit for edit in edits if not _goes_with_import(edit, imports)]
    every = _join_at_deletions([*edits, *imports])
    every = sorted([*every, *alignment_edits(module.source, module.tree, every)])
    after = _edited(module, every, project)
    source = after.source
    dead = Counter(
        comment for change in made for start, end in change.dead for comment in _comments(module.source.text[start:end])
    )
    if any(b"#" in module.source.text[edit.start : edit.end] or "#" in edit.text for edit in every) and any(
        not says_where_only(comment) for comment in _comments(module.source.text) - _comments(source.text) - dead
    ):
        raise _Spoilt("comment-lost: the result would lose a comment")
    missing = sorted(name for name in requires if not _is_bound(after, str(module.local_name(name))))
    if missing:
        raise _Spoilt(f"import-lost: the result would use {', '.join(missing)} without importing it")
    return _laid_out(module, every, after, project)


def _goes_with_import(edit: Edit, imports: Sequence[Edit]) -> bool:
    """Return whether a recipe's edit of an import (`logging.config` becomes `logging`) is of one that goes as a whole."""
    return edit.end > edit.start and any(
        not gone.text and gone.start <= edit.start and edit.end <= gone.end and gone != edit for gone in imports
    )


def _new_roots(made: Iterable[Change]) -> frozenset[str]:
    """Return the top-level names of the files that the changes call for, which are the project's own although they are not there yet."""
    paths = {path for change in made for path, _ in change.contributes if path.endswith(".py")}
    return frozenset(name.partition(".")[0] for path in paths for name in module_names(path))


def _edited(module: Module, edits: Sequence[Edit], project: Project) -> Module:
    text = apply_edits(module.source.text, edits)
    try:
        return Module(replace(module.source, text=text), project)
    except UnreadableSource as error:
        raise UnreadableSource(f"result-does-not-parse: {error}") from error


def _laid_out(module: Module, edits: Sequence[Edit], after: Module, project: Project) -> Module:
    """Return the new text with statements joined that fit on a line now and calls broken that no longer do, as the service's tools want it; else as it was."""
    lines: list[Edit] = []
    if project.line_length is not None:
        lines += joined_edits(module.source, module.tree, edits, after.source, after.tree, project.line_length)
    if project.line_limit is not None:
        commas = project.told_style.trailing_commas
        lines += broken_edits(module.source, edits, after.source, after.tree, project.line_limit, commas=commas)
    if not lines:
        return after
    laid_out = _edited(after, lines, project)
    return laid_out if ast.dump(laid_out.tree) == ast.dump(after.tree) else after


def _is_bound(module: Module, name: str) -> bool:
    """Return whether every use of a name sees an import of it."""
    if not any(name in scope.bindings for scope in module.tables.scopes):
        return False
    for use in module.tables.uses.get(name, ()):
        owner = lookup(name, use.scope)
        if owner is None or all(binding.kind != "import" for binding in owner.bindings[name]):
            return False
    return True


def _join_at_deletions(edits: Sequence[Edit]) -> list[Edit]:
    """Fold insertions at the edge of a deletion into it, so that an import may take the line of the one it replaces."""
    unique = sorted(set(edits))
    deletions = [edit for edit in unique if edit.end > edit.start and not edit.text]
    rest = [edit for edit in unique if edit not in deletions]
    for position, gone in enumerate(deletions):
        inside = [edit for edit in rest if edit.start == edit.end and gone.start <= edit.start < gone.end]
        rest = [edit for edit in rest if edit not in inside]
        deletions[position] = Edit(gone.start, gone.end, "".join(edit.text for edit in inside))
    return sorted([*rest, *deletions])


def _comments(text: bytes) -> Counter[str]:
    try:
        return Counter(
            t.string
            for t in tokenize.generate_tokens(io.StringIO(re.sub("\r\n?", "\n", text.decode())).readline)
            if t.type == tokenize.COMMENT
        )
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return Counter()
