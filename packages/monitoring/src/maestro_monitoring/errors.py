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


class UndeclaredLabelError(MonitoringError):
    """A metric was given other labels than it was declared with."""

    def __init__(self, name: str, *, declared: tuple[str, ...], given: tuple[str, ...]) -> None:
        self.name = name
        self.declared = declared
        self.given = given
        super().__init__(f"metric {name!r} has the labels {list(declared)}, not {list(given)}; pass exactly these")


class SLOError(MonitoringError):
    """An objective whose values make no sense."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"SLO {name!r}: {reason}")


class MissingExtraError(MonitoringError):
    """Something was asked for whose optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what = what
        self.extra = extra
        super().__init__(f"{what} need an optional dependency; install 'maestro-monitoring[{extra}]'")


class TargetError(MonitoringError):
    """A `module:attribute` that does not lead to SLOs."""

    def __init__(self, target: str, reason: str) -> None:
        self.target = target
        self.reason = reason
        super().__init__(f"{target!r} {reason}; name a list of SLOs, or a function that gives one, as module:attribute")


class TracingError(MonitoringError):
    """A setting of tracing that makes no sense."""
