"""Every error that this package raises."""

from __future__ import annotations


class MonitoringError(Exception):
    """The base of every error raised by maestro_monitoring."""


class MetricConflictError(MonitoringError):
    """A metric name that something else in the registry already uses."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"the registry already holds a metric called {name!r}, made elsewhere or with other labels or buckets; "
            "use another namespace or name, or a registry of its own"
        )
