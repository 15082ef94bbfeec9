"""`python -m benchmarks.logging [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles
from time import perf_counter, sleep
from typing import Any

from benchmarks._harness import Costs, at_least, at_most, interleaved, medians, ratio, report, run, turns

from .stacks import CONTEXT, Stack, all_stacks

THREADED = ("maestro", "maestro, record path", "structlog", "stdlib + python-json-logger", "loguru, serialize")
PACKAGES = ("structlog", "orjson", "python-json-logger", "loguru")


def prepared(
    stacks: Sequence[Stack], call_of: Callable[[Stack], Callable[[], Any]], *, rounds: int, repeat: int
) -> Costs:
    """Measure a call of every stack in each round, each stack prepared before its turn."""
    by_name = {stack.name: stack for stack in stacks}
    costs: Costs = {name: [] for name in by_name}
    for name in turns(list(by_name), rounds=rounds):
        by_name[name].prepare()
        costs[name] += interleaved({name: call_of(by_name[name])}, rounds=1, repeat=repeat)[name]
    return costs


def with_context(stacks: Sequence[Stack], *, rounds: int, repeat: int) -> Costs:
    """Measure ours and structlog with two context fields bound, each in its own way, as in any request."""
    import structlog

    from maestro_core_logging import log_context

    binds = {"maestro": log_context, "structlog": structlog.contextvars.bound_contextvars}
    calls = {stack.name: stack.call for stack in stacks if stack.name in binds}
    costs: Costs = {name: [] for name in binds}
    for name in turns(list(binds), rounds=rounds):
        with binds[name](**CONTEXT):
            costs[name] += interleaved({name: calls[name]}, rounds=1, repeat=repeat)[name]
    return costs


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
        stack.prepare()
        stack.call()
        line = stack.path.read_text().splitlines()[-1]
        if not all(piece in line for piece in ("request handled", '"GET"', "/v1/items/3", "200", "u-")):
            raise RuntimeError(f"{stack.name} wrote {line!r}")
        json.loads(line)


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure everything and compare with the bounds."""
    with tempfile.TemporaryDirectory() as folder:
        return measured(Path(folder), quick=quick)


def measured(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Measure with files in a folder."""
    rounds, repeat = (7, 3_000) if quick else (25, 10_000)
    stacks = all_stacks(folder)
    check(stacks)
    enabled = prepared(stacks, lambda stack: stack.call, rounds=rounds, repeat=repeat)
    disabled = prepared(stacks, lambda stack: stack.disabled, rounds=rounds, repeat=repeat * 4)
    stacks[0].prepare()
    context = with_context(stacks, rounds=rounds, repeat=repeat)
    threads = [
        {"name": f"{stack.name}: {count} threads", "lines_per_s": round(threaded(stack, count, repeat * 2))}
        for stack in stacks
        if stack.name in THREADED
        for count in (1, 4, 16)
    ]
    pipe = slow_pipe(repeat * 3)
    stdlib, record = "stdlib + python-json-logger", "maestro, record path"
    return report(
        "logging",
        packages=PACKAGES,
        rounds=rounds,
        results=[
            *_rows("line to a file", enabled),
            *_rows("with two context fields", context),
            *_rows("disabled call", disabled),
            *threads,
            pipe,
        ],
        wanted=[
            at_least("times structlog's best practice", ratio(enabled, "structlog", "maestro"), 2),
            at_least("times structlog, two context fields", ratio(context, "structlog", "maestro"), 2),
            at_least("times stdlib + python-json-logger", ratio(enabled, stdlib, "maestro"), 6),
            at_least("times loguru serialize", ratio(enabled, "loguru, serialize", "maestro"), 12),
            *like_with_like(enabled),
            at_least("record path, times stdlib + python-json-logger", ratio(enabled, stdlib, record), 1),
            at_most("disabled call, ratio to structlog's", ratio(disabled, "maestro", "structlog"), 1),
            at_most("p99 of a call with a slow pipe, queued, us", pipe["p99_us"], 1_000),
        ],
    )


def like_with_like(enabled: Costs) -> list[dict[str, Any]]:
    """Hold the bounds against peers with the same features on: all redact, or none does."""
    rows = []
    for peer, bound in (("structlog", 2), ("stdlib + python-json-logger", 6), ("loguru, serialize", 12)):
        redacting = f"{peer}, redacting"
        rows += [
            at_least(f"times {peer}, both redact", ratio(enabled, redacting, "maestro"), bound),
            at_least(f"times {peer}, both redact, a new value", ratio(enabled, redacting, "maestro, new values"), 1),
            at_least(f"times {peer}, neither redacts", ratio(enabled, peer, "maestro, no redaction"), bound),
        ]
    return rows


def _rows(title: str, costs: Costs) -> list[dict[str, Any]]:
    return [{"name": f"{title}: {name}", "us": round(us, 3)} for name, us in medians(costs, times=1e6).items()]


if __name__ == "__main__":
    sys.exit(run(measure))
