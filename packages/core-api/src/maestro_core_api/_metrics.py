"""Request metrics that cannot collide with a service's own, and `/metrics` that shows both."""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import Metric

from maestro_monitoring import RequestMetrics, exposition

NAMESPACE = "http"
# Taken when the service has metrics of its own under our names; both are shown.
SECOND_NAMESPACE = "maestro_http"

# Not the default registry: `Counter("http_requests_total", …)` in a service that is imported after us must go on
# working, and so must a `/metrics` route of its own, byte for byte.
OWN_REGISTRY = CollectorRegistry()


class _Both(CollectorRegistry):
    """The service's default registry and ours, seen as one; in a tie of names the service's is shown."""

    def collect(self) -> Iterable[Metric]:
        shown = set()
        for metric in REGISTRY.collect():
            shown.add(metric.name)
            yield metric
        for metric in OWN_REGISTRY.collect():
            if metric.name not in shown:
                yield metric


_BOTH = _Both()


def default_request_metrics() -> RequestMetrics:
    """Give the request metrics that all applications of this process share.

    Called at the first request rather than on import: by then a service has declared what is its own.
    """
    return RequestMetrics(registry=OWN_REGISTRY, namespace=SECOND_NAMESPACE if _are_names_taken() else NAMESPACE)


def rendered(accept: str | None) -> tuple[bytes, str]:
    """Render what `/metrics` answers: body and content type."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # The workers' files hold the metrics of every registry.
        return exposition(accept)
    return exposition(accept, _BOTH)


def _are_names_taken() -> bool:
    ours = [f"{NAMESPACE}_requests_total", f"{NAMESPACE}_requests", f"{NAMESPACE}_requests_in_progress"]
    ours += [f"{NAMESPACE}_request_duration_seconds{suffix}" for suffix in ("", "_count", "_sum")]
    return any(True for _ in REGISTRY.restricted_registry(ours).collect())
