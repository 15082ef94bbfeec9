"""
The direct path: from the call to bytes without a `LogRecord`.

It is taken only when nobody could tell: one sink of ours is the only handler on the logger's way up, no filter, no
patched method, no record factory. Whoever else listens gets the record path. Both paths build the same event.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

from maestro_core_logging._context import current_context
from maestro_core_logging._event import (
    RECORD_ATTRIBUTES,
    Event,
    add_fields,
    add_text,
    exception_text,
    new_event,
    trace_ids,
)
from maestro_core_logging._formatter import EventFormatter
from maestro_core_logging._frames import unpatched
from maestro_core_logging._handlers import FileSink, StreamSink

_ROOT = logging.root
_LOGGER = logging.Logger
_HANDLER = logging.Handler

# What a record would pass through on its way to our sink; a patch of any of it wants to see records.
_LOG = unpatched(_LOGGER._log)
_MAKE_RECORD = unpatched(_LOGGER.makeRecord)
_HANDLE = unpatched(_LOGGER.handle)
_FILTER = unpatched(_LOGGER.filter)
_CALL_HANDLERS = unpatched(_LOGGER.callHandlers)
_HANDLER_HANDLE = unpatched(_HANDLER.handle)
_LOGGING = vars(logging)  # a look at the record factory in there costs a third of the call that gives it
_FACTORY = logging.LogRecord
_GET_MESSAGE = unpatched(_FACTORY.getMessage)
# Instance attributes under these names are somebody's patch.
_PATCHABLE = frozenset({"_log", "makeRecord", "handle", "filter", "callHandlers", "findCaller"})
# A manager of its own, since lists of all loggers must not show one that nobody asked for.
_manager = logging.Manager(logging.root)
_manager.setLoggerClass(logging.Logger)
USUAL_LOGGER_ATTRIBUTES = len(vars(_manager.getLogger("usual")))
_CALL_KEYWORDS = frozenset({"exc_info", "extra", "stack_info", "stacklevel"})


def is_patched(logger: logging.Logger) -> bool:
    """Tell whether this one logger has something of its own on a record's way."""
    return len(logger.__dict__) != USUAL_LOGGER_ATTRIBUTES and not _PATCHABLE.isdisjoint(logger.__dict__)


def write_directly(logger: logging.Logger, level: int, msg: object, args: Any, keywords: dict[str, Any]) -> bool:
    """Write the call's line if our sink alone would get its record; tell whether that was so. The logger is not patched."""
    # First the search for anybody else who listens, written out: it is on the way of every line.
    if (
        logger.filters
        or logger.disabled
        or _LOGGER._log is not _LOG
        or _LOGGER.makeRecord is not _MAKE_RECORD
        or _LOGGER.handle is not _HANDLE
        or _LOGGER.filter is not _FILTER
        or _LOGGER.callHandlers is not _CALL_HANDLERS
        or _HANDLER.handle is not _HANDLER_HANDLE
        or _LOGGING["_logRecordFactory"] is not _FACTORY
        or _FACTORY.getMessage is not _GET_MESSAGE
    ):
        return False
    node: logging.Logger | None = logger
    while node is not _ROOT:
        if node is None or node.handlers or not node.propagate:
            return False
        node = node.parent
    handlers = _ROOT.handlers
    if len(handlers) != 1:  # the usual sink is the root's only handler, and nobody is before it
        return False
    sink: Any = handlers[0]
    kind = type(sink)
    if (kind is not FileSink and kind is not StreamSink) or sink.filters or sink.is_patched:
        return False
    if level < sink.level:
        return True
    formatter = sink.formatter
    if type(formatter) is not EventFormatter:
        return False
    quick = formatter.quick
    try:
        line = None if args or quick is None else quick.line(logger.name, level, msg, keywords)
        if line is None:
            line = _line(logger, level, msg, args, keywords, formatter)
            if line is None:
                return False
    except Exception:  # noqa: BLE001  # the record path meets the same mistake and reports it as `logging` does
        return False
    if sink.queue is None and line:
        sink.write_now(line)
    else:
        sink.write_line(line)
    return True


def _line(
    logger: logging.Logger, level: int, msg: object, args: Any, keywords: dict[str, Any], formatter: EventFormatter
) -> bytes | None:
    """Give the line by way of an event; None when only a record can tell."""
    if formatter.record_fields:
        return None
    event = event_of_call(logger, level, msg, args, keywords, formatter.constant)
    return None if event is None else formatter.line(event)


def event_of_call(
    logger: logging.Logger, level: int, msg: object, args: Any, keywords: dict[str, Any], constant: Mapping[str, object]
) -> Event | None:
    """Build the event that the call's record would have given; None when only a record can tell."""
    event = new_event(time.time(), level, logger.name, _text(msg, args), constant)
    trace = trace_ids()
    if trace:
        event.update(trace)
    context = current_context()
    if context:
        add_fields(event, context)
    if not keywords:
        return event
    extra = keywords.get("extra")
    if keywords.get("stack_info"):
        return None
    if extra and not (RECORD_ATTRIBUTES.isdisjoint(extra) and keywords.keys().isdisjoint(extra)):
        return None
    if extra:
        add_fields(event, extra)
    if _CALL_KEYWORDS.isdisjoint(keywords):
        add_fields(event, keywords)
        return event
    add_fields(event, {key: value for key, value in keywords.items() if key not in _CALL_KEYWORDS})
    exc_info = keywords.get("exc_info")
    if exc_info:
        if isinstance(exc_info, BaseException):
            exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
        elif not isinstance(exc_info, tuple):
            exc_info = sys.exc_info()
        add_text(event, "exception", exception_text(exc_info))
    return event


def _text(msg: object, args: Any) -> str:
    """Merge message and arguments as `LogRecord` does; a mistake in them is the record path's to report."""
    text = msg if type(msg) is str else str(msg)
    if not args:
        return text
    if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
        args = args[0]
    merged: str = text % args
    return merged
