"""What tests use: the events of a block, as values; and corpora to try a log's redaction with."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from maestro_core_logging import _corpus
from maestro_core_logging._event import Event, event_of_record

__all__ = ["capture_logs", "ordinary_fields", "secret_fields"]


def secret_fields(count: int = 1_000, *, seed: int = 20_261_122) -> list[tuple[str, object, str]]:
    """Give made-up secrets as services log them: a field's name, its value, and the text that must not be seen."""
    return [(key, value, secret) for (key, value), secret in _corpus.secrets(count, seed)]


def ordinary_fields(count: int = 4_000, *, seed: int = 20_261_122) -> list[tuple[str, object]]:
    """Give fields that look busy and hold no secret, to count false alarms with."""
    return _corpus.ordinary(count, seed)


class _Collector(logging.Handler):
    """A handler that keeps events."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's event, without the time."""
        event = event_of_record(record, {})
        del event["timestamp"]
        self._events.append(event)


@contextmanager
def capture_logs(logger: str | None = None, *, level: int | str = logging.DEBUG) -> Iterator[list[Event]]:
    """
    Give the list of events logged inside the block, as they are logged, each a dict without its timestamp.

    Only `logger` (the root when not named) changes its level meanwhile; handlers that are there go on as before.

    Raises:
        ValueError: the level is unknown.
    """
    events: list[Event] = []
    collector = _Collector(events)
    listened_to = logging.getLogger(logger)
    level_before = listened_to.level
    listened_to.setLevel(level)
    listened_to.addHandler(collector)
    try:
        yield events
    finally:
        listened_to.removeHandler(collector)
        listened_to.setLevel(level_before)
