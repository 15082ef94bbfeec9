"""Structured logging on structlog, correlated with OpenTelemetry."""

from maestro_core_logging._configure import configure_logging
from maestro_core_logging._context import current_context, log_context
from maestro_core_logging._emit import emit_event
from maestro_core_logging._handlers import EventFormatter
from maestro_core_logging._logger import BoundLogger, Logger, get_logger

__all__ = [
    "BoundLogger",
    "EventFormatter",
    "Logger",
    "configure_logging",
    "current_context",
    "emit_event",
    "get_logger",
    "log_context",
]
