"""
One file through all recipes until it rests: edits that do not overlap are made, the rest wait for the next round on the new text.

A file whose result does not parse, loses a comment or cannot be encoded keeps its old text; that is a finding, never a crash.
"""

import io
import re
import tokenize
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ._imports import import_edits
from ._project import Project
from ._recipe import Recipe
from ._semantics import Module
from ._source import Source, UnreadableSource, parse, read_source
from ._spans import Change, Edit, Finding, Safety, apply_edits, compatible

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


def rewrite_file(raw: bytes, path: str, project: Project, recipes: Sequence[Recipe], *, unsafe: bool = False) -> FileResult:
    """Return what the recipes make of a file's bytes."""
    result = FileResult(path)
    try:
        source = read_source(raw, path)
        parse(source)
    except UnreadableSource as error:
        result.unparsed = str(error)
        return result
    original, current = source, source
    findings: list[Finding] = []
    for _ in range(MAX_ROUNDS):
        module = Module(current, project)
        made = _round(module, recipes, unsafe=unsafe)
        findings = module.findings
        if not made:
            break
        text = _applied(module, made, project)
        problem = _problem(current, text)
        if problem:
            result.findings = [*findings, Finding(path, 1, "engine", problem, "report this file to MAESTRO; it was left as it was", "warning")]
            result.changes, result.after = [], None
            return result
        result.changes += made
        result.rounds += 1
        current = Source(path, text, source.encoding, source.bom)
    result.findings = findings
    result.contributions = [(change.recipe, list(item)) for change in result.changes for item in change.contributes]
    if current.text != original.text:
        try:
            result.after = original.encoded(current.text)
        except UnreadableSource as error:
            result.findings, result.changes = [*findings, Finding(path, 1, "engine", str(error), "convert the file to UTF-8 and run again")], []
    return result


def _round(module: Module, recipes: Sequence[Recipe], *, unsafe: bool) -> list[Change]:
    proposed: list[Change] = []
    text = module.source.text
    for recipe in recipes:
        if recipe.words and not any(word.encode() in text for word in recipe.words):
            continue
        changes = list(recipe.edit(module))
        for change in changes:
            if change.safety is Safety.REVIEW and not unsafe:
                module.findings.append(Finding(module.path, change.line, recipe.id, f"review: {change.reason}", "look at it, then run again with --unsafe to apply it"))
            else:
                proposed.append(change)
    now, _later = compatible(proposed)
    return now


def _applied(module: Module, made: Sequence[Change], project: Project) -> bytes:
    edits = [edit for change in made for edit in change.edits]
    replaced = [(edit.start, edit.end) for edit in edits if edit.end > edit.start]
    first_party = frozenset(name.split(".")[0] for name in map(project.import_name, project.files))
    requires = {name for change in made for name in change.requires}
    imports = [e for e in import_edits(module, requires, replaced, first_party) if not any(e.start < high and low < e.end for low, high in replaced)]
    return apply_edits(module.source.text, _join_at_deletions([*edits, *imports]))


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


def _problem(before: Source, text: bytes) -> str:
    try:
        parse(Source(before.path, text))
    except UnreadableSource as error:
        return f"result-does-not-parse: {error}"
    if b"#" in before.text and _comments(text) < _comments(before.text):
        return "comment-lost: the result would lose a comment"
    return ""


def _comments(text: bytes) -> Counter[str]:
    try:
        return Counter(t.string for t in tokenize.generate_tokens(io.StringIO(re.sub("\r\n?", "\n", text.decode())).readline) if t.type == tokenize.COMMENT)
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return Counter()
