"""`python -m benchmarks.monitoring [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks._asgi import interleaved_requests, request
from benchmarks._harness import added, at_most, medians, report, run

PACKAGES = (
    "fastapi",
    "starlette",
    "prometheus-client",
    "opentelemetry-sdk",
    "prometheus-fastapi-instrumentator",
    "opentelemetry-instrumentation-fastapi",
)
SCANNED = 50_000
SERIES = 10_000


async def scan(stack: Any, requests: int) -> dict[str, Any]:
    """Send random paths and methods, and count the series before and after."""
    chosen = random.Random(0)
    for path, method in (
        ("/items/1", "GET"),
        ("/nowhere", "GET"),
        ("/nowhere", "SCAN"),
        ("/items/1", "SCAN"),
        ("/items/x", "GET"),
    ):
        await request(stack.app, path, method)
    before = _series(stack.registry)
    for _ in range(requests):
        word = f"{chosen.getrandbits(64):x}"
        path = chosen.choice((f"/{word}", f"/items/{word}", f"/items/{chosen.getrandbits(40)}"))
        method = chosen.choice(("GET", "GET", f"M{word}"))
        await request(stack.app, path, method)
    return {
        "name": f"scanner: {stack.name}",
        "requests": requests,
        "series_before": before,
        "series_after": _series(stack.registry),
    }


def scrape() -> dict[str, Any]:
    """Time an exposition of ten thousand series."""
    from prometheus_client import CollectorRegistry

    from maestro_monitoring import BusinessGauge, exposition

    registry = CollectorRegistry()
    gauge = BusinessGauge("bench_series", "Series.", labels={"number": SERIES}, registry=registry)
    for number in range(SERIES):
        gauge.set(number, number=number)
    took = []
    for _ in range(5):
        started = perf_counter()
        body, _ = exposition("application/openmetrics-text", registry)
        took.append(perf_counter() - started)
    return {"name": f"scrape of {SERIES} series", "ms": round(median(took) * 1e3, 1), "bytes": len(body)}


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure everything and compare with the bounds."""
    return asyncio.run(measured(quick=quick))


async def measured(*, quick: bool) -> dict[str, Any]:
    """Measure everything and compare with the bounds."""
    from . import stacks as s

    rounds, requests = (7, 400) if quick else (25, 2_000)
    no_events = ["receive", "send"]
    makers: list[Callable[[], Any]] = [
        s.bare,
        s.ours_metrics,
        s.ours,
        lambda: s.ours(0.01),
        s.peer_metrics,
        s.peer_spans,
        s.peers,
        lambda: s.peers(no_events),
    ]
    made = [make() for make in makers]
    costs = await interleaved_requests({stack.name: stack.app for stack in made}, rounds=rounds, requests=requests)
    scans = [await scan(made[2], SCANNED), await scan(made[4], 2_000 if quick else SCANNED)]
    for stack in made:
        stack.close()
    each, more = medians(costs, times=1e6), added(costs, made[0].name, times=1e6)
    ours = more["maestro: metrics + span"]
    return report(
        "monitoring",
        packages=PACKAGES,
        rounds=rounds,
        results=[
            *({"name": n, "us_per_request": round(us, 1), "added_us": round(more[n], 1)} for n, us in each.items()),
            *scans,
            scrape(),
        ],
        wanted=[
            at_most("metrics plus span per request, share of what both peers add", ours / more["both peers"], 0.60),
            at_most(
                "the same against the peers without their receive and send spans",
                ours / more["both peers without receive and send spans"],
                0.60,
            ),
            at_most(
                f"series that a scanner adds in {SCANNED} requests",
                scans[0]["series_after"] - scans[0]["series_before"],
                0,
            ),
        ],
    )


def _series(registry: Any) -> int:
    return sum(len(metric.samples) for metric in registry.collect())


if __name__ == "__main__":
    sys.exit(run(measure))
