"""Levels changed while the service runs, for a while or until taken back; by call and by signal."""

from __future__ import annotations

import logging
import os
import signal as signals
import threading
import time
from dataclasses import dataclass, replace
from types import FrameType

_lock = threading.RLock()


@dataclass(frozen=True)
class LevelOverride:
    """A level that somebody set at run time: the level before it, and what ends it."""

    level: int
    level_before: int
    timer: threading.Timer | None
    until_s: float | None = None


_overrides: dict[str, LevelOverride] = {}


def set_level(logger: str | None, level: int | str, *, for_s: float | None = None) -> None:
    """
    Set a logger's level now, and back after `for_s` seconds if given.

    A second call replaces the first; the level that comes back is the one from before the first. A level that
    somebody else sets meanwhile stays.

    Raises:
        ValueError: the level or the time is not one.
        TypeError: the level is neither a number nor a name.
    """
    if for_s is not None and not 0 < for_s <= threading.TIMEOUT_MAX:
        raise ValueError(f"for_s must be a positive number of seconds, not {for_s!r}")
    target = logging.getLogger(logger)
    with _lock:
        earlier = _overrides.pop(target.name, None)
        level_before = earlier.level_before if earlier is not None and earlier.level == target.level else target.level
        target.setLevel(level)
        timer = None if for_s is None else _timer(target.name, for_s)
        if earlier is not None and earlier.timer is not None:
            earlier.timer.cancel()
        until_s = None if for_s is None else time.monotonic() + for_s
        _overrides[target.name] = LevelOverride(target.level, level_before, timer, until_s)


def _timer(name: str, for_s: float) -> threading.Timer:
    timer = threading.Timer(for_s, reset_level, (name,))
    timer.daemon = True
    timer.start()
    return timer


def _go_on_in_child() -> None:
    """Let levels end in a forked child as well, which has none of its parent's threads."""
    global _lock
    _lock = threading.RLock()
    for name, override in list(_overrides.items()):
        if override.until_s is not None:
            left_s = max(0.0, override.until_s - time.monotonic())
            _overrides[name] = replace(override, timer=_timer(name, left_s))


os.register_at_fork(after_in_child=_go_on_in_child)


def reset_level(logger: str | None) -> None:
    """Take back what `set_level` set, unless somebody else has set another level since."""
    target = logging.getLogger(logger)
    with _lock:
        override = _overrides.pop(target.name, None)
        if override is None:
            return
        if override.timer is not None:
            override.timer.cancel()
        if target.level == override.level:
            target.setLevel(override.level_before)


def level_overrides() -> dict[str, str]:
    """Give the names of the loggers whose level was set at run time, each with that level's name."""
    with _lock:
        return {name: logging.getLevelName(override.level) for name, override in _overrides.items()}


def change_level_on_signal(
    signal: signals.Signals = signals.SIGUSR1,
    *,
    logger: str | None = None,
    level: int | str = "DEBUG",
    for_s: float = 600.0,
) -> None:
    """
    Let a signal set a logger's level for a while: `kill -USR1 PID` shows DEBUG lines for ten minutes.

    A second signal meanwhile takes the level back. The change is made on a thread of its own, since a signal may
    interrupt the very lock that changing a level takes.

    Raises:
        ValueError: called outside the main thread, which alone may install signal handlers.
    """

    def toggle() -> None:
        if logging.getLogger(logger).name in level_overrides():
            reset_level(logger)
        else:
            set_level(logger, level, for_s=for_s)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=toggle, name="maestro-log-level", daemon=True).start()

    signals.signal(signal, on_signal)
