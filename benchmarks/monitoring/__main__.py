"""`python -m benchmarks.monitoring [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from statistics import median
from time import perf_counter, process_time
from typing import Any

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


async def request(app: Any, path: str, method: str = "GET") -> None:
    """Send one request through an application, as a server would."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        pass

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
        "headers": [(b"host", b"bench"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)


async def added_cost(stacks: Sequence[Any], *, rounds: int, requests: int) -> list[dict[str, Any]]:
    """Measure the CPU microseconds a request in each stack, in interleaved rounds; the first stack is the bare one."""
    for stack in stacks:
        for number in range(200):
            await request(stack.app, f"/items/{number}")
    seconds: dict[str, list[float]] = {stack.name: [] for stack in stacks}
    for round_number in range(rounds):
        for stack in random.Random(round_number).sample(list(stacks), len(stacks)):
            gc.collect()
            # Process time has the exporter's thread in it, which is part of what a span costs.
            started = process_time()
            for number in range(requests):
                await request(stack.app, f"/items/{number}")
            seconds[stack.name].append((process_time() - started) / requests)
    bare = seconds[stacks[0].name]
    return [
        {
            "name": name,
            "us_per_request": round(median(values) * 1e6, 1),
            "added_us": round(median(a - b for a, b in zip(values, bare, strict=True)) * 1e6, 1),
        }
        for name, values in seconds.items()
    ]


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
    costs = await added_cost(made, rounds=rounds, requests=requests)
    scans = [await scan(made[2], SCANNED), await scan(made[4], 2_000 if quick else SCANNED)]
    for stack in made:
        stack.close()
    added = {row["name"]: row["added_us"] for row in costs}
    ratio = added["maestro: metrics + span"] / added["both peers"]
    lean = added["maestro: metrics + span"] / added["both peers without receive and send spans"]
    grown = scans[0]["series_after"] - scans[0]["series_before"]
    return {
        "subject": "monitoring",
        "versions": {name: version(name) for name in PACKAGES},
        "rounds": rounds,
        "results": [*costs, *scans, scrape()],
        "wanted": [
            _wanted("metrics plus span per request, share of what both peers add", round(ratio, 3), 0.60),
            _wanted("the same against the peers without their receive and send spans", round(lean, 3), 0.60),
            _wanted(f"series that a scanner adds in {SCANNED} requests", grown, 0),
        ],
    }


def _wanted(name: str, value: float, at_most: float) -> dict[str, Any]:
    return {"name": name, "value": value, "bound": f"<= {at_most}", "holds": value <= at_most}


def _series(registry: Any) -> int:
    return sum(len(metric.samples) for metric in registry.collect())


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; within two minutes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    try:
        result = asyncio.run(measured(quick=options.quick))
    except ImportError as error:
        print(f"error: {error}; the peers are in the `bench` dependency group", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(result, indent=2))
        return 0
    for row in result["results"]:
        print("  ".join(f"{key}={value}" for key, value in row.items()))
    for row in result["wanted"]:
        print(f"{'holds' if row['holds'] else 'MISSED'}: {row['name']}: {row['value']} ({row['bound']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
