"""Lines of ours from loggers that are not ours: a sink for loguru, and a renderer for structlog's own set-ups."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

import structlog

from maestro_core_logging._context import FIELDS, current_context
from maestro_core_logging._event import OWN_KEYS, Event, add_fields, add_text, exception_text, rfc3339, trace_ids
from maestro_core_logging._formatter import EventFormatter
from maestro_core_logging._handlers import StreamSink

_FIRST: Final = ("timestamp", "level", "logger", "event")
# Attributes of standard records by what loguru's records say of them.
_OF_LOGURU: Final[Mapping[str, Callable[[Any], object]]] = {
    "created": lambda record: record["time"].timestamp(),
    "filename": lambda record: record["file"].name,
    "funcName": lambda record: record["function"],
    "levelno": lambda record: record["level"].no,
    "lineno": lambda record: record["line"],
    "module": lambda record: record["module"],
    "msecs": lambda record: record["time"].microsecond / 1000,
    "pathname": lambda record: record["file"].path,
    "process": lambda record: record["process"].id,
    "processName": lambda record: record["process"].name,
    "relativeCreated": lambda record: record["elapsed"].total_seconds() * 1000,
    "thread": lambda record: record["thread"].id,
    "threadName": lambda record: record["thread"].name,
}


def loguru_sink(stream: TextIO | None = None, formatter: EventFormatter | None = None) -> Callable[[Any], None]:
    """
    Give a sink for loguru that writes lines of ours: `logger.add(loguru_sink(sys.stdout), level="INFO")`.

    What loguru's calls bind and what they are given as keywords are fields of the line, beside those of `log_context`; it is redacted, has
    the ids of the current span, and shows no values of local variables, whatever `diagnose` says. loguru decides on levels, filters and
    queues as for any sink. `stream` is standard error at the time of the call unless given. A stream that fails raises nothing.
    """
    sink = StreamSink(stream)
    made = formatter or EventFormatter()

    def write(message: Any) -> None:  # Any: loguru's `Message`, which its stub file alone knows
        sink.write_line(made.line(_event_of_loguru(message.record, made)))

    return write


def _event_of_loguru(record: Mapping[str, Any], formatter: EventFormatter) -> Event:
    event: Event = {
        "timestamp": rfc3339(record["time"].timestamp()),
        "level": record["level"].name.lower(),
        "logger": record["name"],
        "event": record["message"],
    }
    event.update(formatter.constant)
    event.update(trace_ids())
    add_fields(event, current_context())
    add_fields(event, record["extra"])
    raised = record["exception"]
    if raised is not None:
        add_text(event, "exception", exception_text((raised.type, raised.value, raised.traceback)))
    for name in formatter.record_fields:
        event.setdefault(name, _OF_LOGURU[name](record) if name in _OF_LOGURU else None)
    return event


def structlog_renderer(formatter: EventFormatter | None = None) -> Callable[[Any, str, Mapping[str, Any]], str]:
    """
    Give the last of structlog's processors, in the place of `structlog.processors.JSONRenderer()`, for services that configure structlog themselves.

    The line has the fields that the processors before it left, redacted, and besides those of `log_context` and the ids of the current span
    where there are any; a level or a time that no processor added is not added here. An exception that none of them formatted is written without the values of
    local variables.
    """
    made = formatter or EventFormatter()

    def render(
        _logger: Any, _method: str, given: Mapping[str, Any]
    ) -> str:  # Any: as structlog's processors are declared
        line = made.line(_event_of_structlog(given, made.constant))
        if not line:
            raise structlog.DropEvent
        return line.decode("utf-8").removesuffix("\n")

    return render


def _event_of_structlog(given: Mapping[str, Any], constant: Mapping[str, object]) -> Event:
    event: Event = {key: given[key] for key in _FIRST if key in given}
    event.update(constant)
    event.update(trace_ids())
    add_fields(event, FIELDS.get())
    event.update({key: value for key, value in given.items() if key not in OWN_KEYS and key != "exc_info"})
    raised = given.get("exc_info")
    if raised:
        add_text(event, "exception", exception_text(_exc_info(raised)))
    return event


def _exc_info(raised: Any) -> Any:  # Any: whatever a call was given as `exc_info`
    if isinstance(raised, BaseException):
        return type(raised), raised, raised.__traceback__
    return raised if isinstance(raised, tuple) else sys.exc_info()
