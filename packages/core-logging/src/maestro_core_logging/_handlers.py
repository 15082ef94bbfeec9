"""The sink: a `logging` handler that writes lines of ours, and the formatter that puts the same lines elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType

from maestro_core_logging._event import Event, event_of_record
from maestro_core_logging._formats import Renderer, renderer_named

_NO_CONSTANTS: Mapping[str, object] = MappingProxyType({})


class EventFormatter(logging.Formatter):
    """
    A formatter that writes events, for handlers of your own and for `dictConfig`.

    `{"()": "maestro_core_logging.EventFormatter", "format": "json", "service_name": "orders"}` is its `dictConfig` form.

    Raises:
        ValueError: there is no format of that name.
    """

    def __init__(
        self,
        format: str = "json",  # noqa: A002  # dictConfig's own word
        *,
        service_name: str | None = None,
    ) -> None:
        super().__init__()
        self.render: Renderer = renderer_named(format)
        self.constant: Mapping[str, object] = {"service": service_name} if service_name else _NO_CONSTANTS

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's line, without the newline that handlers add."""
        return self.line(record).decode("utf-8").removesuffix("\n")

    def line(self, record: logging.LogRecord) -> bytes:
        """Give the record's line as it is written, newline included."""
        return self.render_event(event_of_record(record, self.constant))

    def render_event(self, event: Event) -> bytes:
        """Give an event's line as it is written, newline included."""
        return self.render(event)


class StreamSink(logging.StreamHandler):  # type: ignore[type-arg]  # generic in typeshed only, over streams of any kind
    """The handler that `configure_logging` puts on the root logger for a stream."""

    def write_event(self, event: Event) -> None:
        """Write an event that never was a record."""
        _write_event(self, event)


class FileSink(logging.FileHandler):
    """The handler that `configure_logging` puts on the root logger for a file."""

    def write_event(self, event: Event) -> None:
        """Write an event that never was a record."""
        _write_event(self, event)


def _write_event(sink: StreamSink | FileSink, event: Event) -> None:
    formatter = sink.formatter
    if not isinstance(formatter, EventFormatter):  # somebody set another formatter, which knows records only
        return
    line = formatter.render_event({**event, **formatter.constant}).decode("utf-8")
    sink.acquire()
    try:
        if sink.stream is None and isinstance(sink, FileSink):  # closed, or told to open late
            sink.stream = sink._open()
        assert sink.stream is not None
        sink.stream.write(line)
        sink.flush()
    except Exception:  # noqa: BLE001  # as `logging` itself: a sink never raises into the application
        sink.handleError(logging.makeLogRecord({"msg": line}))
    finally:
        sink.release()
