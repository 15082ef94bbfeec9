"""`python -m benchmarks.api [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from typing import Any

from benchmarks._asgi import interleaved_requests
from benchmarks._harness import added, at_most, medians, report, run

from maestro_core_logging import configure_logging

PACKAGES = ("fastapi", "starlette", "prometheus-client", "asgi-correlation-id", "prometheus-fastapi-instrumentator")


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure every stack and compare with the bounds."""
    from . import stacks

    warnings.simplefilter("ignore")  # peers' deprecations are not what is measured
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
    costs = asyncio.run(interleaved_requests(made, rounds=rounds, requests=requests))
    each, more = medians(costs, times=1e6), added(costs, "bare", times=1e6)
    return report(
        "api",
        packages=PACKAGES,
        rounds=rounds,
        results=[
            {
                "name": name,
                "us_per_request": round(each[name], 1),
                "added_us": round(more[name], 1),
                "times_bare": round(each[name] / each["bare"], 2),
            }
            for name in made
        ],
        wanted=[
            at_most(
                "all of it, share of what five BaseHTTPMiddleware add",
                more["maestro"] / more["five BaseHTTPMiddleware"],
                0.15,
            ),
            at_most(
                "ids, headers and metrics, share of what both peers add",
                more["maestro without access events"] / more["both peers (id and metrics)"],
                1.0,
            ),
        ],
    )


if __name__ == "__main__":
    sys.exit(run(measure))
