"""The pytest plugin: fixtures only. Nothing is automatic, no option and no marker is added."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._clock import FakeClock
from ._environment import Environment
from ._events import CapturedEvents, capturing_events


@pytest.fixture
def maestro_env() -> Iterator[Environment]:
    """Set environment variables for one test: `maestro_env(PORT=8000, DEBUG=None)`; clear caches of settings with it."""
    environment = Environment(pytest.MonkeyPatch())
    yield environment
    environment.restore()


@pytest.fixture
def captured_events() -> Iterator[CapturedEvents]:
    """Collect the structured events of one test, those that libraries emit without a log record included."""
    with capturing_events() as events:
        yield events


@pytest.fixture
def fake_clock() -> FakeClock:
    """Give a clock that stands still until `advance` is called."""
    return FakeClock()
