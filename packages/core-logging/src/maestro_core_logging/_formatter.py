"""The formatter: structlog processors, redaction and a format make the line of a record or of an event."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

import structlog

from maestro_core_logging._event import RECORD_FIELDS, Event, add_fields, event_of_record
from maestro_core_logging._formats import Renderer, render_colors, render_console, render_json, renderer_named
from maestro_core_logging._outputs import report_loss
from maestro_core_logging._quick import QuickJson
from maestro_core_logging._redaction import NoRedaction, Redaction

# structlog's own type of a processor, whose event dicts hold anything.
Processor = Callable[[Any, str, MutableMapping[str, Any]], Mapping[str, Any]]
Consumer = Callable[[Event], None]

_NO_CONSTANTS: Mapping[str, object] = MappingProxyType({})
_REDACTION = Redaction()


class EventFormatter(logging.Formatter):
    """
    A formatter that writes events, for handlers of your own and for `dictConfig`.

    `{"()": "maestro_core_logging.EventFormatter", "format": "json", "service_name": "orders"}` is its `dictConfig`
    form; as a `class` there, and in a file for `fileConfig`, it takes a `format` only (`style`, which they pass, says nothing). `fields` are on every line, and `record_fields` name attributes of records that lines carry besides what they
    always do. `processors` are structlog's: each takes the event and gives it back changed, or raises
    `structlog.DropEvent`. Redaction comes after them, so that nothing they add escapes it. `colors` are those of the
    format `console`, for terminals.

    Raises:
        ValueError: there is no format of that name, records have no such attribute, or a `datefmt` is given.
    """

    def __init__(
        self,
        format: str | None = "json",  # noqa: A002  # dictConfig's own word
        datefmt: str | None = None,
        style: str = "%",  # noqa: ARG002  # of templates, which these formats are not
        *,
        service_name: str | None = None,
        fields: Mapping[str, object] | None = None,
        record_fields: Iterable[str] = (),
        processors: Iterable[Processor] = (),
        redact: Redaction = _REDACTION,
        consumers: Iterable[Consumer] = (),
        colors: bool = False,
    ) -> None:
        super().__init__()
        if datefmt is not None:
            raise ValueError(
                f"lines bear the time as RFC 3339 has it: leave out datefmt {datefmt!r}, or use configure_logging(template=…)"
            )
        self.constant: Mapping[str, object] = _constants(service_name, fields)
        self.record_fields = _known(record_fields)
        self._render: Renderer = renderer_named("json" if format is None else format)
        if colors and self._render is render_console:
            self._render = render_colors
        self._processors = tuple(processors)
        self._redact = redact
        self._consumers = tuple(consumers)
        self._failed: list[Consumer] = []
        plain = self._render is render_json and not self._processors and not self._consumers and not self.record_fields
        # The usual line's short way, where there is one.
        self.quick = QuickJson(self.constant, redact) if plain and type(redact) in (Redaction, NoRedaction) else None

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's line, without the newline that handlers add; empty when a processor dropped it."""
        return self.line(self.event(record)).decode("utf-8").removesuffix("\n")

    def event(self, record: logging.LogRecord) -> Event:
        """Give the event that a record stands for, before processors and redaction."""
        event = event_of_record(record, self.constant)
        for name in self.record_fields:
            event.setdefault(name, getattr(record, name, None))  # an older Python's records have no taskName
        return event

    def line(self, event: Event) -> bytes:
        """Give an event's line as it is written, newline included; empty when a processor dropped it."""
        if self._processors:
            try:
                event = self._processed(event)
            except structlog.DropEvent:
                return b""
        if self._consumers:
            event = self._redact.event(event)
            self._feed(event)
            return self._render(event)
        return self._redact.render(event, self._render)

    def _feed(self, event: Event) -> None:
        for consume in self._consumers:
            try:
                consume(event)
            except Exception as error:  # noqa: BLE001  # an export that fails must not cost the line
                if consume not in self._failed:
                    self._failed.append(consume)
                    report_loss(f"{consume!r} failed", error)

    def _processed(self, event: Event) -> Event:
        changed: Mapping[str, Any] = event
        for processor in self._processors:
            changed = processor(None, str(event.get("level", "")), dict(changed))
        return dict(changed)


def _constants(service_name: str | None, fields: Mapping[str, object] | None) -> Mapping[str, object]:
    constant: Event = {"service": service_name} if service_name else {}
    add_fields(constant, fields or {})
    return constant or _NO_CONSTANTS


def _known(names: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(names)
    unknown = sorted(set(chosen) - RECORD_FIELDS)
    if unknown:
        raise ValueError(f"unknown record_fields {unknown}: choose of {', '.join(sorted(RECORD_FIELDS))}")
    return chosen
