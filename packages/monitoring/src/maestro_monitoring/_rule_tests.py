"""Unit tests of the rules, for `promtool test rules`: each SLO's alerts fire when they should and only then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client.utils import floatToGoString

from ._rules import BURN_WINDOWS, alert_annotations, alert_labels, alert_name, distinct, quoted
from ._slo import SLO

_REQUESTS_A_MINUTE = 100_000
_MINUTES = 120


def rule_tests(slos: Sequence[SLO], *, rules_file: str) -> dict[str, Any]:
    """Give the content of a promtool test file beside `rules_file`.

    For every SLO: requests within the budget raise nothing; a burn at 1.5 times the ticket's rate raises the
    ticket alone; one at 1.5 times the page's rate raises both; and the page ends when the errors end.
    A rate that would need more than all requests to be bad cannot be tested and has no test.
    """
    tests = [test for slo in distinct(slos) for test in _tests_of(slo)]
    return {"rule_files": [rules_file], "evaluation_interval": "5m", "tests": tests}


def _tests_of(slo: SLO) -> list[dict[str, Any]]:
    ticket, page = (
        min(burn.factor(slo.window_days) for burn in BURN_WINDOWS if burn.severity == severity)
        for severity in ("ticket", "page")
    )
    tests = [
        _test(slo, f"{slo.id}: no errors", 0.0, [("1h", [])]),
        _test(slo, f"{slo.id}: within the budget", 0.5 * min(ticket, 1) * slo.error_budget, [("1h", [])]),
    ]
    if 1.5 * ticket * slo.error_budget <= 1:
        tests.append(_test(slo, f"{slo.id}: a slow burn", 1.5 * ticket * slo.error_budget, [("1h", ["ticket"])]))
    if 1.5 * page * slo.error_budget <= 1:
        # After 45 quiet minutes of the second hour both short windows of the page hold no error.
        burning = [("50m", ["page", "ticket"]), ("105m", ["ticket"])]
        tests.append(_test(slo, f"{slo.id}: a fast burn that ends", 1.5 * page * slo.error_budget, burning))
    return tests


def _test(slo: SLO, name: str, bad_share: float, expected: list[tuple[str, list[str]]]) -> dict[str, Any]:
    return {
        "name": name,
        "interval": "1m",
        "input_series": _series(slo, round(bad_share * _REQUESTS_A_MINUTE)),
        "alert_rule_test": [
            {
                "eval_time": at,
                "alertname": alert_name(slo),
                "exp_alerts": [_expected(slo, severity) for severity in severities],
            }
            for at, severities in expected
        ],
    }


def _series(slo: SLO, bad: int) -> list[dict[str, str]]:
    """Give an hour with so many bad requests a minute, and an hour without."""
    good = _REQUESTS_A_MINUTE - bad
    job, method, route = slo.job or slo.service, slo.method or "GET", slo.route or "/"
    labels = f"job={quoted(job)},method={quoted(method)},route={quoted(route)}"
    half = _MINUTES // 2

    def values(first: int, second: int) -> str:
        return f"0+{first}x{half} {first * half + second}+{second}x{half}"

    if slo.latency_s is None:
        name = f"{slo.namespace}_requests_total"
        return [
            {"series": f'{name}{{{labels},status="200"}}', "values": values(good, _REQUESTS_A_MINUTE)},
            {"series": f'{name}{{{labels},status="503"}}', "values": values(bad, 0)},
        ]
    name = f"{slo.namespace}_request_duration_seconds"
    bound = floatToGoString(slo.latency_s)  # type: ignore[no-untyped-call]  # the client left it untyped
    return [
        {"series": f'{name}_bucket{{{labels},le="{bound}"}}', "values": values(good, _REQUESTS_A_MINUTE)},
        {"series": f"{name}_count{{{labels}}}", "values": values(_REQUESTS_A_MINUTE, _REQUESTS_A_MINUTE)},
    ]


def _expected(slo: SLO, severity: str) -> dict[str, Any]:
    recorded = {"sloth_id": slo.id, "sloth_service": slo.service, "sloth_slo": slo.name}
    return {
        "exp_labels": recorded | alert_labels(slo, severity),
        "exp_annotations": alert_annotations(slo, severity),
    }
