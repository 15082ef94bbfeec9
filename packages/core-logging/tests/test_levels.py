"""Levels changed at run time, for a while or until taken back."""

import logging
import os
import signal
import threading
from typing import ClassVar

import pytest

from maestro_core_logging import (
    _levels,
    change_level_on_signal,
    get_logger,
    level_overrides,
    reset_level,
    set_level,
)


class Timer:
    """A timer that a test lets run out."""

    made: ClassVar[list] = []

    def __init__(self, interval_s, function, args):
        self.interval_s, self.daemon, self.cancelled = interval_s, False, False
        self._call = lambda: function(*args)
        Timer.made.append(self)

    def start(self):
        """Wait for the test."""

    def cancel(self):
        """Remember that nobody waits any more."""
        self.cancelled = True

    def run_out(self):
        """Do what is due."""
        self._call()


@pytest.fixture(autouse=True)
def timers(monkeypatch):
    """Timers under the test's control; and no override left behind."""
    monkeypatch.setattr(Timer, "made", [])
    monkeypatch.setattr(_levels.threading, "Timer", Timer)
    yield Timer.made
    _levels._overrides.clear()


def test_a_level_comes_back_when_its_time_is_over(timers):
    """The level from before, also when the override was renewed."""
    log = get_logger("svc")
    log.setLevel(logging.ERROR)
    set_level("svc", "DEBUG", for_s=600)
    set_level("svc", "INFO", for_s=60)
    assert level_overrides() == {"svc": "INFO"}
    assert [timer.cancelled for timer in timers] == [True, False]
    assert log.isEnabledFor(logging.INFO)
    timers[-1].run_out()
    assert log.level == logging.ERROR
    assert level_overrides() == {}


def test_without_a_time_it_stays_until_taken_back():
    """`reset_level` is its end; a second one is nothing."""
    set_level(None, "DEBUG")
    assert logging.getLogger().level == logging.DEBUG
    reset_level(None)
    reset_level(None)
    assert logging.getLogger().level == logging.WARNING


def test_a_level_that_somebody_else_set_meanwhile_stays(timers):
    """The application's own `setLevel` wins over our going back."""
    set_level("svc", "DEBUG", for_s=600)
    get_logger("svc").setLevel(logging.CRITICAL)
    timers[-1].run_out()
    assert get_logger("svc").level == logging.CRITICAL


@pytest.mark.parametrize(("level", "for_s"), [("LOUD", None), ("INFO", 0), ("INFO", -1), ("INFO", float("nan"))])
def test_wrong_values_are_refused_and_change_nothing(level, for_s):
    """A level that is none, a time that is none."""
    with pytest.raises(ValueError):
        set_level("svc", level, for_s=for_s)
    assert get_logger("svc").level == logging.NOTSET
    assert level_overrides() == {}


def test_a_signal_toggles_the_level(monkeypatch):
    """The first shows DEBUG lines, the second takes them away."""
    before = signal.getsignal(signal.SIGUSR1)
    changed = threading.Event()
    for name in ("set_level", "reset_level"):
        original = getattr(_levels, name)
        monkeypatch.setattr(_levels, name, lambda *a, original=original, **k: (original(*a, **k), changed.set()))
    try:
        change_level_on_signal(logger="svc", for_s=60)
        for expected in (logging.DEBUG, logging.NOTSET):
            changed.clear()
            signal.raise_signal(signal.SIGUSR1)
            assert changed.wait(10)
            assert get_logger("svc").level == expected
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_level_comes_back_in_a_forked_child_too(timers):
    """Which has none of its parent's timers: for the rest of the time only."""
    set_level("svc", "DEBUG", for_s=600)
    set_level("other", "DEBUG")
    child = os.fork()
    if child == 0:
        ok = len(timers) == 2 and 0 < timers[-1].interval_s <= 600
        timers[-1].run_out()
        os._exit(0 if ok and level_overrides() == {"other": "DEBUG"} else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert level_overrides() == {"svc": "DEBUG", "other": "DEBUG"}
