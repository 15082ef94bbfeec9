"""The table of right, wrong, broken and missed over the adversarial programs, for us and for two peers."""

import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.engine import peers

from maestro_migrate._engine import Options, plan
from maestro_migrate._oracle import compare, observe, write_files
from maestro_migrate._recipe import select
from maestro_migrate.testing import Program, Route, Verdict, check_behaviour, read_programs

PAGES = Path(__file__).parents[2] / "packages/migrate/tests/cases/logging"
PAGE = PAGES / "ask_the_library_for_loggers.md"
OTHERS = "maestro, its other logging recipes"
ROUTES = (Route("logging.getLogger", "maestro_core_logging.get_logger", looks_up=True),)


def _ours(root: Path, _paths: list[str]) -> None:
    made = plan(root, Options(select(["logging/ask_the_library_for_loggers"]), jobs=1))
    write_files(root, {write.path: write.after for write in made.writes if write.after is not None})


def _libcst(root: Path, paths: list[str]) -> None:
    for path in paths:
        try:
            (root / path).write_bytes(peers.libcst_rewrite((root / path).read_bytes()))
        except Exception:
            continue  # LibCST could not read it; the file stays


ENGINES: dict[str, Callable[[Path, list[str]], None]] = {
    "maestro": _ours,
    "LibCST QualifiedNameProvider": _libcst,
    "ast-grep (syntax only)": lambda root, paths: peers.ast_grep_tree(root, paths, write=True),
}


def verdicts() -> dict[str, Counter[str]]:
    """Return, for each engine, how many programs came out how."""
    programs = read_programs(PAGE.read_text(encoding="utf-8"))
    table: dict[str, Counter[str]] = {name: Counter() for name in ENGINES}
    with tempfile.TemporaryDirectory(prefix="maestro-bench-") as folder, ThreadPoolExecutor(2) as pool:
        rows = [_prepared(Path(folder) / str(number), program) for number, program in enumerate(programs)]
        befores = list(pool.map(lambda row: observe(row[0] / "before", row[1].entry, ROUTES), rows))
        for name in ENGINES:
            afters = pool.map(lambda row, name=name: observe(row[0] / name, row[1].entry, ROUTES), rows)
            table[name].update(str(compare(before, after)[0]) for before, after in zip(befores, afters, strict=True))
    return table | {OTHERS: others()}


def others() -> Counter[str]:
    """Return how the programs of the other logging recipes came out, run with the real library; a program that stays and has a finding is missed."""
    found: Counter[str] = Counter()
    for page in sorted(PAGES.glob("*.md")):
        recipes = select([f"logging/{page.stem}"])
        for program in read_programs(page.read_text(encoding="utf-8")) if page != PAGE else ():
            outcome = check_behaviour(program, recipes, ())
            left = outcome.verdict is Verdict.RIGHT and not outcome.after and outcome.findings
            found[str(Verdict.MISSED if left else outcome.verdict)] += 1
    return found


def _prepared(folder: Path, program: Program) -> tuple[Path, Program]:
    for name in ("before", *ENGINES):
        write_files(folder / name, dict(program.files))
    for name, rewrite in ENGINES.items():
        rewrite(folder / name, [path for path, _ in program.files])
    return folder, program
