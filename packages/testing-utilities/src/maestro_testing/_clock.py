"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock to hand to code that takes one: `clock()` is a time, `clock.monotonic()` seconds.

    Nothing is patched: code that reads the time by itself is not reached, and should take a clock.
    """

    def __init__(self, now: datetime | None = None) -> None:
        """Start at `now`, or at the first second of 2026 in UTC.

        Raises:
            ValueError: `now` has no time zone, so that it would mean another moment on another machine.
        """
        if now is not None and now.tzinfo is None:
            raise ValueError(f"{now.isoformat()} has no time zone; write datetime(…, tzinfo=UTC)")
        self._now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed_s = 0.0

    def __call__(self) -> datetime:
        """Give the time it is."""
        return self._now

    def monotonic(self) -> float:
        """Give the seconds that have gone by since the clock was made."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Let time go by.

        Raises:
            ValueError: the seconds are negative; a monotonic clock never goes back.
        """
        if seconds < 0:
            raise ValueError(f"cannot advance by {seconds} s; make another clock to start earlier")
        self._now += timedelta(seconds=seconds)
        self._elapsed_s += seconds
