"""Request metrics that cannot collide with a service's own, and `/metrics` that shows both."""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from maestro_monitoring import RequestMetrics, exposition

NAMESPACE = "http"
# Taken when the service has metrics of its own under our names; both are shown.
SECOND_NAMESPACE = "maestro_http"

# Not the default registry: `Counter("http_requests_total", …)` in a service that is imported after us must go on
# working, and so must a `/metrics` route of its own, byte for byte.
OWN_REGISTRY = CollectorRegistry()


def default_request_metrics() -> RequestMetrics:
    """Give the request metrics that all applications of this process share.

    Called after the first request rather than on import: by then a service has declared what is its own.
    """
    families = [
        CounterMetricFamily(f"{NAMESPACE}_requests", ""),
        HistogramMetricFamily(f"{NAMESPACE}_request_duration_seconds", ""),
        GaugeMetricFamily(f"{NAMESPACE}_requests_in_progress", ""),
    ]
    is_taken = any(_is_taken(family) for family in families)
    return RequestMetrics(registry=OWN_REGISTRY, namespace=SECOND_NAMESPACE if is_taken else NAMESPACE)


def rendered(accept: str | None) -> tuple[bytes, str]:
    """Render what `/metrics` answers: the service's metrics, then ours; body and content type."""
    body, content_type = exposition(accept)
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # The workers' files hold the metrics of every registry.
        return body, content_type
    are_all_shown = not any(_is_taken(family) for family in OWN_REGISTRY.collect())
    own, _ = exposition(accept, OWN_REGISTRY if are_all_shown else _UNTAKEN)
    # The one format of the three that ends; the other two are sequences of families.
    return body.removesuffix(b"# EOF\n") + own, content_type


class _Untaken(CollectorRegistry):
    """Our metrics but those whose names the service took after we had: two of a name would make the page invalid."""

    def collect(self) -> Iterable[Metric]:
        return (family for family in OWN_REGISTRY.collect() if not _is_taken(family))


_UNTAKEN = _Untaken()


class _Claim:
    """A collector of nothing that describes one family, to ask a registry whether the name is free."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def describe(self) -> Iterable[Metric]:
        return [self._family]

    def collect(self) -> Iterable[Metric]:
        return []


def _is_taken(family: Metric) -> bool:
    # Registering is the only public way to ask: collecting shows no family that has no series yet.
    claim = _Claim(family)
    try:
        REGISTRY.register(claim)
    except ValueError:
        return True
    REGISTRY.unregister(claim)
    return False
