"""Events that are written but never become records: for libraries whose hosts must not see extra records."""

from __future__ import annotations

import logging
import time

from maestro_core_logging._context import current_context
from maestro_core_logging._event import Event, add_fields, add_text, exception_text, rfc3339, trace_ids
from maestro_core_logging._handlers import FileSink, StreamSink


def emit_event(
    event: str,
    *,
    level: int = logging.INFO,
    logger: str = "maestro",
    exception: BaseException | None = None,
    **fields: object,
) -> None:
    """
    Write a line to the sinks that `configure_logging` put on the root logger, and to nothing else.

    Where there is no such sink (a test run under pytest, a service that configures logging itself) nothing happens:
    `caplog` and handlers of the service never see it. The level of `logger` decides as for any line.
    """
    sinks = [h for h in logging.root.handlers if isinstance(h, StreamSink | FileSink) and level >= h.level]
    if not sinks or not logging.getLogger(logger).isEnabledFor(level):
        return
    made: Event = {
        "timestamp": rfc3339(time.time()),
        "level": logging.getLevelName(level).lower(),
        "logger": logger,
        "event": event,
    }
    made.update(trace_ids())
    add_fields(made, current_context())
    add_fields(made, fields)
    if exception is not None:
        add_text(made, "exception", exception_text((type(exception), exception, exception.__traceback__)))
    for sink in sinks:
        sink.write_event(made)
