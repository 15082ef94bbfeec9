"""Loggers that hold lines back: once, so many a period, or a share; and say how many they held."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from maestro_core_logging._frames import in_logging_module
from maestro_core_logging._logger import BoundLogger, Logger, log_fields_of_any_name

_MOST_MESSAGES = 10_000
_NEVER = float("-inf")

# Given a message's own state (written in this period, the period's start) and the time: may it be written?
Decision = Callable[["_Message", float], bool]


class _Message:
    """What is remembered of one message: lines written in the period, its start, and lines held back since the last."""

    __slots__ = ("began_s", "held_back", "written")

    def __init__(self) -> None:
        self.began_s = _NEVER
        self.held_back = 0
        self.written = 0


class LimitedLogger(logging.LoggerAdapter[Any]):  # a logger or an adapter of one
    """
    A logger that writes some of its lines and counts the others.

    Lines are told apart by level and message template, before arguments are merged. The next line that is written
    says in `held_back` how many of its like were not.
    """

    def __init__(self, logger: Logger | BoundLogger, decide: Decision, clock: Callable[[], float]) -> None:
        super().__init__(logger, {})
        self._decide = decide
        self._clock = clock
        self._messages: OrderedDict[tuple[int, str], _Message] = OrderedDict()
        # Reentrant, since a signal handler may log where it interrupts a decision.
        self._deciding = threading.RLock()
        _ALL.add(self)

    if TYPE_CHECKING:

        def debug(self, msg: object, *args: object, **fields: Any) -> None: ...
        def info(self, msg: object, *args: object, **fields: Any) -> None: ...
        def warning(self, msg: object, *args: object, **fields: Any) -> None: ...
        def error(self, msg: object, *args: object, **fields: Any) -> None: ...
        def exception(self, msg: object, *args: object, **fields: Any) -> None: ...
        def critical(self, msg: object, *args: object, **fields: Any) -> None: ...
        def log(self, level: int, msg: object, *args: object, **fields: Any) -> None: ...

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Leave the call as it is: the wrapped logger adds its own fields."""
        return msg, kwargs

    def held_back(self) -> int:
        """Count the lines that were held back and that no written line has told of yet."""
        with self._deciding:
            return sum(message.held_back for message in self._messages.values())

    def _told_by_this_line(self, level: int, msg: object) -> int | None:
        """Give how many lines were held back before this one, or None to hold this one back too."""
        key = (level, str(msg))
        with self._deciding:
            message = self._messages.pop(key, None) or _Message()
            self._messages[key] = message  # the most recent is last
            if len(self._messages) > _MOST_MESSAGES:
                self._messages.popitem(last=False)
            if not self._decide(message, self._clock()):
                message.held_back += 1
                return None
            message.written += 1
            told, message.held_back = message.held_back, 0
            return told


_ALL: weakref.WeakSet[LimitedLogger] = weakref.WeakSet()


def _free_locks() -> None:
    """Begin a forked child with free locks: threads that the fork did not take along may have held them."""
    for logger in list(_ALL):
        logger._deciding = threading.RLock()


os.register_at_fork(after_in_child=_free_locks)


def _log(self: LimitedLogger, *call: Any, **fields: Any) -> None:  # Any: as logging's
    level, msg, *args = *call, *(fields.pop(name) for name in ("level", "msg")[len(call) :])
    if self.isEnabledFor(level):
        told = self._told_by_this_line(level, msg)
        if told is not None:
            log_fields_of_any_name(self.logger, level, msg, args, {**fields, "held_back": told} if told else fields)


if not TYPE_CHECKING:
    LimitedLogger.log = in_logging_module(_log)


def once(logger: Logger | BoundLogger) -> LimitedLogger:
    """Give a logger that writes each of its messages once in the life of the process and counts the rest."""
    return LimitedLogger(logger, lambda message, _now: message.written == 0, time.monotonic)


def limited(
    logger: Logger | BoundLogger, *, lines: int, per_s: float, clock: Callable[[], float] = time.monotonic
) -> LimitedLogger:
    """
    Give a logger that writes at most `lines` of each message in any period of `per_s` seconds.

    Raises:
        ValueError: a number is not positive.
    """
    if lines < 1 or per_s <= 0:
        raise ValueError(f"lines and per_s must be positive, not {lines!r} and {per_s!r}")

    def decide(message: _Message, now: float) -> bool:
        if now - message.began_s >= per_s:
            message.began_s, message.written = now, 0
        return message.written < lines

    return LimitedLogger(logger, decide, clock)


def sampled(
    logger: Logger | BoundLogger, *, share: float, chance: Callable[[], float] = random.random
) -> LimitedLogger:
    """
    Give a logger that writes a random `share` (0 to 1) of its lines.

    Raises:
        ValueError: the share is outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be between 0 and 1, not {share!r}")
    return LimitedLogger(logger, lambda _message, _now: chance() < share, time.monotonic)
