"""structlog's own loggers, ending in the same sinks as everything else."""

from __future__ import annotations

import sys
from typing import Any

import structlog

from maestro_core_logging._logger import Logger, get_logger

_FIELDS_OF_THE_CALL = frozenset({"exc_info", "stack_info"})


def configure_structlog() -> None:
    """
    Let `structlog.get_logger()` write through `logging`, unless the application configured structlog itself.

    Its events then have the levels, the handlers and the lines of the logger of the same name.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _call_of_event],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=_logger_of_caller,
        cache_logger_on_first_use=False,
    )


def _call_of_event(_logger: Any, _method: str, event: Any) -> tuple[tuple[object], dict[str, Any]]:  # structlog's types
    message = event.pop("event", "")
    positional = event.pop("positional_args", ())
    event.setdefault("stacklevel", _frames_of_structlog())
    return (message, *positional), event


def _frames_of_structlog() -> int:
    """Count structlog's frames between the call and `logging`, so that the record names the caller."""
    frame, count = sys._getframe(3), 1  # above this function, the processor and what runs processors
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("structlog"):
        frame, count = frame.f_back, count + 1
    return count


def _logger_of_caller(*args: Any) -> Logger:  # structlog passes on what get_logger was given
    if args:
        return get_logger(args[0])
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("structlog"):
        frame = frame.f_back
    return get_logger(frame.f_globals.get("__name__"))
