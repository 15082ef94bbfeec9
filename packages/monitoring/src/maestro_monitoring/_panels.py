"""What a service's dashboard shows, as data: each panel's title, queries and unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from ._registry import DeclaredMetric, declared_metrics
from ._rules import distinct
from ._slo import SLO

# Grafana replaces it with a range that always spans enough scrapes.
RATE = "[$__rate_interval]"
_INTERNAL = ("maestro_", "service_build", "pool_", "client_", "event_loop_", "runtime_", "python_gc_")


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and the legend of its series."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """One panel. `kind` is `timeseries` or `stat`; `unit` is one of Grafana's unit ids."""

    row: str
    title: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    description: str = ""


def panels(
    service: str, *, slos: Sequence[SLO] = (), registry: CollectorRegistry, namespace: str = "http", job: str = ""
) -> list[PanelSpec]:
    """Give the panels for what the service has really declared: no panel without a metric behind it."""
    job = f'job="{job or service}"'
    declared = {metric.name: metric for metric in declared_metrics(registry)}
    shown = [*_slo_panels(service, slos)]
    if f"{namespace}_requests" in declared:
        shown += _request_panels(namespace, job)
    if "client_requests" in declared:
        shown += _client_panels(job)
    if "pool_connections" in declared:
        shown.append(
            PanelSpec(
                "Systems", "Pool connections", "short", (Query(f"pool_connections{{{job}}}", "{{pool}} {{state}}"),)
            )
        )
    shown += _business_panels(declared, namespace, job)
    shown += _runtime_panels(declared, job)
    return shown


def _slo_panels(service: str, slos: Sequence[SLO]) -> Iterator[PanelSpec]:
    for slo in distinct(slos):
        if slo.service != service:
            continue
        selected = f'{{sloth_id="{slo.id}"}}'
        yield PanelSpec(
            "Objectives",
            f"{slo.name}: error budget left",
            "percentunit",
            (Query(f"slo:period_error_budget_remaining:ratio{selected}", slo.name),),
            kind="stat",
            description=slo.description,
        )
        yield PanelSpec(
            "Objectives",
            f"{slo.name}: burn rate",
            "none",
            (
                Query(f"slo:current_burn_rate:ratio{selected}", "now"),
                Query(f"slo:period_burn_rate:ratio{selected}", "period"),
            ),
            description="1 spends exactly the budget of the period; 14.4 calls somebody.",
        )


def _request_panels(namespace: str, job: str) -> list[PanelSpec]:
    requests, duration = f"{namespace}_requests_total", f"{namespace}_request_duration_seconds"
    by_route = f"sum by (route) (rate({requests}{{{job}}}{RATE}))"
    failed = f'sum by (route) (rate({requests}{{{job},status=~"5.."}}{RATE}))'
    return [
        PanelSpec("Requests", "Requests per second", "reqps", (Query(by_route, "{{route}}"),)),
        PanelSpec(
            "Requests",
            "Share of failed requests",
            "percentunit",
            (Query(f"({failed} or 0 * {by_route}) / {by_route}", "{{route}}"),),
        ),
        PanelSpec("Requests", "Duration", "s", tuple(_quantiles(duration, job))),
        PanelSpec("Requests", "Duration, 95th percentile by route", "s", (_quantile(duration, job, 0.95, "route"),)),
        PanelSpec(
            "Requests",
            "By status",
            "reqps",
            (Query(f"sum by (status) (rate({requests}{{{job}}}{RATE}))", "{{status}}"),),
        ),
        PanelSpec(
            "Requests",
            "In progress",
            "short",
            (Query(f"sum by (method) ({namespace}_requests_in_progress{{{job}}})", "{{method}}"),),
        ),
    ]


def _client_panels(job: str) -> list[PanelSpec]:
    calls = f"sum by (client, outcome) (rate(client_requests_total{{{job}}}{RATE}))"
    return [
        PanelSpec("Systems", "Calls to other systems", "reqps", (Query(calls, "{{client}} {{outcome}}"),)),
        PanelSpec(
            "Systems",
            "Duration of calls, 95th percentile",
            "s",
            (_quantile("client_request_duration_seconds", job, 0.95, "client"),),
        ),
    ]


def _business_panels(declared: dict[str, DeclaredMetric], namespace: str, job: str) -> Iterator[PanelSpec]:
    for metric in declared.values():
        if metric.name.startswith((*_INTERNAL, f"{namespace}_request")):
            continue
        by = f"sum by ({', '.join(metric.labels)})" if metric.labels else "sum"
        legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels) or metric.name
        if metric.kind == "Counter":
            query = Query(f"{by} (rate({metric.name}_total{{{job}}}{RATE}))", legend)
        elif metric.kind == "Histogram":
            query = _quantile(metric.name, job, 0.95, *metric.labels)
        else:
            query = Query(f"{by} ({metric.name}{{{job}}})", legend)
        yield PanelSpec("Business", metric.name, "short", (query,), description=metric.documentation)


def _runtime_panels(declared: dict[str, DeclaredMetric], job: str) -> Iterator[PanelSpec]:
    if "event_loop_lag_seconds" in declared:
        yield PanelSpec("Runtime", "Event loop lag", "s", tuple(_quantiles("event_loop_lag_seconds", job)))
    if "runtime_resident_memory_bytes" in declared:
        cpu = f"sum(rate(runtime_cpu_seconds_total{{{job}}}{RATE}))"
        pauses = f"sum by (generation) (rate(python_gc_pause_seconds_sum{{{job}}}{RATE}))"
        yield PanelSpec(
            "Runtime", "Memory", "bytes", (Query(f"sum(runtime_resident_memory_bytes{{{job}}})", "resident"),)
        )
        yield PanelSpec("Runtime", "CPU cores used", "short", (Query(cpu, "cores"),))
        yield PanelSpec(
            "Runtime",
            "Share of time in garbage collection",
            "percentunit",
            (Query(pauses, "generation {{generation}}"),),
        )


def _quantiles(histogram: str, job: str) -> Iterator[Query]:
    for quantile, legend in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %")):
        yield Query(_quantile(histogram, job, quantile).expr, legend)


def _quantile(histogram: str, job: str, quantile: float, *labels: str) -> Query:
    by = ", ".join((*labels, "le"))
    expr = f"histogram_quantile({quantile}, sum by ({by}) (rate({histogram}_bucket{{{job}}}{RATE})))"
    return Query(expr, " ".join(f"{{{{{label}}}}}" for label in labels) or histogram)
