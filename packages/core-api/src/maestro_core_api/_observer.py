"""What one application is given beside its own code, whatever its framework."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maestro_core_logging import emit_event
from maestro_monitoring import RequestMetrics

from . import _metrics, _probes
from ._headers import chosen_security_headers, encoded
from ._lifecycle import Lifecycle
from ._readiness import Readiness, ReadinessCheck

if TYPE_CHECKING:
    from maestro_monitoring.tracing import Tracing

ACCESS_LOGGER = "maestro.access"

# What nginx writes when the client went away before the answer: no standard has a number for it.
CLIENT_CLOSED_REQUEST = 499


class Observer:
    """Options and state of one application: shared by its requests, owned by nobody else."""

    def __init__(
        self,
        *,
        service_name: str | None,
        request_id_header: str | None,
        access_log: bool,
        metrics: bool | RequestMetrics,
        security_headers: bool | Mapping[str, str],
        probes: bool,
        tracing: Tracing | None,
        readiness: Mapping[str, ReadinessCheck] | None = None,
    ) -> None:
        self.service_name = service_name
        self.request_id_header = request_id_header.lower().encode("latin-1") if request_id_header else None
        self.security_headers = encoded(chosen_security_headers(security_headers))
        self.access_log = access_log
        self.tracing = tracing
        self.lifecycle = Lifecycle()
        self.readiness = Readiness(readiness)
        self._metrics = metrics
        self.probe_paths = frozenset(_chosen_probes(probes, has_metrics=bool(metrics)))
        # Who answers a probe path, once it is known: the application's own middleware or we.
        self.is_ours: dict[str, bool] = {}

    @property
    def metrics_so_far(self) -> RequestMetrics | None:
        """The metrics to feed, if they have been made."""
        return self._metrics if isinstance(self._metrics, RequestMetrics) else None

    def request_metrics(self) -> RequestMetrics | None:
        """Give the metrics to feed, made after the first request: what the service declares as late as that keeps its name."""
        if self._metrics is True:
            self._metrics = _metrics.default_request_metrics()
        return self._metrics or None

    def emit_access(self, *, status: int, **fields: Any) -> None:
        """Write the one event of a finished request."""
        if self.service_name is not None:
            fields["service"] = self.service_name
        level = logging.ERROR if status >= 500 else logging.INFO
        emit_event("http.request", level=level, logger=ACCESS_LOGGER, status=status, **fields)


def _chosen_probes(probes: bool, *, has_metrics: bool) -> list[str]:
    if not probes:
        return []
    paths = [_probes.LIVEZ, _probes.READYZ, _probes.STARTUPZ]
    return [*paths, _probes.METRICS] if has_metrics else paths
