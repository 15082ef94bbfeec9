"""`python -m benchmarks.engine [--quick] [--json]`; exit 0 whatever the figures, 2 if it could not measure."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._harness import at_least, at_most, report, run
from benchmarks.engine.verdicts import verdicts

from maestro_migrate._files import walk_files

ROOT = Path(sysconfig.get_paths()["purelib"])
PACKAGES = ("maestro-migrate", "libcst", "ast-grep-cli", "pyupgrade")
# What each engine reads, as one part in so many of the tree: slow ones read less, rates are lines per CPU-second of what was read.
SHARES = {"ours": 1, "ast.parse": 1, "ast-grep": 1, "pyupgrade": 8, "libcst": 64}


class Bench:
    """Runs subjects in processes of their own and remembers what each cost."""

    def __init__(self, folder: Path, scale: int) -> None:
        self.folder, self.scale = folder, scale
        self.paths = sorted(path for path in walk_files(ROOT) if path.endswith(".py"))
        self.costs: dict[str, list[dict[str, float]]] = {}

    def sample(self, share: int) -> tuple[Path, int]:
        """Return a file that lists one part in `share` of the tree, the same on every run, and its number of lines."""
        listed = self.folder / f"one-in-{share}"
        chosen = [
            path
            for path in self.paths
            if int.from_bytes(hashlib.blake2b(path.encode(), digest_size=4).digest(), "big") % share == 0
        ]
        listed.write_text("\n".join(chosen))
        return listed, sum((ROOT / path).read_bytes().count(b"\n") for path in chosen)

    def copies(self, times: int) -> tuple[Path, Path, int]:
        """Return a tree of so many copies of a quarter, the list of its files, and its lines: what grows is the tree and not its largest file."""
        root = self.folder / f"{times}-copies"
        quarter, lines = self.sample(4 * self.scale)
        listed = self.folder / f"{times}-copies.txt"
        if not root.exists():
            paths = quarter.read_text().split("\n")
            for number in range(times):
                for path in paths:
                    target = root / f"copy{number}" / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / path, target)
            listed.write_text("\n".join(f"copy{number}/{path}" for number in range(times) for path in paths))
        return root, listed, lines * times

    def run(self, label: str, name: str, share: int, *, jobs: int = 1, cache: str = "", copies: int = 0) -> None:
        """Measure once and remember it under a label."""
        root, listed, lines = self.copies(copies) if copies else (ROOT, *self.sample(share * self.scale))
        command = [sys.executable, "-m", "benchmarks.engine.subject", name, str(root), str(listed), str(jobs), cache]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
        self.costs.setdefault(label, []).append({**json.loads(done.stdout.splitlines()[-1]), "lines": lines})

    def of(self, label: str, key: str) -> float:
        """Return the median of a cost."""
        return median(cost[key] for cost in self.costs[label])

    def times(self, label: str, other: str, key: str) -> float:
        """Return a cost as a multiple of another's."""
        return self.of(label, key) / self.of(other, key)

    def rate(self, label: str) -> float:
        """Return lines per CPU-second."""
        return self.of(label, "lines") / max(self.of(label, "cpu_s"), 1e-9)


def run_subjects(bench: Bench, rounds: int) -> None:
    """Run every subject once a round, so that a busy machine is busy for all of them."""
    for number in range(rounds):
        for name, share in SHARES.items():
            bench.run(name, name, share)
        bench.run("two processes", "ours", 1, jobs=2)
        cache = str(bench.folder / f"cache-{number}.sqlite")
        bench.run("cold", "ours", 1, cache=cache)
        bench.run("warm", "ours", 1, cache=cache)
        for times in (1, 2, 4):
            bench.run(f"{times} × the tree", "ours", 1, copies=times)


def wanted(bench: Bench, table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row for every bound of issue A §6."""
    once, four_times = "1 × the tree", "4 × the tree"
    return [
        at_least("times LibCST with qualified names, all recipes on", bench.rate("ours") / bench.rate("libcst"), 40),
        at_least("times pyupgrade", bench.rate("ours") / bench.rate("pyupgrade"), 1.5),
        at_least("times bare ast.parse of every file", bench.rate("ours") / bench.rate("ast.parse"), 0.3),
        at_least("speed-up from the second core", bench.times("ours", "two processes", "wall_s"), 1.7),
        at_most("warm run as a share of a cold one", bench.times("warm", "cold", "wall_s"), 0.15),
        at_most("time of a 4 × tree as a multiple of 1 ×", bench.times(four_times, once, "cpu_s"), 4.4),
        at_most("peak memory of a 4 × tree as a multiple of 1 ×", bench.times(four_times, once, "peak_bytes"), 1.25),
        at_most("wrong rewrites over the adversarial programs", _of_ours(table, "wrong"), 0),
        at_most("broken programs over the adversarial programs", _of_ours(table, "broken"), 0),
    ]


def _of_ours(table: dict[str, Any], verdict: str) -> float:
    return float(sum(counts[verdict] for engine, counts in table.items() if engine.startswith("maestro")))


def measure(*, quick: bool) -> dict[str, Any]:
    """Measure everything; `quick` takes half of the tree and one round."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    rounds = 1 if quick else 3
    with tempfile.TemporaryDirectory(prefix="maestro-bench-") as folder:
        bench = Bench(Path(folder), 2 if quick else 1)
        run_subjects(bench, rounds)
    table = verdicts()
    results = [
        {"name": label, "lines": int(bench.of(label, "lines")), "lines_per_cpu_s": round(bench.rate(label)), "wall_s": round(bench.of(label, "wall_s"), 3), "peak_mb": round(bench.of(label, "peak_bytes") / 1e6)}
        for label in bench.costs
    ]  # fmt: skip
    results += [
        {
            "name": f"adversarial programs: {engine}",
            **{verdict: counts[verdict] for verdict in ("right", "wrong", "broken", "missed")},
        }
        for engine, counts in table.items()
    ]
    return report("engine", packages=PACKAGES, rounds=rounds, results=results, wanted=wanted(bench, table))


if __name__ == "__main__":
    sys.exit(run(measure))
