"""The same SLOs as other tools read them: sloth, pyrra and OpenSLO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._rules import alert_annotations, alert_labels, alert_name, distinct, error_ratio, selector, untemplated, within
from ._slo import SLO


def sloth_spec(slos: Sequence[SLO]) -> list[dict[str, Any]]:
    """Give one `prometheus/v1` specification a service, for `sloth generate`."""
    services: dict[str, list[SLO]] = {}
    for slo in distinct(slos):
        services.setdefault(slo.service, []).append(slo)
    return [
        {"version": "prometheus/v1", "service": service, "slos": [_sloth(slo) for slo in of_service]}
        for service, of_service in services.items()
    ]


def _sloth(slo: SLO) -> dict[str, Any]:
    return {
        "name": slo.name,
        "objective": slo.objective,
        "description": slo.description,
        "sli": {"raw": {"error_ratio_query": error_ratio(slo, "{{.window}}")}},
        "alerting": {
            "name": alert_name(slo),
            "page_alert": _sloth_alert(slo, "page"),
            "ticket_alert": _sloth_alert(slo, "ticket"),
        },
    }


def _sloth_alert(slo: SLO, severity: str) -> dict[str, Any]:
    texts = {"labels": alert_labels(slo, severity), "annotations": alert_annotations(slo, severity)}
    return {name: untemplated(text) for name, text in texts.items()}


def pyrra_objects(slos: Sequence[SLO]) -> list[dict[str, Any]]:
    """Give one `ServiceLevelObjective` an SLO, for pyrra."""
    return [
        {
            "apiVersion": "pyrra.dev/v1alpha1",
            "kind": "ServiceLevelObjective",
            "metadata": {"name": slo.id, "labels": {"pyrra.dev/team": slo.team} if slo.team else {}},
            "spec": {
                "target": f"{slo.objective:.10g}",
                "window": f"{slo.window_days}d",
                "description": slo.description,
                "indicator": _pyrra_indicator(slo),
            },
        }
        for slo in distinct(slos)
    ]


def _pyrra_indicator(slo: SLO) -> dict[str, Any]:
    if slo.latency_s is None:
        requests = f"{slo.namespace}_requests_total"
        bad = selector(slo, 'status=~"5.."')
        return {"ratio": {"errors": {"metric": requests + bad}, "total": {"metric": requests + selector(slo)}}}
    duration = f"{slo.namespace}_request_duration_seconds"
    good = selector(slo, within(slo.latency_s))
    return {
        "latency": {
            "success": {"metric": f"{duration}_bucket{good}"},
            "total": {"metric": f"{duration}_count{selector(slo)}"},
        }
    }


def openslo_objects(slos: Sequence[SLO]) -> list[dict[str, Any]]:
    """Give one OpenSLO v1 `SLO` an objective."""
    return [
        {
            "apiVersion": "openslo/v1",
            "kind": "SLO",
            "metadata": {"name": slo.id, "displayName": f"{slo.service}: {slo.name}"},
            "spec": {
                "description": slo.description,
                "service": slo.service,
                "budgetingMethod": "Occurrences",
                "timeWindow": [{"duration": f"{slo.window_days}d", "isRolling": True}],
                "objectives": [{"displayName": slo.name, "target": round(slo.objective / 100, 8)}],
                "indicator": {"metadata": {"name": slo.id}, "spec": {"ratioMetric": _openslo_ratio(slo)}},
            },
        }
        for slo in distinct(slos)
    ]


def _openslo_ratio(slo: SLO) -> dict[str, Any]:
    def source(query: str) -> dict[str, Any]:
        return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}

    indicator = _pyrra_indicator(slo)
    if "ratio" in indicator:
        ratio = indicator["ratio"]
        return {
            "counter": True,
            "bad": source(f"sum({ratio['errors']['metric']})"),
            "total": source(f"sum({ratio['total']['metric']})"),
        }
    latency = indicator["latency"]
    return {
        "counter": True,
        "good": source(f"sum({latency['success']['metric']})"),
        "total": source(f"sum({latency['total']['metric']})"),
    }
