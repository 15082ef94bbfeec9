"""Prometheus metrics, OpenTelemetry traces, SLOs as code, Grafana dashboards and alerts."""

from ._exposition import exposition
from ._requests import RequestMetrics
from .errors import MetricConflictError, MonitoringError

__all__ = ["MetricConflictError", "MonitoringError", "RequestMetrics", "exposition"]
