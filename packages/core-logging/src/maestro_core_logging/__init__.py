"""Structured logging on structlog, correlated with OpenTelemetry."""

from maestro_core_logging import _direct  # noqa: F401  # gives loggers their short ways
from maestro_core_logging._audit import AuditLog
from maestro_core_logging._bridges import loguru_sink, structlog_renderer
from maestro_core_logging._configure import configure_logging
from maestro_core_logging._context import current_context, log_context
from maestro_core_logging._emit import emit_event
from maestro_core_logging._formatter import EventFormatter
from maestro_core_logging._handlers import lost_lines, reopen_files, reopen_on_signal
from maestro_core_logging._levels import change_level_on_signal, level_overrides, reset_level, set_level
from maestro_core_logging._limits import LimitedLogger, limited, once, sampled
from maestro_core_logging._logger import BoundLogger, Logger, get_logger
from maestro_core_logging._queue import flush_queues
from maestro_core_logging._redaction import NoRedaction, Redaction
from maestro_core_logging._ring import DebugRing, debug_ring
from maestro_core_logging._root import RootLogger, root_logger
from maestro_core_logging._servers import take_over_servers

__all__ = [
    "AuditLog",
    "BoundLogger",
    "DebugRing",
    "EventFormatter",
    "LimitedLogger",
    "Logger",
    "NoRedaction",
    "Redaction",
    "RootLogger",
    "change_level_on_signal",
    "configure_logging",
    "current_context",
    "debug_ring",
    "emit_event",
    "flush_queues",
    "get_logger",
    "level_overrides",
    "limited",
    "log_context",
    "loguru_sink",
    "lost_lines",
    "once",
    "reopen_files",
    "reopen_on_signal",
    "reset_level",
    "root_logger",
    "sampled",
    "set_level",
    "structlog_renderer",
    "take_over_servers",
]
