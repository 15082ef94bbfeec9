"""The report as JSON: sorted, and valid against `docs/report.schema.json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from ._model import NotMeasured, Report
from .checklist import checklist

__all__ = ["as_json", "as_plain"]


def as_plain(report: Report) -> dict[str, Any]:
    """Return the report as JSON types; a value that was not measured is `{"value": null, "reason": …}`."""
    return {
        "schema_version": 1,
        "service": report.service,
        "engine_version": report.engine_version,
        "files": {
            "scanned": report.files.scanned,
            "changed": report.files.changed,
            "unparsed": _rows(sorted(report.files.unparsed, key=lambda one: one.path)),
        },
        "recipes": {
            name: {"sites": one.sites, "applied": one.applied, "findings": one.findings, "title": one.title}
            for name, one in sorted(report.recipes.items())
        },
        "edits": _rows(sorted(report.edits)),
        "findings": [
            {
                "file": f.path,
                "line": f.line,
                "recipe": f.recipe,
                "reason": f.reason,
                "action": f.action,
                "level": f.level,
            }
            for f in sorted(report.findings)
        ],
        "tests": {
            "before": _value(report.tests.before),
            "after": _value(report.tests.after),
            "regressions": sorted(report.tests.regressions),
            "generated": _value(report.tests.generated),
        },
        "parity": _value(report.parity),
        "performance": _value(report.performance),
        "security": _value(report.security),
        "duplication": _value(report.duplication),
        "loc": _value(report.loc),
        "checklist": _rows(checklist(report)),
        "timings": dict(sorted(report.timings.items())),
    }


def as_json(report: Report) -> str:
    """Return the report as JSON text."""
    return json.dumps(as_plain(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(values: Sequence[Any]) -> list[dict[str, Any]]:  # any dataclass of the model
    return [asdict(value) for value in values]


def _value(value: Any) -> dict[str, Any]:  # any measured dataclass of the model
    if isinstance(value, NotMeasured):
        return {"value": None, "reason": value.reason}
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return asdict(value)
