"""Events that are written but never become records: for libraries whose hosts must not see extra records."""

from __future__ import annotations

import logging
import time

from maestro_core_logging._context import current_context
from maestro_core_logging._event import add_fields, add_text, exception_text, new_event, trace_ids
from maestro_core_logging._formatter import EventFormatter
from maestro_core_logging._handlers import sinks_of_root
from maestro_core_logging._logger import standard_logger


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
    sinks = [sink for sink in sinks_of_root() if level >= sink.level]
    if not sinks or not standard_logger(logger).isEnabledFor(level):
        return
    for sink in sinks:
        formatter = sink.formatter
        if not isinstance(formatter, EventFormatter):  # a template, or somebody's formatter, which knows records only
            continue
        made = new_event(time.time(), level, logger, event, formatter.constant)
        made.update(trace_ids())
        add_fields(made, current_context())
        add_fields(made, fields)
        if exception is not None:
            add_text(made, "exception", exception_text((type(exception), exception, exception.__traceback__)))
        try:
            line = formatter.line(made)
        except Exception:  # noqa: BLE001  # as `logging`: a processor's mistake is reported and not raised
            sink.handleError(logging.makeLogRecord({"name": logger, "msg": event, "levelno": level}))
        else:
            sink.write_line(line)
