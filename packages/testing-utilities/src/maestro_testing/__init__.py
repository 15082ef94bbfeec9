"""Pytest plugin and fakes shared by the fleet's test-suites."""

from ._clock import FakeClock
from ._environment import Environment
from ._events import CapturedEvents, capturing_events
from .errors import LibraryMissing, MaestroTestingError

__all__ = [
    "CapturedEvents",
    "Environment",
    "FakeClock",
    "LibraryMissing",
    "MaestroTestingError",
    "capturing_events",
]
