"""Findings as SARIF 2.1.0 (OASIS, 2020), for code hosts and editors."""

import hashlib
import json
from collections import Counter
from typing import Any
from urllib.parse import quote

from .._spans import Finding
from ._model import RecipeSummary, Report

__all__ = ["as_sarif"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"note": "note", "warning": "warning", "error": "error", "none": "none"}


def as_sarif(report: Report) -> str:
    """Return the findings as SARIF text; fingerprints do not depend on line numbers, so that findings survive edits above them."""
    findings = sorted(report.findings)
    names = sorted({finding.recipe for finding in findings} | set(report.recipes))
    seen: Counter[tuple[str, str, str]] = Counter()
    results = []
    for finding in findings:
        key = (finding.path, finding.recipe, finding.reason)
        results.append(_result(finding, names.index(finding.recipe), seen[key]))
        seen[key] += 1
    driver = {
        "name": "maestro-migrate",
        "version": report.engine_version,
        "rules": [_rule(name, report.recipes.get(name)) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the service."}}},
        "results": results,
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str, recipe: RecipeSummary | None) -> dict[str, Any]:
    title = (recipe.title if recipe else "") or name.replace("_", " ").replace("-", " ")
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": title}}
    page = (recipe.page if recipe else "") or title
    rule["help"] = {"text": page, "markdown": page}
    if recipe and recipe.help_uri:
        rule["helpUri"] = recipe.help_uri
    return rule


def _result(finding: Finding, rule: int, occurrence: int) -> dict[str, Any]:
    identity = "\0".join((finding.path, finding.recipe, finding.reason, str(occurrence)))
    return {
        "ruleId": finding.recipe,
        "ruleIndex": rule,
        "level": _LEVELS.get(finding.level, "note"),
        "message": {"text": f"{finding.reason}. What to do: {finding.action}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": max(finding.line, 1)},
                }
            }
        ],
        "partialFingerprints": {"maestroFinding/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }
