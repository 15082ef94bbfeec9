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
from maestro_core_logging._handlers import FileSink, StreamSink

_LOGGER = logging.Logger
_HANDLER = logging.Handler
_factory = logging.getLogRecordFactory

# What a record would pass through on its way to our sink; a patch of any of it wants to see records.
_UNTOUCHED = (
    _LOGGER._log, _LOGGER.makeRecord, _LOGGER.handle, _LOGGER.filter, _LOGGER.callHandlers, _HANDLER.handle, _factory(),
)  # fmt: skip
_SINKS = frozenset({StreamSink, FileSink})
# Instance attributes under these names are somebody's patch.
_PATCHABLE = frozenset({"_log", "makeRecord", "handle", "filter", "callHandlers", "findCaller", "emit", "format"})
# A manager of its own, since lists of all loggers must not show one that nobody asked for.
_manager = logging.Manager(logging.root)
_manager.setLoggerClass(logging.Logger)
USUAL_LOGGER_ATTRIBUTES = len(vars(_manager.getLogger("usual")))
_CALL_KEYWORDS = frozenset({"exc_info", "extra", "stack_info", "stacklevel"})


def write_directly(logger: logging.Logger, level: int, msg: object, args: Any, keywords: dict[str, Any]) -> bool:
    """Write the call's line if our sink alone would get its record; tell whether that was so."""
    # First the search for anybody else who listens, written out: it is on the way of every line.
    if logger.filters or logger.disabled or (
        _LOGGER._log, _LOGGER.makeRecord, _LOGGER.handle, _LOGGER.filter, _LOGGER.callHandlers, _HANDLER.handle, _factory(),
    ) != _UNTOUCHED:  # fmt: skip
        return False
    attributes = logger.__dict__
    if len(attributes) != USUAL_LOGGER_ATTRIBUTES and not _PATCHABLE.isdisjoint(attributes):
        return False
    node = logger
    while not (handlers := node.handlers):
        parent = node.parent
        if parent is None or not node.propagate:
            return False
        node = parent
    if (
        len(handlers) != 1 or node.parent is not None
    ):  # the usual sink is the root's only handler, and nobody is before it
        return False
    sink: Any = handlers[0]
    if type(sink) not in _SINKS or sink.filters or "emit" in sink.__dict__ or "handle" in sink.__dict__:
        return False
    if level < sink.level:
        return True
    formatter = sink.formatter
    if type(formatter) is not EventFormatter:
        return False
    try:
        quick = formatter.quick
        line = None if args or quick is None else quick.line(logger.name, level, msg, keywords)
        if line is None:
            if formatter.record_fields:
                return False
            event = event_of_call(logger, level, msg, args, keywords, formatter.constant)
            if event is None:
                return False
            line = formatter.line(event)
    except Exception:  # noqa: BLE001  # the record path meets the same mistake and reports it as `logging` does
        return False
    if sink.queue is None and line:
        sink.write_now(line)
    else:
        sink.write_line(line)
    return True


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
