"""An event: the flat mapping that every format prints, made from a record or straight from a call."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from itertools import islice
from math import floor
from traceback import print_exception
from typing import Any, Final

from maestro_core_logging._context import current_context
from maestro_core_logging._encode import safe_repr

Event = dict[str, object]

# Not from `makeLogRecord`: somebody's record factory may be set already.
_RECORD = logging.LogRecord("", 0, "", 0, "", None, None)
# What a record has without anybody's `extra`; 3.12 added taskName.
RECORD_ATTRIBUTES: Final = frozenset(_RECORD.__dict__) | {"message", "asctime", "taskName"}
_ATTRIBUTES_FIRST: Final = len(_RECORD.__dict__)
# What a line does not say of a record unless asked to.
RECORD_FIELDS: Final = frozenset({
    "created", "filename", "funcName", "levelno", "lineno", "module", "msecs", "pathname", "process", "processName",
    "relativeCreated", "taskName", "thread", "threadName",
})  # fmt: skip
OWN_KEYS: Final = frozenset({"timestamp", "level", "logger", "event"})
# `log.info("x", name="ann")` must not overwrite the record's name, so the record calls it `name_`; lines need not.
_LINE_NAMES: Final = {f"{name}_": name for name in RECORD_ATTRIBUTES} | {name: f"{name}_" for name in OWN_KEYS}

# Keywords of a call that are no fields, and fields that are written under another name.
NOT_AS_FIELDS: Final = frozenset(_LINE_NAMES) | {"exc_info", "extra", "stack_info", "stacklevel", "service"}

# The table that `addLevelName` changes; where a Python has it no more, `getLevelName` answers.
LEVEL_NAMES: Final[Mapping[int, str]] = getattr(logging, "_levelToName", {})
_LOWER: Final = {name: name.lower() for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")}

# The second that was written last, and its text: one value, so that no thread sees half of a change.
_last_second: tuple[int, str] = (-1, "")


def rfc3339(epoch_s: float) -> str:
    """Write a time as RFC 3339 in UTC with microseconds: `2026-11-22T23:21:20.123456Z`."""
    global _last_second
    whole = floor(epoch_s)
    known = _last_second
    if whole != known[0]:
        known = _last_second = (whole, datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    return "%s.%06dZ" % (known[1], (epoch_s - whole) * 1_000_000)  # noqa: UP031  # twice as fast as an f-string


def event_of_record(record: logging.LogRecord, constant: Mapping[str, object]) -> Event:
    """Give the event that `record` stands for; the record itself stays as it is."""
    event: Event = {
        "timestamp": rfc3339(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": message_of(record),
    }
    event.update(constant)
    event.update(trace_ids())
    add_fields(event, current_context())
    attributes = record.__dict__
    if len(attributes) > _ATTRIBUTES_FIRST or type(record) is not logging.LogRecord:
        # A record's own attributes come first; to skip them unread is a third of the whole cost here.
        later = islice(attributes.items(), _ATTRIBUTES_FIRST if type(record) is logging.LogRecord else 0, None)
        add_fields(event, {key: value for key, value in later if key not in RECORD_ATTRIBUTES})
    if record.exc_info:
        add_text(event, "exception", exception_text(record.exc_info))
    elif record.exc_text:
        add_text(event, "exception", record.exc_text)
    if record.stack_info:
        add_text(event, "stack", record.stack_info)
    return event


def new_event(epoch_s: float, level: int, logger: str, text: str, constant: Mapping[str, object]) -> Event:
    """Begin an event that never was a record."""
    name = LEVEL_NAMES.get(level) or logging.getLevelName(level)
    event: Event = {
        "timestamp": rfc3339(epoch_s),
        "level": _LOWER.get(name) or name.lower(),
        "logger": logger,
        "event": text,
    }
    if constant:
        event.update(constant)
    return event


def add_fields(event: Event, fields: Mapping[str, object]) -> None:
    """Add fields under the names that lines use for them: never over the event's own four keys."""
    if NOT_AS_FIELDS.isdisjoint(fields):
        event.update(fields)
        return
    for key, value in fields.items():
        event[_LINE_NAMES.get(key, key)] = value


def add_text(event: Event, key: str, text: str) -> None:
    """Add an exception's or a stack's text, moving a field of that name aside."""
    if key in event:
        event[f"{key}_"] = event.pop(key)
    event[key] = text


def exception_text(exc_info: Any) -> str:  # Any: records carry tuples of three, or of three None
    """Give the traceback as Python prints it, never with the values of local variables."""
    with StringIO() as text:
        try:
            print_exception(exc_info[0], exc_info[1], exc_info[2], None, text)
        except Exception as error:  # noqa: BLE001  # an exception whose str() raises must not break a log call
            return f"{exc_info[0]!r} (its traceback cannot be printed: {type(error).__qualname__})"
        return text.getvalue().rstrip("\n")


def trace_ids() -> Mapping[str, object]:
    """Give the ids of OpenTelemetry's current span, if the application has imported OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return {}
    span = getattr(trace, "get_current_span", _no_span)()
    context = span.get_span_context() if span is not None else None
    if context is None or not context.is_valid:
        return {}
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "trace_sampled": context.trace_flags.sampled,
    }


def _no_span() -> None:
    """Stand in while another thread is still importing OpenTelemetry."""


def message_of(record: logging.LogRecord) -> str:
    """Give the record's text, or what message and arguments are and why they do not fit."""
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001  # the call's author finds the mistake in the line instead of losing it
        return f"{safe_repr(record.msg)} % {safe_repr(record.args)} ({type(error).__name__}: {error})"
