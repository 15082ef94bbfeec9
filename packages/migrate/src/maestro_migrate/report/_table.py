"""The before/after table that the HTML and the Markdown report share."""

from dataclasses import dataclass

from ._model import NotMeasured, Report

__all__ = ["Row", "before_after"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of text; `verdict` is `same`, `better`, `worse`, `kept` (not worse), `open` (not measured) or empty, `note` says why."""

    name: str
    before: str
    after: str
    verdict: str = ""
    note: str = ""


def before_after(report: Report) -> list[Row]:
    """Return what was compared, with a dash and the reason where nothing was measured."""
    return [
        *_tests(report),
        _generated(report),
        _lines("Lines of code", report.loc),
        _lines("Duplicated lines", report.duplication),
        *_checks(report),
    ]


def _tests(report: Report) -> list[Row]:
    before, after = report.tests.before, report.tests.after
    rows = []
    for name in ("passed", "failed", "errors", "skipped"):
        sides = ["–" if isinstance(side, NotMeasured) else str(getattr(side, name)) for side in (before, after)]
        rows.append(Row(f"Tests {name}" if name != "errors" else "Test errors", *sides))
    reasons = sorted({side.reason for side in (before, after) if isinstance(side, NotMeasured)})
    if reasons:
        return [Row("Tests", rows[0].before, rows[0].after, "open", "; ".join(reasons))]
    count = len(report.tests.regressions)
    verdict = Row(
        "Regressions", "0", str(count), "worse" if count else "same", ", ".join(sorted(report.tests.regressions)[:5])
    )
    return [*rows, verdict]


def _generated(report: Report) -> Row:
    tests = report.tests.generated
    if isinstance(tests, NotMeasured):
        return Row("Generated tests passed", "–", "–", "open", tests.reason)
    note = f"in {tests.file}" + (f"; {tests.left_out} left out, not steady on the old code" if tests.left_out else "")
    verdict = "same" if tests.after == tests.before else "worse"
    return Row("Generated tests passed", str(tests.before), str(tests.after), verdict, note)


def _lines(name: str, value: object) -> Row:
    if isinstance(value, NotMeasured):
        return Row(name, "–", "–", "open", value.reason)
    before, after = getattr(value, "before", 0), getattr(value, "after", 0)
    verdict = _verdict(before, after) if name == "Duplicated lines" else ""  # more code is not worse code
    return Row(name, str(before), str(after), verdict, f"{after - before:+d}")


def _checks(report: Report) -> list[Row]:
    rows = []
    if isinstance(report.parity, NotMeasured):
        rows.append(Row("Identical answers", "–", "–", "open", report.parity.reason))
    else:
        parity = report.parity
        notes = [("noise", parity.noise_fields), ("added on purpose", parity.added)]
        parts = [f"{name}: {', '.join(sorted(fields))}" for name, fields in notes if fields]
        if parity.only_safe_methods:
            parts.insert(
                0, "only GET, HEAD and OPTIONS were sent, since what the app would change could not be kept from it"
            )
        note = "; ".join(parts)
        rows.append(
            Row(
                "Identical answers",
                str(parity.requests),
                str(parity.identical),
                "worse" if parity.different else "same",
                note,
            )
        )
    if isinstance(report.performance, NotMeasured):
        rows.append(Row("Performance", "–", "–", "open", report.performance.reason))
    else:
        for metric in sorted(report.performance.metrics):
            before, after = (f"{value:g} {metric.unit}" for value in (metric.before, metric.after))
            rows.append(Row(metric.name, before, after, "worse" if metric.worse else "kept"))
    if isinstance(report.security, NotMeasured):
        rows.append(Row("Security findings", "–", "–", "open", report.security.reason))
    else:
        scan = report.security
        verdict = "worse" if scan.added else _verdict(scan.before, scan.after)
        rows.append(
            Row(f"Security findings ({scan.tool})", str(scan.before), str(scan.after), verdict, ", ".join(scan.added))
        )
    return rows


def _verdict(before: int, after: int) -> str:
    if after == before:
        return "same"
    return "better" if after < before else "worse"
