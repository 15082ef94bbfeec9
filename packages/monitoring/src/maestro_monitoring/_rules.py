"""Prometheus rules of an SLO: recorded error ratios, and alerts on how fast the error budget burns.

The alerts are the multi-window, multi-burn-rate ones of Google's SRE workbook, chapter 5, table 5-8. Names
of recorded series and their labels are those of sloth, so that dashboards made for sloth show these SLOs too.
Two things differ from what sloth writes: a service without errors has a ratio of 0 rather than no
series, and one without traffic has no series rather than NaN, which would spoil every sum over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.utils import floatToGoString

from ._slo import SLO
from .errors import SLOError

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """Alert when `budget_share` of the period's error budget goes within `long`, and still goes within `short`."""

    severity: str
    short: str
    long: str
    long_hours: float
    budget_share: float

    def factor(self, window_days: int) -> float:
        """Give the burn rate at which that happens: 14.4 for 2 % of 30 days in one hour."""
        return round(self.budget_share * window_days * 24 / self.long_hours, 10)


BURN_WINDOWS = (
    BurnWindow("page", "5m", "1h", 1, 0.02),
    BurnWindow("page", "30m", "6h", 6, 0.05),
    BurnWindow("ticket", "2h", "1d", 24, 0.10),
    BurnWindow("ticket", "6h", "3d", 72, 0.10),
)
# As Prometheus writes a duration, and sloth therefore names the series.
_PERIODS = {28: "4w", 30: "30d"}
RATIO_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def rule_groups(slos: Sequence[SLO]) -> dict[str, Any]:
    """Give the content of a Prometheus rules file for all the SLOs.

    Raises:
        SLOError: two SLOs have the same service and name.
    """
    groups: list[dict[str, Any]] = []
    for slo in distinct(slos):
        groups += [
            {"name": f"slo-ratios-{slo.id}", "rules": [*_ratio_rules(slo), _period_rule(slo)]},
            {"name": f"slo-budget-{slo.id}", "rules": _budget_rules(slo)},
            {"name": f"slo-alerts-{slo.id}", "rules": [alert_rule(slo, severity) for severity in ("page", "ticket")]},
        ]
    return {"groups": groups}


def distinct(slos: Iterable[SLO]) -> list[SLO]:
    """Give the SLOs in a fixed order.

    Raises:
        SLOError: two have the same service and name.
    """
    by_id: dict[str, SLO] = {}
    for slo in slos:
        if by_id.setdefault(slo.id, slo) != slo:
            raise SLOError(slo.name, f"another SLO has its id {slo.id!r}, made of service and name; rename one")
    return [by_id[key] for key in sorted(by_id)]


def error_ratio(slo: SLO, window: str) -> str:
    """Give the PromQL of the share of bad requests in a window, such as `5m`."""
    if slo.latency_s is None:
        requests = f"{slo.namespace}_requests_total"
        failed = selector(slo, 'status=~"5.."')
        bad = f"sum(rate({requests}{failed}[{window}])) or vector(0)"
        return f"(\n  {bad}\n)\n/\n(\n  sum(rate({requests}{selector(slo)}[{window}])) > 0\n)"
    duration = f"{slo.namespace}_request_duration_seconds"
    good = f"sum(rate({duration}_bucket{selector(slo, within(slo.latency_s))}[{window}])) or vector(0)"
    return (
        f"1 - (\n  (\n    {good}\n  )\n  /\n  (\n    sum(rate({duration}_count{selector(slo)}[{window}])) > 0\n  )\n)"
    )


def selector(slo: SLO, *more: str) -> str:
    """Give the braces that select the SLO's requests."""
    pairs = [f"job={quoted(slo.job or slo.service)}"]
    if slo.method is not None:
        pairs.append(f"method={quoted(slo.method)}")
    if slo.route is not None:
        pairs.append(f"route={quoted(slo.route)}")
    return "{" + ",".join([*pairs, *more]) + "}"


def within(latency_s: float) -> str:
    """Give the matcher of the bucket whose requests took at most so long, in the spelling that the client exposes."""
    return f'le="{floatToGoString(latency_s)}"'  # type: ignore[no-untyped-call]  # the client left it untyped


def quoted(text: str) -> str:
    """Give a label value as PromQL writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def alert_name(slo: SLO) -> str:
    """Give the alert's name: `OrdersCheckoutErrorBudgetBurn`."""
    words = slo.id.replace("_", "-").replace(".", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words) + "ErrorBudgetBurn"


