"""The report for a pull request: what matters first, cut politely at the size that code hosts accept."""

from ._model import Report
from ._table import before_after
from .checklist import checklist

__all__ = ["LIMIT", "as_markdown"]

LIMIT = 65_000
_TAIL = "\n_{left} more lines are left out here; `report.html` and `report.json` have everything._\n"
_BOX = {"done": "x", "open": " ", "not applicable": "x"}


def as_markdown(report: Report, *, limit: int = LIMIT) -> str:
    """Return Markdown of at most `limit` characters; what does not fit is counted at the end."""
    lines = _lines(report)
    kept: list[str] = []
    room = limit - len(_TAIL) - 12
    for at, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return "\n".join(kept) + "\n" + _TAIL.format(left=len(lines) - at)
        kept.append(line)
    return "\n".join(kept) + "\n"


def _lines(report: Report) -> list[str]:
    applied = sum(recipe.applied for recipe in report.recipes.values())
    sites = sum(recipe.sites for recipe in report.recipes.values())
    lines = [
        f"# Migration of {_plain(report.service)}",
        "",
        (
            f"{applied} of {sites} sites rewritten in {report.files.changed} of {report.files.scanned} files;"
            f" {len(report.left)} left to a person, {len(report.notes)} notes."
        ),
        *("", "## Before and after", "", "| | Before | After | | |", "|---|---:|---:|---|---|"),
    ]
    lines += [
        f"| {_cell(r.name)} | {_cell(r.before)} | {_cell(r.after)} | {r.verdict} | {_cell(r.note)} |"
        for r in before_after(report)
    ]
    lines += ["", "## Checklist", ""]
    lines += [
        f"- [{_BOX[i.status]}] **{i.phase}** {i.item} – {i.status}: {_plain(i.evidence)}" for i in checklist(report)
    ]
    lines += ["", "## Recipes", "", "| Recipe | Sites | Rewritten | Left |", "|---|---:|---:|---:|"]
    lines += [
        f"| `{_code(name)}` | {r.sites} | {r.applied} | {r.findings} |" for name, r in sorted(report.recipes.items())
    ]
    for title, findings in (("Left to a person", report.left), ("Notes", report.notes)):
        lines += ["", f"## {title}", ""] if findings else []
        lines += [
            f"- `{_code(f.path)}:{f.line}` ({_plain(f.recipe)}) {_plain(f.reason)} → {_plain(f.action)}"
            for f in findings
        ]
    lines += ["", "## Not readable", ""] if report.files.unparsed else []
    lines += [f"- `{_code(u.path)}` {_plain(u.reason)}" for u in sorted(report.files.unparsed, key=lambda u: u.path)]
    lines += ["", "## Changes", ""] if report.edits else []
    lines += [
        f"- `{_code(e.file)}:{e.line}` ({_plain(e.recipe)}, {e.safety}) {_plain(e.reason)}"
        for e in sorted(report.edits)
    ]
    return lines


def _plain(text: str) -> str:
    flat = " ".join(text.split())
    for sign in "\\`*_[]":
        flat = flat.replace(sign, f"\\{sign}")
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace("@", "@\u200b")  # a report mentions nobody


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _code(text: str) -> str:
    return " ".join(text.split()).replace("`", "'").replace("|", "\\|")
