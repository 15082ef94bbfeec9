"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from maestro_testing import FakeClock


def test_time_goes_by_only_when_told(fake_clock: FakeClock) -> None:
    """Both kinds of time advance together."""
    before = fake_clock()
    assert fake_clock() == before
    fake_clock.advance(1.5)
    assert fake_clock() - before == timedelta(seconds=1.5)
    assert fake_clock.monotonic() == 1.5


def test_it_starts_where_it_is_told() -> None:
    """A moment with a time zone is taken; one without would mean different moments."""
    assert FakeClock(datetime(2030, 5, 1, tzinfo=UTC))().year == 2030
    with pytest.raises(ValueError, match="time zone"):
        FakeClock(datetime(2030, 5, 1))  # noqa: DTZ001  # that is what is refused


def test_it_never_goes_back(fake_clock: FakeClock) -> None:
    """Negative steps are refused."""
    with pytest.raises(ValueError, match="make another clock"):
        fake_clock.advance(-1)
