"""One measurement in a process of its own: `python -m benchmarks.engine.subject NAME ROOT LIST [JOBS] [CACHE]` prints what it cost as JSON."""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def work_of(name: str, root: Path, paths: Sequence[str], jobs: int, cache: Path | None) -> Callable[[], object]:
    """Return the work to measure; what it imports is imported by then."""
    if name == "ours":
        from maestro_migrate._engine import Options, plan
        from maestro_migrate._recipe import all_recipes

        recipes = all_recipes()
        return lambda: plan(root, Options(recipes, jobs=jobs, cache=cache), paths=paths)
    from benchmarks.engine import peers

    if name == "ast-grep":
        return lambda: peers.ast_grep_tree(root, paths, write=False)
    one: Callable[[bytes], object] = {
        "ast.parse": peers.bare_parse,
        "pyupgrade": peers.pyupgrade_text,
        "libcst": peers.libcst_rewrite,
    }[name]

    def every() -> None:
        for path in paths:
            try:
                one((root / path).read_bytes())
            except (SyntaxError, ValueError, RecursionError):
                continue
            except Exception as error:
                print(f"{name} gave up on {path}: {type(error).__name__}", file=sys.stderr)

    return every


def spent() -> float:
    """Return the CPU seconds of this process and its children."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def peak() -> int:
    """
    Return the most memory that this process held.

    `ru_maxrss` is of no use: Linux hands it down from whoever started the process, so a small subject would be shown as large as the benchmark.
    """
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Measure once."""
    name, root, listed, *rest = sys.argv[1:]
    paths = Path(listed).read_text().split("\n")
    cache = Path(rest[1]) if len(rest) > 1 and rest[1] else None
    work = work_of(name, Path(root), paths, int(rest[0]) if rest else 1, cache)
    cpu, wall = spent(), time.perf_counter()
    work()
    cpu, wall = spent() - cpu, time.perf_counter() - wall
    print(json.dumps({"cpu_s": cpu, "wall_s": wall, "peak_bytes": peak()}))


if __name__ == "__main__":
    main()
