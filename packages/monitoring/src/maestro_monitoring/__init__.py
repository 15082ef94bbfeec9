"""Prometheus metrics, OpenTelemetry traces, SLOs as code, Grafana dashboards and alerts."""

from ._business import BusinessCounter, BusinessGauge, BusinessHistogram
from ._exposition import exposition, metrics_app
from ._loop_lag import BlockedLoop, EventLoopMonitor
from ._pools import ClientMetrics, watch_pool
from ._requests import RequestMetrics
from ._runtime import RuntimeMetrics
from ._setup import Monitoring, setup_monitoring
from ._slo import SLO
from ._workers import WorkersCollector
from .errors import (
    MetricConflictError,
    MissingExtraError,
    MonitoringError,
    SLOError,
    TargetError,
    UndeclaredLabelError,
)

__all__ = [  # noqa: RUF022  # plain `sorted()` in every package; ruff would put SLO before the rest
    "BlockedLoop",
    "BusinessCounter",
    "BusinessGauge",
    "BusinessHistogram",
    "ClientMetrics",
    "EventLoopMonitor",
    "MetricConflictError",
    "MissingExtraError",
    "Monitoring",
    "MonitoringError",
    "RequestMetrics",
    "RuntimeMetrics",
    "SLO",
    "SLOError",
    "TargetError",
    "UndeclaredLabelError",
    "WorkersCollector",
    "exposition",
    "metrics_app",
    "setup_monitoring",
    "watch_pool",
]
