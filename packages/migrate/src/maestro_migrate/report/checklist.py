"""
The checklist before, during and after a migration, ticked by evidence.

An item is done only where the report's own numbers or a given `Evidence` show it; without either it stays open.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ._model import NotMeasured, Report

__all__ = ["ITEMS", "ChecklistItem", "Status", "checklist"]

Status = Literal["done", "open", "not applicable"]
_Verdict = tuple[Status, str]

ITEMS: dict[str, tuple[str, str]] = {
    "backup": ("before", "The service is backed up"),
    "dependencies-documented": ("before", "Dependencies are documented"),
    "configuration-documented": ("before", "Configuration is documented"),
    "business-logic": ("before", "Custom business logic is identified"),
    "downtime-window": ("before", "A downtime window is agreed"),
    "dependencies": ("during", "Dependencies are replaced"),
    "code": ("during", "Code patterns are rewritten"),
    "configuration": ("during", "Configuration is migrated"),
    "database": ("during", "Database set-up is migrated"),
    "tests-migrated": ("during", "Tests are migrated or generated"),
    "tests-run": ("during", "The service's tests were run on both sides"),
    "parity": ("during", "Old and new answer alike"),
    "staging": ("during", "The service is deployed to staging"),
    "tests": ("after", "All tests pass"),
    "performance": ("after", "Performance is not worse"),
    "security": ("after", "Security is not worse"),
    "dashboards": ("after", "Dashboards are in place"),
    "docs": ("after", "Documentation is up to date"),
    "training": ("after", "The team is trained"),
}


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One item: its key, phase and wording, whether it is settled and what shows that."""

    key: str
    phase: str
    item: str
    status: Status
    evidence: str


def checklist(report: Report) -> tuple[ChecklistItem, ...]:
    """Return the items in their order, each settled by the report's numbers or else by the evidence given for it."""
    items = []
    for key, (phase, words) in ITEMS.items():
        status, evidence = _measured(report, key) or _given(report, key)
        items.append(ChecklistItem(key, phase, words, status, evidence))
    return tuple(items)


def _given(report: Report, key: str) -> _Verdict:
    evidence = report.evidence.get(key)
    if evidence is None:
        return "open", "no evidence was given"
    return ("done" if evidence.applies else "not applicable"), evidence.text


def _measured(report: Report, key: str) -> _Verdict | None:
    rules: dict[str, Callable[[Report], _Verdict | None]] = {
        "business-logic": _findings,
        "code": _code,
        "tests-migrated": _tests_generated,
        "tests-run": _tests_run,
        "parity": _parity,
        "tests": _tests,
        "performance": _performance,
        "security": _security,
    }
    rule = rules.get(key)
    return rule(report) if rule else _written(report, key)


def _written(report: Report, key: str) -> _Verdict | None:
    themes = {
        "dependencies": {"dependencies"},
        "configuration": {"configuration", "config"},
        "database": {"database"},
    }
    files = sorted(diff.file for diff in report.diffs if diff.theme in themes.get(key, set()))
    if not files:
        return None
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return "done", f"changed: {', '.join(files[:3])}{more}"


def _findings(report: Report) -> _Verdict | None:
    if not report.files.scanned:
        return None
    count = len(report.left)
    return (
        "done",
        f"{report.files.scanned} files read; {count} place{'s' * (count != 1)} left to a person, each listed with its reason",
    )


def _code(report: Report) -> _Verdict | None:
    sites = sum(recipe.sites for recipe in report.recipes.values())
    applied = sum(recipe.applied for recipe in report.recipes.values())
    if not sites:
        return "not applicable", "no plumbing site was found"
    return ("done" if applied == sites else "open"), f"{applied} of {sites} sites rewritten"


def _tests_generated(report: Report) -> _Verdict | None:
    tests = report.tests.generated
    if isinstance(tests, NotMeasured):
        return None if "tests-migrated" in report.evidence else ("open", tests.reason)
    return (
        ("done" if tests.after == tests.before else "open"),
        f"{tests.before} tests generated from the old code, {tests.after} of them pass on the new: {', '.join(tests.names[:3])}",
    )


def _tests_run(report: Report) -> _Verdict | None:
    for side, counts in (("before", report.tests.before), ("after", report.tests.after)):
        if isinstance(counts, NotMeasured):
            return "open", f"{side}: {counts.reason}"
    return "done", "run before and after"


def _tests(report: Report) -> _Verdict | None:
    after = report.tests.after
    if isinstance(after, NotMeasured):
        return "open", after.reason
    good = not (after.failed or after.errors or report.tests.regressions) and after.passed > 0
    return (
        ("done" if good else "open"),
        f"{after.passed} passed, {after.failed} failed, {after.errors} errors, {len(report.tests.regressions)} regressions",
    )


def _parity(report: Report) -> _Verdict | None:
    parity = report.parity
    if isinstance(parity, NotMeasured):
        return None if "parity" in report.evidence else ("open", parity.reason)
    good = parity.requests > 0 and parity.identical == parity.requests and not parity.different
    return (
        "done" if good else "open"
    ), f"{parity.identical} of {parity.requests} answers identical, {parity.different} different"


def _performance(report: Report) -> _Verdict | None:
    performance = report.performance
    if isinstance(performance, NotMeasured):
        return None if "performance" in report.evidence else ("open", performance.reason)
    worse = [metric.name for metric in performance.metrics if metric.worse]
    if worse or not performance.metrics:
        return "open", f"worse: {', '.join(worse)}" if worse else "nothing was measured"
    return "done", f"{len(performance.metrics)} metrics compared, none worse ({performance.method})"


def _security(report: Report) -> _Verdict | None:
    security = report.security
    if isinstance(security, NotMeasured):
        return None if "security" in report.evidence else ("open", security.reason)
    good = not security.added and security.after <= security.before
    return (
        "done" if good else "open"
    ), f"{security.tool}: {security.before} before, {security.after} after, {len(security.added)} new"
