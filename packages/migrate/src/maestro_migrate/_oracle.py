"""
The behaviour oracle: a program is run before and after a rewrite, and what it did is compared.

A call that reached the real plumbing must now reach the library's; a call on a fake must stay on the fake; every other line of output
and the exit status must be the same. Nothing here knows how the rewrite was made, so that it judges any engine.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ._engine import Options, plan
from ._examples import Program
from ._recipe import Recipe
from ._spans import Finding

__all__ = ["Outcome", "Route", "Trace", "Verdict", "compare", "judge", "observe", "write_files"]

MARK = "\x1e"
_RUNNER = Path(__file__).with_name("_oracle_runner.py")


@dataclass(frozen=True, slots=True)
class Route:
    """
    Which function stands for which: calls of `old` must become calls of `new`, with the same arguments unless said otherwise.

    `looks_up` says that `new` calls whatever stands in `old`'s place then, so that a test's fake there gets the call as before.
    """

    old: str
    new: str
    same_arguments: bool = True
    looks_up: bool = False


class Verdict(StrEnum):
    """What became of a program: `missed` means that a real call was left real, which is harmless and must be a finding."""

    RIGHT = "right"
    MISSED = "missed"
    WRONG = "wrong"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Trace:
    """What a program did: its lines and watched calls in order, its exit status, and the end of what it said on stderr."""

    events: tuple[str, ...]
    status: int
    stderr: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one program, why, and the findings that the engine left for it."""

    verdict: Verdict
    why: str = ""
    findings: tuple[Finding, ...] = ()
    after: tuple[tuple[str, bytes], ...] = ()


def observe(
    root: Path,
    entry: str,
    routes: Sequence[Route],
    *,
    python: str = sys.executable,
    libraries: Iterable[Path] = (),
    timeout_s: float = 60,
) -> Trace:
    """Run a program of a folder with its plumbing watched."""
    watched = json.dumps([[route.old, route.new, route.same_arguments, route.looks_up] for route in routes])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, libraries)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
    }
    command = [python, "-W", "ignore", str(_RUNNER), watched, str(root / entry)]
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return Trace((), -1, f"did not end within {timeout_s:g} seconds")
    lines = done.stdout.decode(errors="replace").split("\n")
    return Trace(tuple(lines), done.returncode, done.stderr.decode(errors="replace")[-2000:])


def compare(before: Trace, after: Trace) -> tuple[Verdict, str]:
    """Return the verdict on what a program does now against what it did."""
    if before.status != after.status:
        return Verdict.BROKEN, f"exit status {after.status} instead of {before.status}: {after.stderr.strip()[-300:]}"
    missed = ""
    for number, (old, new) in enumerate(zip(before.events, after.events, strict=False), 1):
        if old == new:
            if old.startswith(MARK) and json.loads(old[1:])["kind"] == "real":
                missed = f"line {number} of the output: {old[1:]} still reaches the old plumbing"
            continue
        if not (old.startswith(MARK) and new.startswith(MARK)):
            return Verdict.WRONG, f"line {number} of the output was {old!r} and is {new!r}"
        was, now = json.loads(old[1:]), json.loads(new[1:])
        if (was["kind"], now["kind"]) != ("real", "library") or {**was, "kind": ""} != {**now, "kind": ""}:
            return Verdict.WRONG, f"line {number} of the output was {old[1:]} and is {new[1:]}"
    if len(before.events) != len(after.events):
        return Verdict.WRONG, f"{len(after.events)} lines of output instead of {len(before.events)}"
    return (Verdict.MISSED, missed) if missed else (Verdict.RIGHT, "")


def judge(
    program: Program,
    rewrite: Callable[[Path], object],
    routes: Sequence[Route],
    *,
    python: str = sys.executable,
    libraries: Iterable[Path] = (),
) -> Outcome:
    """Return the verdict on one program, rewritten in place by `rewrite(folder)`, whichever engine that is."""
    with tempfile.TemporaryDirectory(prefix="maestro-oracle-") as folder:
        root = Path(folder) / "service"
        write_files(root, dict(program.files))
        before = observe(root, program.entry, routes, python=python, libraries=libraries)
        rewrite(root)
        changed = tuple((path, now) for path, was in program.files if (now := (root / path).read_bytes()) != was)
        after = observe(root, program.entry, routes, python=python, libraries=libraries)
    verdict, why = compare(before, after)
    return Outcome(verdict, why, (), changed)


def rewritten(
    program: Program, recipes: Sequence[Recipe], routes: Sequence[Route], *, libraries: Iterable[Path] = ()
) -> Outcome:
    """Return the verdict on one program under our own recipes, with the findings they left."""
    findings: list[Finding] = []

    def apply(root: Path) -> None:
        made = plan(root, Options(tuple(recipes), jobs=1))
        findings.extend(made.findings)
        for write in made.writes:
            if write.after is not None:
                (root / write.path).parent.mkdir(parents=True, exist_ok=True)
                (root / write.path).write_bytes(write.after)

    outcome = judge(program, apply, routes, libraries=libraries)
    return Outcome(outcome.verdict, outcome.why, tuple(findings), outcome.after)


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write a small project."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