def alert_labels(slo: SLO, severity: str) -> dict[str, str]:
    """Give the labels that route an alert."""
    return {"severity": severity} | ({"team": slo.team} if slo.team else {})


def alert_annotations(slo: SLO, severity: str) -> dict[str, str]:
    """Give what the person who is called reads."""
    fast = "so fast that it needs someone now" if severity == "page" else "faster than it may"
    kind = "errors" if slo.latency_s is None else f"slower than {slo.latency_s:g} s"
    texts = {
        "summary": f"{slo.service}: the error budget of {slo.name} burns {fast}",
        "description": slo.description
        or f"{_number(slo.objective)} % of requests in {slo.window_days} days may not be {kind}.",
    }
    return texts | ({"runbook_url": slo.runbook} if slo.runbook else {})


def alert_rule(slo: SLO, severity: str) -> Rule:
    """Give the alert of one severity: any of its pairs of windows burns too fast."""
    pairs = [
        f"(\n  {_too_fast(slo, burn, burn.short)}\n  and\n  {_too_fast(slo, burn, burn.long)}\n)"
        for burn in BURN_WINDOWS
        if burn.severity == severity
    ]
    return {
        "alert": alert_name(slo),
        "expr": "\nor\n".join(pairs),
        "labels": untemplated(alert_labels(slo, severity)),
        "annotations": untemplated(alert_annotations(slo, severity)),
    }


def untemplated(texts: dict[str, str]) -> dict[str, str]:
    """Give texts that Prometheus shows as they were written: to it, two braces begin a template."""
    return {name: text.replace("{{", '{{"{{"}}') for name, text in texts.items()}


def _too_fast(slo: SLO, burn: BurnWindow, window: str) -> str:
    # Without its window the alert stays one alert when another pair of windows takes over.
    recorded = f"slo:sli_error:ratio_rate{window}{_recorded(slo)}"
    return f"max without (sloth_window) ({recorded} > ({_number(burn.factor(slo.window_days))} * {_number(slo.error_budget)}))"


def _ratio_rules(slo: SLO) -> list[Rule]:
    return [
        {
            "record": f"slo:sli_error:ratio_rate{window}",
            "expr": error_ratio(slo, window),
            "labels": _labels(slo) | {"sloth_window": window},
        }
        for window in RATIO_WINDOWS
    ]


def _period_rule(slo: SLO) -> Rule:
    period = _PERIODS[slo.window_days]
    recorded = f"slo:sli_error:ratio_rate5m{_recorded(slo)}[{period}]"
    return {
        "record": f"slo:sli_error:ratio_rate{period}",
        "expr": f"sum_over_time({recorded})\n/\ncount_over_time({recorded})",
        "labels": _labels(slo) | {"sloth_window": period},
    }


def _budget_rules(slo: SLO) -> list[Rule]:
    recorded, period = _recorded(slo), _PERIODS[slo.window_days]
    per_budget = f"/ on (sloth_id, sloth_slo, sloth_service) group_left\nslo:error_budget:ratio{recorded}"
    expressions = {
        "slo:objective:ratio": f"vector({_number(slo.objective / 100)})",
        "slo:error_budget:ratio": f"vector({_number(slo.error_budget)})",
        "slo:time_period:days": f"vector({slo.window_days})",
        "slo:current_burn_rate:ratio": f"slo:sli_error:ratio_rate5m{recorded}\n{per_budget}",
        "slo:period_burn_rate:ratio": f"slo:sli_error:ratio_rate{period}{recorded}\n{per_budget}",
        "slo:period_error_budget_remaining:ratio": f"1 - slo:period_burn_rate:ratio{recorded}",
        "sloth_slo_info": "vector(1)",
    }
    info = {"sloth_slo_info": {"sloth_mode": "maestro-monitoring", "sloth_objective": _number(slo.objective)}}
    return [
        {"record": name, "expr": expression, "labels": _labels(slo) | info.get(name, {})}
        for name, expression in expressions.items()
    ]


def _labels(slo: SLO) -> dict[str, str]:
    own = {"sloth_id": slo.id, "sloth_service": slo.service, "sloth_slo": slo.name}
    return own | ({"team": slo.team} if slo.team else {})


def _recorded(slo: SLO) -> str:
    return f"{{sloth_id={quoted(slo.id)},sloth_service={quoted(slo.service)},sloth_slo={quoted(slo.name)}}}"


def _number(value: float) -> str:
    return f"{value:.10g}"
