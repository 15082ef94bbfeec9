"""The debug ring: lines below the level, kept while a request runs and written only when it goes wrong."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from maestro_core_logging._event import OWN_KEYS, Event, message_of
from maestro_core_logging._fast import event_of_call
from maestro_core_logging._formatter import EventFormatter
from maestro_core_logging._frames import in_logging_module
from maestro_core_logging._handlers import sinks_of_root
from maestro_core_logging._logger import Logger


@dataclass
class DebugRing:
    """The lines kept by a block; `keep()` has them written even if the block ends well."""

    level: int
    events: deque[Event]
    dropped: int = 0
    wanted: bool = False
    # Lines of tasks that outlive the block have nowhere to be kept.
    open: bool = field(default=True, repr=False)

    def keep(self) -> None:
        """Have the lines written when the block ends, however it ends."""
        self.wanted = True

    def add(self, event: Event) -> None:
        """Keep a line, forgetting the oldest when there is no room."""
        self.dropped += len(self.events) == self.events.maxlen
        self.events.append(event)


_RING: ContextVar[DebugRing | None] = ContextVar("maestro_debug_ring", default=None)


@contextmanager
def debug_ring(
    *,
    lines: int = 200,
    level: int | str = logging.DEBUG,
    slower_than_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[DebugRing]:
    """
    Keep the lines from `level` up that would not be written; write them if the block raises, is slow or asks to.

    At most `lines` are kept, the latest ones. They bear the time at which they were logged and go to our sinks
    only: other handlers and filters never see them. While a ring is open, `isEnabledFor` is true for what it keeps.

    Raises:
        ValueError: `lines` is not positive, or the level is unknown.
    """
    if lines < 1:
        raise ValueError(f"lines must be positive, not {lines!r}")
    _let_loggers_keep()
    ring = DebugRing(logging.Handler(level).level if isinstance(level, str) else level, deque(maxlen=lines))
    token = _RING.set(ring)
    began_s = clock()
    try:
        yield ring
    except BaseException:
        ring.keep()
        raise
    finally:
        _RING.reset(token)
        ring.open = False
        if ring.wanted or (slower_than_s is not None and clock() - began_s > slower_than_s):
            _write(ring)


def _write(ring: DebugRing) -> None:
    for sink in sinks_of_root():
        formatter = sink.formatter
        if isinstance(formatter, EventFormatter):
            for event in ring.events:
                own = dict(islice(event.items(), len(OWN_KEYS)))
                sink.write_line(formatter.line({**own, **formatter.constant, **event, "ring": True}))


def _keeping_ring(logger: logging.Logger, level: int) -> DebugRing | None:
    ring = _RING.get()
    if ring is None or not ring.open or level < ring.level or logger.disabled or level <= logger.manager.disable:
        return None
    return ring


def _is_enabled_for(self: logging.Logger, level: int) -> bool:
    return logging.Logger.isEnabledFor(self, level) or _keeping_ring(self, level) is not None


_NOTHING: Mapping[str, object] = {}
_DEEPEST_COPY = 8
_log_beyond_rings = vars(Logger)["_log"]


def _log(self: logging.Logger, /, *call: Any, **keywords: Any) -> None:
    # Any: a pass-through, as the method that it stands before; a field may have any name.
    ring = _keeping_ring(self, call[0]) if len(call) == 3 else None
    if ring is None or logging.Logger.isEnabledFor(self, call[0]):
        _log_beyond_rings(self, *call, **keywords)
        return
    level, msg, args = call
    fields = {key: _as_it_is_now(value) for key, value in keywords.items() if key != "stack_info"}
    try:
        event = event_of_call(self, level, msg, args, fields, _NOTHING)
    except Exception:  # noqa: BLE001  # a line that may never be written must not break what goes well
        told = message_of(logging.LogRecord(self.name, level, "", 0, msg, args, None))
        event = event_of_call(self, level, told, (), {k: v for k, v in fields.items() if k != "extra"}, _NOTHING)
    if event is not None:
        ring.add(event)


def _as_it_is_now(value: object, depth: int = 0) -> object:
    """Copy lists and the like, which the code may go on filling before the line is written."""
    if depth < _DEEPEST_COPY:
        if isinstance(value, dict):
            return {key: _as_it_is_now(item, depth + 1) for key, item in value.copy().items()}
        if isinstance(value, list):
            return [_as_it_is_now(item, depth + 1) for item in value.copy()]
        if isinstance(value, set | bytearray):
            return value.copy()
    return value


def _let_loggers_keep() -> None:
    """Put the ring before the loggers' methods, the first time that anybody opens one."""
    if "isEnabledFor" not in vars(Logger):
        setattr(Logger, "isEnabledFor", in_logging_module(_is_enabled_for))  # type: ignore[arg-type]  # noqa: B010  # a method put in at run time
        setattr(Logger, "_log", in_logging_module(_log))  # type: ignore[arg-type]  # noqa: B010  # as above
