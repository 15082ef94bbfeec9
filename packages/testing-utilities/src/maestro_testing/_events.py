"""The structured lines that a service would write, as values."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

from .errors import LibraryMissing

Event = dict[str, Any]


class CapturedEvents(Sequence[Event]):
    """The events written so far, oldest first, each as the dict that its JSON line holds."""

    def __init__(self, written: io.StringIO) -> None:
        self._written = written

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        """Give one event, or some."""
        return self._events()[index]

    def __len__(self) -> int:
        """Count the events written so far."""
        return len(self._events())

    def __repr__(self) -> str:
        """Show the events, for the message of a failed assertion."""
        return repr(self._events())

    def named(self, event: str) -> list[Event]:
        """Give the events of one name, such as `http.request`."""
        return [found for found in self._events() if found["event"] == event]

    def clear(self) -> None:
        """Forget what was written so far."""
        self._written.seek(0)
        self._written.truncate()

    def _events(self) -> list[Event]:
        # Not `splitlines`: JSON leaves separators such as U+2028 in its strings as they are.
        return [json.loads(line) for line in self._written.getvalue().split("\n") if line]


@contextmanager
def capturing_events(level: int | str = logging.DEBUG) -> Iterator[CapturedEvents]:
    """Write events of the block into a list: log lines, and what libraries emit without a log record.

    A sink of maestro-core-logging is added to the root logger beside the handlers that are there, so `caplog` sees
    what it saw. What is captured is what production would write, context and redaction included.

    Raises:
        LibraryMissing: maestro-core-logging is not installed.
    """
    try:
        from maestro_core_logging import configure_logging
    except ModuleNotFoundError as missing:
        raise LibraryMissing("captured_events", extra="logging") from missing
    root, written = logging.getLogger(), io.StringIO()
    level_before, handlers = root.level, list(root.handlers)
    # `configure_logging` does nothing where handlers are: it is shown none, and its own joins the others.
    root.handlers.clear()
    try:
        configure_logging(stream=written, format="json", level=level)
        sinks = list(root.handlers)
    finally:
        root.handlers[:0] = handlers
    try:
        yield CapturedEvents(written)
    finally:
        for sink in sinks:
            root.removeHandler(sink)
            sink.close()
        root.setLevel(level_before)
