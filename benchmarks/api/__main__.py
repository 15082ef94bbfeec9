"""`python -m benchmarks.api [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import process_time
from typing import Any

from maestro_core_logging import configure_logging

PACKAGES = ("fastapi", "starlette", "prometheus-client", "asgi-correlation-id", "prometheus-fastapi-instrumentator")


async def request(app: Any, number: int) -> int:
    """Send one request through an application, as a server would; gives the status."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    path = f"/items/{number}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"bench"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await app(scope, receive, send)
    return statuses[0]


async def costs(stacks: dict[str, Any], *, rounds: int, requests: int) -> list[dict[str, Any]]:
    """Measure CPU microseconds a request in interleaved rounds; the first stack is the bare one."""
    for name, app in stacks.items():
        for number in range(200):
            if await request(app, number) != 200:
                raise RuntimeError(f"{name} did not answer 200")
    seconds: dict[str, list[float]] = {name: [] for name in stacks}
    for round_number in range(rounds):
        for name in random.Random(round_number).sample(list(stacks), len(stacks)):
            gc.collect()
            started = process_time()
            for number in range(requests):
                await request(stacks[name], number)
            seconds[name].append((process_time() - started) / requests)
    bare = next(iter(seconds.values()))
    return [
        {
            "name": name,
            "us_per_request": round(median(values) * 1e6, 1),
            "added_us": round(median(a - b for a, b in zip(values, bare, strict=True)) * 1e6, 1),
            "times_bare": round(median(values) / median(bare), 2),
        }
        for name, values in seconds.items()
    ]


async def measured(*, quick: bool) -> dict[str, Any]:
    """Measure every stack and compare with the bounds."""
    from . import stacks

    # The line is made, redacted and written as in production, and goes nowhere.
    configure_logging(service_name="bench", filename=os.devnull, force=True)
    rounds, requests = (7, 400) if quick else (25, 2_000)
    made = {
        "bare": stacks.bare(),
        "maestro": stacks.maestro(),
        "maestro without access events": stacks.maestro_without_events(),
        "five BaseHTTPMiddleware": stacks.five_base_middlewares(),
        "asgi-correlation-id (id only)": stacks.correlation_id(),
        "prometheus-fastapi-instrumentator (metrics only)": stacks.instrumentator(),
        "both peers (id and metrics)": stacks.both_peers(),
    }
    results = await costs(made, rounds=rounds, requests=requests)
    added = {row["name"]: row["added_us"] for row in results}
    by_hand = round(added["maestro"] / added["five BaseHTTPMiddleware"], 3)
    peers = round(added["maestro without access events"] / added["both peers (id and metrics)"], 3)
    return {
        "subject": "api",
        "versions": {name: _version(name) for name in PACKAGES},
        "rounds": rounds,
        "results": results,
        "wanted": [
            _wanted("all of it, share of what five BaseHTTPMiddleware add", by_hand, 0.15),
            _wanted("ids, headers and metrics, share of what both peers add", peers, 1.0),
        ],
    }


def _wanted(name: str, value: float, at_most: float) -> dict[str, Any]:
    return {"name": name, "value": value, "bound": f"<= {at_most}", "holds": value <= at_most}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; within two minutes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # peers' deprecations are not what is measured
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
