"""Proof by the service's own tests and imports: both run in copies, before and after, in one environment that only gains the libraries."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ._environment import Environment, build_environment, copy_environment
from ._files import is_service_code
from ._installed_copies import InstalledCopies
from ._libraries import library_arguments, run
from ._plan import FileWrite, MigrationPlan
from ._project import import_names
from ._service_tests import Comparison, TestRun, compare, end_strays, run_tests
from .errors import UnusableInput
from .parity import Comparison as Answers
from .parity import Drive, candidates_in, compare_answers, drive
from .proof import FILE_NAME, Generated, generate
from .report import Metric, NotMeasured, OutcomeCounts, Parity, Performance, SuiteRuns

__all__ = ["Verification", "Verifier"]

_NOT_COPIED = (
    ".git",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hg",
)


@dataclass(frozen=True)
class Verification:
    """How the service's tests, imports and answers fared: `regressions` passed before and fail now, or were answered otherwise."""

    tests: SuiteRuns
    regressions: tuple[str, ...]
    flaky: tuple[str, ...]
    parity: Parity | NotMeasured
    performance: Performance | NotMeasured
    generated: Generated | None = None


_NOT_FOUND = frozenset({126, 127})
"""How a shell ends, and we do, where a command is no program or may not be run."""


@dataclass
class Verifier:
    """
    Runs a service's tests before and after; the environment and the runs before are made once and kept.

    Where tests fail that passed before, their output is kept as `failing-tests.log` in `logs`: the first such run's, which holds every cause.
    """

    root: Path
    venv: Path | None = None
    test_command: str | None = None
    setup_commands: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    libs: str | None = None
    logs: Path | None = None
    parity: bool = True
    generates: bool = True
    keeps_generated: bool = False
    tell: Callable[[str], None] = lambda _text: None

    def __post_init__(self) -> None:
        self._work = Path(tempfile.mkdtemp(prefix="maestro-verify-"))
        self._tree = self._work / "service"
        self._environment: Environment | None = None
        self._copies: InstalledCopies | None = None
        self._before: list[TestRun] = []
        self._runs = 0
        self._installed: set[str] = set()
        self._generated: Generated | None = None
        self._kept = False
        self._driven: Mapping[str, Any] | str | None = None
        self._old: list[Mapping[str, Any]] = []

    def close(self) -> None:
        """Remove the copies, and end what set-up commands and the app itself left running in them."""
        end_strays(str(self._work / "env"))
        shutil.rmtree(self._work, ignore_errors=True)

    def conflict(self, distribution: str) -> str | None:
        """Return why a library cannot be installed beside the service's own pins, or `None`."""
        return self._ready().conflict(distribution, library_arguments(self.libs))

    def verify(self, plan: MigrationPlan) -> Verification:
        """Return how the tests fare with a plan's writes made, against how they fared before."""
        environment = self._ready()
        if not self._before:
            self.tell("running the service's tests as they are")
            self._before = [self._tests(environment, ())]
            if self.test_command and self._before[0].by_exit_code and self._before[0].exit_code in _NOT_FOUND:
                raise UnusableInput(
                    self.test_command,
                    f"it cannot be run: {_telling_line(self._before[0].log)}",
                    advice="give --test-command one that runs in a copy of the service; the programs of the environment come first on its PATH",
                )
            self._tell_of_no_proof(self._before[0])
        if not plan.writes:
            counts = _counts(self._before[0])
            return Verification(SuiteRuns(counts, counts), (), (), *_reported(NotMeasured("nothing was changed")))
        where = library_arguments(self.libs)
        missing = sorted(plan.requires - self._installed)
        generated = self._generate(environment, plan) if self.generates else None
        writes = plan.writes
        if generated is not None and generated.names and self.keeps_generated:
            writes = [*writes, generated.write]
        environment.add(missing, where)
        self._installed |= set(missing)
        self.tell("running the service's tests on the migrated tree")
        after, found = self._compared(environment, writes)
        if found.regressions and self.logs is not None and not self._kept:
            self._kept = True
            self.logs.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(after[-1].log, self.logs / "failing-tests.log")
        broken = self._broken_imports(environment, plan)
        unlike = generated.broken(self._running(environment, plan.writes)) if generated is not None else ()
        regressions = (*found.regressions, *broken, *(f"generated: {test}" for test in unlike))
        parity = NotMeasured("a test fails, which tells more") if regressions else self._parity(environment, plan)
        if isinstance(parity, Answers):
            regressions = tuple(str(difference) for difference in parity.differences)
        tests = SuiteRuns(_counts(self._before[0]), _counts(after[-1]), regressions)
        if generated is not None:
            tests = replace(tests, generated=generated.told(unlike))
        only_safe = isinstance(self._driven, Mapping) and not self._driven["is_whole"]
        return Verification(tests, regressions, found.flaky, *_reported(parity, only_safe=only_safe), generated)

    def _tell_of_no_proof(self, run: TestRun) -> None:
        """Say why nothing passes before anything is changed: a command that fails, files that cannot be collected."""
        if run.by_exit_code and run.exit_code not in {0, 5}:
            told = f"the tests do not run as they are (exit code {run.exit_code})"
        elif "error" in run.outcomes.values() and "passed" not in run.outcomes.values():
            told = "no test passes as they are"
        else:
            return
        self.tell(f"{told}, so they prove nothing: {_telling_line(run.log)}")

    def _compared(self, environment: Environment, writes: Sequence[FileWrite]) -> tuple[list[TestRun], Comparison]:
        """
        Return the runs of the tests with some writes made, and how they compare: one run where nothing fails that passed before.

        Otherwise they run again, as they are too, which tells regressions from noise. By then the libraries are installed; a test that never passes
        since is no noise, although the code is the old one: what is installed breaks it.
        """
        after = [self._tests(environment, writes)]
        found = compare(self._before, after)
        if not found.regressions:
            return after, found
        after.append(self._tests(environment, writes))
        found = compare(self._before, after)
        if found.regressions and len(self._before) == 1:
            self.tell("running the tests as they are once more, to tell regressions from noise")
            suspects = found.regressions
            self._before.append(self._tests(environment, ()))
            found = compare(self._before, after)
            if found.regressions != suspects:
                self._before.append(self._tests(environment, ()))
                found = compare(self._before, after)
        return after, found

    def _generate(self, environment: Environment, plan: MigrationPlan) -> Generated:
        """Return the generated tests, made from the old code once and kept, since later plans are parts of the first."""
        if self._generated is None:
            self.tell("generating tests from what the service does today")
            run_old = self._running(environment, ())
            self._fresh(environment, ())
            self._generated = generate(
                self.root,
                plan,
                tree=self._tree,
                python=environment.python,
                environment=environment.variables(self.env),
                run=run_old,
            )
        return self._generated

    def _running(
        self, environment: Environment, writes: Sequence[FileWrite]
    ) -> Callable[[str, bytes], Mapping[str, str]]:
        """Return what runs one test file beside the code with some writes made."""

        def run_file(place: str, text: bytes) -> Mapping[str, str]:
            self._fresh(environment, [*writes, FileWrite(place, None, text)])
            log = self._work / "generated.log"
            # Without the options that the service has for its own tests: a report of coverage, a plug-in that is not installed.
            command = f"python -m pytest -q -o addopts= {shlex.quote(place)}"
            return run_tests(self._tree, environment, command, env=self.env, log=log).outcomes

        return run_file

    def _parity(self, environment: Environment, plan: MigrationPlan) -> Answers | NotMeasured:
        """Return how requests are answered by the old code and by the new, or why that cannot be told; runs of old and new take turns."""
        if not self.parity:
            return NotMeasured("requests were not compared: --no-parity")
        if self._driven is None:
            self.tell("comparing how the old code and the new answer requests")
            self._fresh(environment, ())
            found = self._drive(environment, candidates_in(self._tree), None)
            self._driven = found.problem or found.outcome
        if isinstance(self._driven, str):
            return NotMeasured(self._driven)
        cases, candidates = self._driven["cases"], [self._driven["candidate"]]
        if not cases:
            return NotMeasured("the app has no route that may be asked")
        new: list[Mapping[str, Any]] = []
        for turn in range(2):
            for writes, runs in (((), self._old), (plan.writes, new)):
                if len(runs) > turn:
                    continue
                self._fresh(environment, writes)
                run_ = self._drive(environment, candidates, cases)
                if run_.problem:
                    return NotMeasured(run_.problem)
                runs.append(run_.outcome)
        return compare_answers(cases, self._old, new)

    def _drive(self, environment: Environment, candidates: Sequence[Any], cases: Sequence[Any] | None) -> Drive:
        return drive(self._tree, environment, env=self.env, work=self._work, candidates=candidates, cases=cases)

    def _ready(self) -> Environment:
        if self._environment is None:
            self._copy_tree(())
            target = self._work / "env"
            if self.venv is not None:
                self._environment = copy_environment(self.venv, target, old_root=self.root, new_root=self._tree)
            else:
                self.tell("building an environment from the service's manifests")
                self._environment = build_environment(self._tree, target)
            for command in self.setup_commands:
                run(
                    ["/bin/sh", "-c", command],
                    what=f"setup command `{command}`",
                    advice="run it by hand in a copy of the service to see why",
                    cwd=self._tree,
                    env=self._environment.variables(self.env),
                )
            self._copies = InstalledCopies(self._tree, target)
        return self._environment

    def _copy_tree(self, writes: Sequence[FileWrite]) -> None:
        """Make the working copy equal to the service with some writes made; always at the same path, since environments point at it."""
        shutil.rmtree(self._tree, ignore_errors=True)
        own = {str(self.venv.resolve())} if self.venv is not None else set()

        def ignored(folder: str, names: list[str]) -> set[str]:
            return {
                name
                for name in names
                if name in _NOT_COPIED
                or str(Path(folder, name).resolve()) in own
                or (Path(folder, name) / "pyvenv.cfg").is_file()
                or _is_special(Path(folder, name))
            }

        shutil.copytree(self.root, self._tree, symlinks=True, ignore=ignored)
        for write in writes:
            target = self._tree / write.path
            if write.after is None:
                target.unlink(missing_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(write.after)

    def _fresh(self, environment: Environment, writes: Sequence[FileWrite]) -> None:
        """Make the working copy anew, set-up commands run, and with it what the environment holds of the service."""
        self._copy_tree(writes)
        for command in self.setup_commands:
            run(
                ["/bin/sh", "-c", command],
                what=f"setup command `{command}`",
                advice="run it by hand in a copy of the service to see why",
                cwd=self._tree,
                env=environment.variables(self.env),
            )
        if self._copies is not None:
            self._copies.follow(self._tree, [write.path for write in writes])

    def _in_copy(self, command: str | None, environment: Environment) -> str | None:
        """Return a command with its paths into the environment that was given (`.venv/bin/pytest`) leading into the copy, which has the libraries."""
        if command is None or self.venv is None:
            return command
        given, root = self.venv.absolute(), self.root.absolute()
        spelled = {str(given), str(self.venv.resolve())}
        if given.is_relative_to(root):
            spelled |= {str(given.relative_to(root)), f"./{given.relative_to(root)}"}
        paths = "|".join(re.escape(each) for each in sorted(spelled, key=len, reverse=True))
        return re.sub(rf"(?<![\w./-])(?:{paths})(?=/)", lambda _match: str(environment.folder), command)

    def _tests(self, environment: Environment, writes: Sequence[FileWrite]) -> TestRun:
        self._fresh(environment, writes)
        self._runs += 1
        command = self._in_copy(self.test_command, environment)
        return run_tests(self._tree, environment, command, env=self.env, log=self._work / f"tests-{self._runs}.log")

    def _broken_imports(self, environment: Environment, plan: MigrationPlan) -> tuple[str, ...]:
        """Return the changed modules that cannot be imported any more; the old code is asked for those only that fail in the new."""
        self._fresh(environment, plan.writes)
        names = self._changed_modules(plan)
        failing = {name for name, error in self._imports(environment, names, at_once=os.cpu_count()).items() if error}
        if not failing:
            return ()
        names = [name for name in names if name in failing] or names
        after = {name: error for name, error in self._imports(environment, names).items() if error}
        self._fresh(environment, ())
        before = self._imports(environment, names)
        return tuple(f"import {name}: {after[name]}" for name in sorted(after) if not before.get(name, "new"))

    def _changed_modules(self, plan: MigrationPlan) -> list[str]:
        """Return the changed modules by the names that they have in the working copy."""
        paths = [
            write.path
            for write in plan.writes
            if write.path.endswith(".py") and write.after is not None and is_service_code(write.path, write.after)
        ]
        everything = [str(path.relative_to(self._tree)) for path in self._tree.rglob("*.py")] if paths else []
        names = import_names({*everything, *paths})
        return sorted({names[path][0] for path in paths if names[path]})

    def _imports(self, environment: Environment, names: Sequence[str], *, at_once: int | None = 1) -> dict[str, str]:
        """Return each module with the error that importing it into an interpreter of its own gives, or an empty string."""
        if not names:
            return {}
        script = self._work / "imports.py"
        script.write_text(_IMPORTER)
        command = [str(environment.python), str(script), json.dumps(names), str(at_once or 1)]
        variables = environment.variables({"PYTHONPATH": f"{self._tree}:{self._tree / 'src'}", **self.env})
        whole = "the changed modules, one after the other"
        try:
            done = subprocess.run(
                command,
                cwd=self._tree,
                env=variables,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=900,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            found: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
        except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
            return {whole: f"{type(error).__name__}: the import check did not end"}
        return {**found, whole: ""}


def _reported(
    parity: Answers | NotMeasured, *, only_safe: bool = False
) -> tuple[Parity | NotMeasured, Performance | NotMeasured]:
    if isinstance(parity, NotMeasured):
        return parity, NotMeasured(f"performance was not measured: {parity.reason}")
    told = Parity(
        parity.requests,
        parity.requests - parity.different,
        parity.different,
        parity.noise_fields,
        parity.added,
        only_safe,
    )
    metrics = [Metric("peak memory", round(parity.peak_kib[0] / 1024, 1), round(parity.peak_kib[1] / 1024, 1), "MiB")]
    if parity.latency_s is not None:
        before, after = (round(1000 * seconds, 3) for seconds in parity.latency_s)
        metrics.insert(0, Metric("latency, sum of the medians of all steady requests", before, after, "ms"))
    return told, Performance(
        "requests within the process, runs of the old and of the new code taking turns", tuple(metrics)
    )


def _telling_line(log: Path) -> str:
    """Return the last error that pytest shows, else the last line that speaks of one, else the last: pytest ends with counts, or with where its settings are."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    raised = [line.removeprefix("E").strip() for line in lines if re.match(r"E +[\w.]*(?:Error|Exception)\b", line)]
    telling = raised or [line for line in lines if re.search(r"(?i)error\b", line)] or lines
    return telling[-1][:300] if telling else "it printed nothing"


def _is_special(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir() or path.is_symlink())


def _counts(run: TestRun) -> OutcomeCounts | NotMeasured:
    if not run.outcomes:
        return NotMeasured("the service has no tests")
    if run.by_exit_code and run.exit_code != 0:
        return NotMeasured(f"the tests do not run as they are (exit code {run.exit_code}): {_telling_line(run.log)}")
    own = [outcome for test, outcome in run.outcomes.items() if FILE_NAME.removesuffix(".py") not in test]
    return OutcomeCounts(*(own.count(outcome) for outcome in ("passed", "failed", "error", "skipped")))


_IMPORTER = """
import json, os, sys, signal, importlib
found = {}
names = json.loads(sys.argv[1])
at_once = int(sys.argv[2])
def begun(name):
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return name, child, read
    os.close(read)
    signal.alarm(60)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        importlib.import_module(name)
        text = ""
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"[:300] or type(error).__name__
    os.write(write, text.encode("utf-8", "replace"))
    os._exit(0)
for start in range(0, len(names), at_once):
    for name, child, read in [begun(name) for name in names[start : start + at_once]]:
        with os.fdopen(read, "rb") as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        found[name] = text.decode() if status == 0 else f"ended by {status}"
print(json.dumps(found))
"""
