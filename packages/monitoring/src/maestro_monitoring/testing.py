"""Drills and look-ups for the tests of services that use this package."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from ._registry import registry_or_default

__all__ = ["ScannerDrill", "metric_value", "scan"]

App = Callable[[Any, Any, Any], Awaitable[None]]
_WARM_UP = [(method, path) for method in ("GET", "POST", "SCAN") for path in ("/", "/nowhere")]


@dataclass(frozen=True, slots=True)
class ScannerDrill:
    """What a scanner did to the number of series."""

    requests: int
    series_before: int
    series_after: int

    @property
    def grew_by(self) -> int:
        """How many series the scanner made; the only good answer is 0."""
        return self.series_after - self.series_before


async def scan(
    app: App, *, requests: int = 50_000, registry: CollectorRegistry | None = None, seed: int = 0
) -> ScannerDrill:
    """Send random paths and methods through an ASGI application and count the series before and after.

    Exceptions of the application pass through: a scanner must not find any.
    """
    registry = registry_or_default(registry)
    for method, path in _WARM_UP:
        await _request(app, method, path)
    before = series_count(registry)
    chosen = random.Random(seed)  # noqa: S311  # a repeatable drill, not a secret
    for _ in range(requests):
        word = f"{chosen.getrandbits(64):x}"
        await _request(app, chosen.choice(("GET", "POST", f"M{word}")), f"/{word}")
    return ScannerDrill(requests, before, series_count(registry))


def metric_value(name: str, /, *, registry: CollectorRegistry | None = None, **labels: str) -> float:
    """Give a sample's value, 0 when nothing was counted under these labels yet."""
    return registry_or_default(registry).get_sample_value(name, labels) or 0.0


def series_count(registry: CollectorRegistry) -> int:
    """Give how many series a scrape would bring."""
    return sum(len(metric.samples) for metric in registry.collect())


async def _request(app: App, method: str, path: str) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: MutableMapping[str, Any]) -> None:
        """Take the answer and forget it."""

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
