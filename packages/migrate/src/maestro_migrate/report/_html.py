"""The report as one HTML file: no script, no network, readable on a phone, in print, in light and in dark."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from .._spans import Finding
from ._model import EditRow, FileDiff, RecipeSummary, Report
from ._table import before_after
from .checklist import checklist

__all__ = ["DiffLine", "as_html", "diff_lines"]

_BREAK = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a unified diff with its numbers on either side; `kind` is `add`, `del`, `same` or `gap`."""

    kind: str
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class _FileSection:
    file: str
    kind: str
    diff: list[DiffLine]
    edits: list[EditRow]
    findings: list[Finding]

    def count(self, kind: str) -> int:
        return sum(line.kind == kind for line in self.diff)


def as_html(report: Report) -> str:
    """Return the report as HTML."""
    environment = Environment(
        loader=PackageLoader("maestro_migrate.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    items = checklist(report)
    named = {*report.recipes, *(finding.recipe for finding in report.findings)}
    return environment.get_template("report.html").render(
        report=report,
        applied=sum(recipe.applied for recipe in report.recipes.values()),
        sites=sum(recipe.sites for recipe in report.recipes.values()),
        rows=before_after(report),
        phases=[(phase, list(group)) for phase, group in groupby(items, key=lambda item: item.phase)],
        settled=sum(item.status != "open" for item in items),
        total=len(items),
        recipes=[(name, report.recipes.get(name, RecipeSummary(0, 0, 0))) for name in sorted(named)],
        findings={name: list(group) for name, group in _by_recipe(report)},
        files=_sections(report),
        unparsed=sorted(report.files.unparsed, key=lambda one: one.path),
        timings=sorted(report.timings.items()),
    )


def diff_lines(diff: FileDiff, *, context: int = 3) -> list[DiffLine]:
    """Return the unified diff of a file with line numbers; unchanged stretches become one `gap`."""
    old, new = _split(diff.before), _split(diff.after)
    lines: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        first = group[0]
        lines.append(DiffLine("gap", None, None, f"@@ line {first[1] + 1} → line {first[3] + 1}"))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [DiffLine("same", i1 + n + 1, j1 + n + 1, old[i1 + n]) for n in range(i2 - i1)]
            else:
                lines += [DiffLine("del", n + 1, None, old[n]) for n in range(i1, i2)]
                lines += [DiffLine("add", None, n + 1, new[n]) for n in range(j1, j2)]
    return lines


def _split(text: str | None) -> list[str]:
    lines = _BREAK.split(text) if text else []
    return lines[:-1] if lines and not lines[-1] else lines


def _by_recipe(report: Report) -> Iterator[tuple[str, Iterator[Finding]]]:
    return groupby(
        sorted(report.findings, key=lambda finding: (finding.recipe, finding)), key=lambda finding: finding.recipe
    )


def _sections(report: Report) -> list[_FileSection]:
    return [
        _FileSection(
            diff.file,
            "added" if diff.before is None else "removed" if diff.after is None else "changed",
            diff_lines(diff),
            sorted(edit for edit in report.edits if edit.file == diff.file),
            sorted(finding for finding in report.findings if finding.path == diff.file),
        )
        for diff in sorted(report.diffs, key=lambda diff: diff.file)
    ]
