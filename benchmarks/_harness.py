"""What every subject shares: interleaved rounds, the JSON of DESIGN §6 and the command line.

A subject is a module `benchmarks/<subject>/__main__.py` with a function `measure(*, quick)` that returns a `report`.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import process_time
from typing import Any

Costs = dict[str, list[float]]


def turns(names: Sequence[str], *, rounds: int) -> Iterator[str]:
    """Give each name once a round, in another order each time, so that a busy machine is busy for all of them."""
    for number in range(rounds):
        for name in random.Random(number).sample(list(names), len(names)):
            gc.collect()
            yield name


def interleaved(
    contestants: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    repeat: int = 1,
    clock: Callable[[], float] = process_time,
) -> Costs:
    """Return the seconds of one call for each contestant, one figure a round."""
    seconds: Costs = {name: [] for name in contestants}
    for name in turns(list(contestants), rounds=rounds):
        call = contestants[name]
        started = clock()
        for _ in range(repeat):
            call()
        seconds[name].append((clock() - started) / repeat)
    return seconds


def medians(costs: Costs, *, times: float = 1) -> dict[str, float]:
    """Return the median of each contestant, in another unit if wanted."""
    return {name: median(values) * times for name, values in costs.items()}


def added(costs: Costs, bare: str, *, times: float = 1) -> dict[str, float]:
    """Return what each contestant costs more than the bare one, as the median over the rounds."""
    return {
        name: median(a - b for a, b in zip(values, costs[bare], strict=True)) * times for name, values in costs.items()
    }


def ratio(costs: Costs, name: str, to: str) -> float:
    """Return the median over the rounds of one contestant's cost as a multiple of another's in the same round."""
    return median(a / b for a, b in zip(costs[name], costs[to], strict=True))


def at_least(name: str, value: float, bound: float) -> dict[str, Any]:
    """Return a row of `wanted` for a value that should not be below its bound."""
    return {"name": name, "value": round(value, 3), "bound": f"≥ {bound:g}", "holds": value >= bound}


def at_most(name: str, value: float, bound: float) -> dict[str, Any]:
    """Return a row of `wanted` for a value that should not be above its bound."""
    return {"name": name, "value": round(value, 3), "bound": f"≤ {bound:g}", "holds": value <= bound}


def report(
    subject: str,
    *,
    packages: Sequence[str],
    rounds: int,
    results: Sequence[dict[str, Any]],
    wanted: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return the JSON of one subject, with the versions of what was compared."""
    versions = {"python": platform.python_version(), **{name: _version(name) for name in packages}}
    return {
        "subject": subject,
        "versions": versions,
        "rounds": rounds,
        "results": list(results),
        "wanted": list(wanted),
    }


def run(measure: Callable[..., dict[str, Any]]) -> int:
    """Read the command line, measure and print; 0 whatever the figures, 2 if it could not measure."""
    parser = argparse.ArgumentParser(description=sys.modules[measure.__module__].__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; within two minutes")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    try:
        made = measure(quick=options.quick)
    except (ImportError, OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        print(f"could not measure: {error} {getattr(error, 'stderr', None) or ''}", file=sys.stderr)
        if isinstance(error, ImportError):
            print("the peers are in the `bench` dependency group", file=sys.stderr)
        return 2
    print(json.dumps(made, indent=2) if options.json else _text(made))
    return 0


def _text(made: dict[str, Any]) -> str:
    lines = ["  ".join(_cell(key, value) for key, value in row.items()) for row in made["results"]]
    lines += [
        f"{'holds ' if row['holds'] else 'MISSED'}  {row['name']}: {row['value']} ({row['bound']})"
        for row in made["wanted"]
    ]
    return "\n".join(lines)


def _cell(key: str, value: object) -> str:
    return str(value) if key == "name" else f"{key}={value}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
