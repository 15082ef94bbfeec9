"""`python -m benchmarks.logging [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time, sleep
from typing import Any

from .stacks import CONTEXT, Stack, all_stacks

PACKAGES = ("structlog", "orjson", "python-json-logger", "loguru")


def cost_us(call: Callable[[], Any], calls: int) -> float:
    """Give the CPU microseconds of one call."""
    started = process_time()
    for _ in range(calls):
        call()
    return (process_time() - started) / calls * 1e6


def interleaved(calls: dict[str, Callable[[], Any]], *, rounds: int, repeats: int) -> dict[str, float]:
    """Give each call's median cost over rounds in which every one of them is measured, in a new order each time."""
    costs: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in range(rounds):
        for name in random.Random(round_number).sample(list(calls), len(calls)):
            gc.collect()
            costs[name].append(cost_us(calls[name], repeats))
    return {name: median(values) for name, values in costs.items()}


def with_context(stacks: Sequence[Stack], *, rounds: int, repeats: int) -> dict[str, float]:
    """Measure ours and structlog with two context fields bound, as in any request."""
    import structlog

    from maestro_core_logging import log_context

    calls = {stack.name: stack.call for stack in stacks if stack.name in ("maestro", "structlog")}
    costs: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        with log_context(**CONTEXT):
            costs["maestro"].append(cost_us(calls["maestro"], repeats))
        with structlog.contextvars.bound_contextvars(**CONTEXT):
            costs["structlog"].append(cost_us(calls["structlog"], repeats))
    return {name: median(values) for name, values in costs.items()}


def threaded(stack: Stack, threads: int, calls: int) -> float:
    """Give lines a second of wall time from `threads` threads together."""
    ready = threading.Barrier(threads + 1)

    def work() -> None:
        ready.wait()
        for _ in range(calls // threads):
            stack.call()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    started = perf_counter()
    for worker in workers:
        worker.join()
    return calls / (perf_counter() - started)


def slow_pipe(calls: int) -> dict[str, Any]:
    """Log under the queue into a pipe whose reader takes a kilobyte a millisecond; give the calls' latencies."""
    from maestro_core_logging import configure_logging, get_logger, lost_lines

    reader, writer = os.pipe()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            os.read(reader, 1024)
            sleep(0.001)
        while os.read(reader, 1 << 16):  # let the writer finish
            pass

    reading = threading.Thread(target=read)
    with os.fdopen(writer, "w") as out:
        configure_logging(stream=out, delivery="queued", queue_lines=1_000, force=True)
        reading.start()
        log = get_logger("bench.pipe")
        took = []
        for number in range(calls):
            started = perf_counter()
            log.info("request handled", number=number)
            took.append(perf_counter() - started)
        dropped = lost_lines()
        stop.set()
        configure_logging(filename=os.devnull, force=True)  # closes the sink, which empties the queue
    reading.join()
    cuts = quantiles(took, n=1000)
    return {
        "name": "slow pipe, queued delivery",
        "calls": calls,
        "dropped": dropped,
        "p50_us": round(cuts[499] * 1e6, 1),
        "p99_us": round(cuts[989] * 1e6, 1),
        "p99.9_us": round(cuts[998] * 1e6, 1),
    }


def check(stacks: Sequence[Stack]) -> None:
    """
    See that every stack writes JSON with the fields that are compared.

    Raises:
        RuntimeError: one does not, so that a comparison would mean nothing.
    """
    for stack in stacks:
        stack.call()
        line = stack.path.read_text().splitlines()[-1]
        if not all(piece in line for piece in ("request handled", '"GET"', "/v1/items/3", "200", "u-123")):
            raise RuntimeError(f"{stack.name} wrote {line!r}")
        json.loads(line)


def measure(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Measure everything and compare with the bounds."""
    rounds, repeats = (7, 3_000) if quick else (25, 10_000)
    stacks = all_stacks(folder)
    check(stacks)
    enabled = interleaved({stack.name: stack.call for stack in stacks}, rounds=rounds, repeats=repeats)
    disabled = interleaved({stack.name: stack.disabled for stack in stacks}, rounds=rounds, repeats=repeats * 4)
    context = with_context(stacks, rounds=rounds, repeats=repeats)
    threads = [
        {"name": f"{stack.name}: {count} threads", "lines_per_s": round(threaded(stack, count, repeats * 2))}
        for stack in stacks
        for count in (1, 4, 16)
    ]
    pipe = slow_pipe(repeats * 3)
    ours = enabled["maestro"]
    return {
        "subject": "logging",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PACKAGES}},
        "rounds": rounds,
        "results": [
            *({"name": f"line to a file: {name}", "us": round(us, 2)} for name, us in enabled.items()),
            *({"name": f"with two context fields: {name}", "us": round(us, 2)} for name, us in context.items()),
            *({"name": f"disabled call: {name}", "us": round(us, 3)} for name, us in disabled.items()),
            *threads,
            pipe,
        ],
        "wanted": [
            _at_least("times structlog's best practice", enabled["structlog"] / ours, 2),
            _at_least("times structlog, two context fields", context["structlog"] / context["maestro"], 2),
            _at_least("times stdlib + python-json-logger", enabled["stdlib + python-json-logger"] / ours, 6),
            _at_least("times loguru serialize", enabled["loguru, serialize"] / ours, 12),
            _at_least(
                "record path, times stdlib + python-json-logger",
                enabled["stdlib + python-json-logger"] / enabled["maestro, record path"],
                1,
            ),
            _at_most("disabled call, ratio to structlog's", disabled["maestro"] / disabled["structlog"], 1),
            _at_most("p99 of a call with a slow pipe, queued, us", pipe["p99_us"], 1_000),
        ],
    }


def _at_least(name: str, value: float, bound: float) -> dict[str, Any]:
    return {"name": name, "value": round(value, 2), "bound": f">= {bound:g}", "holds": value >= bound}


def _at_most(name: str, value: float, bound: float) -> dict[str, Any]:
    return {"name": name, "value": round(value, 2), "bound": f"<= {bound:g}", "holds": value <= bound}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.logging")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = measure(Path(folder), quick=options.quick)
    except (OSError, RuntimeError, ImportError, ValueError) as exc:
        print(f"could not measure: {exc}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    for result in report["results"]:
        print("  ".join(str(value) for value in result.values()))
    for row in report["wanted"]:
        print(f"{'holds' if row['holds'] else 'MISSED'}  {row['name']}: {row['value']} ({row['bound']})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
