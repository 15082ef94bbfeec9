"""
The service's own tests, run in a copy of its tree and told test by test.

What ran is read from pytest's JUnit file; a command that writes none counts as one test, by its exit code. Output is kept in a bounded log;
a command that hangs is ended with everything that it started.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ._environment import Environment
from .errors import UnusableInput

__all__ = ["Comparison", "TestRun", "compare", "end_strays", "run_tests"]

LOG_BYTES = 20_000_000
TIMEOUT_S = 1800.0
_OWN_REPORT = re.compile(
    r"""\s(?:--junit-?xml(?:=|\s+)(?:"[^"]*"|'[^']*'|[^\s;&|'"]+)|-p\s*["']?no:junitxml["']?)(?=[\s;&|'")]|$)"""
)
"""Options by which a command has pytest write its JUnit file elsewhere or not at all: they would win over ours."""
_RAN_NONE = re.compile(rb"^Ran 0 tests in [^\n]*\s+(?:OK|NO TESTS RAN)\s*\Z", re.MULTILINE)
"""How unittest ends where it has found no test; before Python 3.12 with exit code 0."""


@dataclass(frozen=True)
class TestRun:
    """One run: the outcome of each test (`passed`, `failed`, `error`, `skipped`), how the command ended, and where its output is."""

    __test__ = False  # pytest would collect a class of this name

    outcomes: Mapping[str, str]
    exit_code: int
    log: Path
    timed_out: bool = False
    by_exit_code: bool = False

    def count(self, outcome: str) -> int:
        """Return how many tests ended so."""
        return sum(1 for each in self.outcomes.values() if each == outcome)


@dataclass(frozen=True)
class Comparison:
    """What changed between the runs before and after: ids of tests."""

    regressions: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    flaky: tuple[str, ...] = field(default=())
    added: tuple[str, ...] = ()


def run_tests(
    tree: Path,
    environment: Environment,
    command: str | None,
    *,
    env: Mapping[str, str],
    log: Path,
    timeout_s: float = TIMEOUT_S,
) -> TestRun:
    """
    Run the tests of the service in `tree` and return what became of each.

    Raises:
        UnusableInput: the command's quotes do not end.
    """
    report = log.with_suffix(".xml")
    report.unlink(missing_ok=True)
    arguments = _arguments(_OWN_REPORT.sub(" ", command)) if command else ["python", "-m", "pytest", "-q"]
    options = f"--junitxml={shlex.quote(str(report))} -o junit_family=xunit2 -o junit_logging=no"
    if any((environment.folder).glob("lib*/python*/site-packages/pytest_randomly*")):
        options += " -p no:randomly"
    variables = environment.variables(
        {
            "PYTEST_ADDOPTS": f"{env.get('PYTEST_ADDOPTS', '')} {options}".strip(),
            **{k: v for k, v in env.items() if k != "PYTEST_ADDOPTS"},
        }
    )
    try:
        exit_code, timed_out = _run_bounded(_found(arguments, environment), tree, variables, log, timeout_s)
    finally:
        end_strays(str(report))
    outcomes = _outcomes(report, tree)
    if outcomes is None:
        shown = command or "python -m pytest"
        ran_none = (exit_code == 5 and "pytest" in shown) or _RAN_NONE.search(log.read_bytes()) is not None
        told = {} if ran_none else {shown: "passed" if exit_code == 0 else "error"}
        return TestRun(told, exit_code, log, timed_out, by_exit_code=True)
    if timed_out:
        outcomes["the whole run, within its time"] = "error"
    return TestRun(outcomes, exit_code, log, timed_out)


def _arguments(command: str) -> list[str]:
    """Return a command as arguments; one that a shell must read (`A=1 pytest`, `cd api && pytest`) is given to a shell."""
    if re.search(r"[&|;<>$`*]|^\s*\w+=", command):
        return ["/bin/sh", "-c", command]
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UnusableInput(command, str(error).lower(), advice="mend the quotes of the command") from error


def _found(arguments: list[str], environment: Environment) -> list[str]:
    """Put the environment's own program first: `subprocess` would look it up on our PATH."""
    own = environment.folder / "bin" / arguments[0]
    return [str(own), *arguments[1:]] if own.exists() else arguments


def _run_bounded(
    arguments: list[str], tree: Path, variables: dict[str, str], log: Path, timeout_s: float
) -> tuple[int, bool]:
    with log.open("wb") as sink, ThreadPoolExecutor(1) as starter:
        # Interruptions reach the main thread only: started in another, the command is known by the time that it must be ended.
        starting = starter.submit(_start, arguments, tree, variables)
        timed_out = False
        try:
            process = starting.result()
            assert process.stdout is not None
            with _not_outliving_us(process):
                copier = threading.Thread(target=_copy, args=(process.stdout, sink), daemon=True)
                copier.start()
                process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        except OSError as error:
            sink.write(f"{arguments[0]}: {error}\n".encode())
            return 127, False
        finally:
            if starting.exception() is None:
                _end_group(starting.result())
        copier.join(10)
        if process.stdout is not None and not copier.is_alive():
            process.stdout.close()
        return process.returncode if process.returncode is not None else -9, timed_out


def _start(arguments: list[str], tree: Path, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, which Ctrl-C does not reach."""
    return subprocess.Popen(
        arguments,
        cwd=tree,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@contextlib.contextmanager
def _not_outliving_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have a shell wait on a pipe of ours: where we are killed, which leaves no time for anything, the pipe ends, and the shell ends the command's session."""
    shell = ["/bin/sh", "-c", 'read _; kill -KILL "-$1"', "sh", str(process.pid)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True) as guard:
        try:
            yield
        finally:
            guard.kill()


def _copy(source: IO[bytes], sink: IO[bytes]) -> None:
    written = 0
    with contextlib.suppress(OSError):  # a full disk: whoever closes the log is told
        while chunk := os.read(source.fileno(), 65536):
            if written < LOG_BYTES:
                sink.write(chunk[: LOG_BYTES - written])
                written += len(chunk)
        sink.flush()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the command started and left behind, and the command itself where it still runs."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_strays(mark: str) -> None:
    """End what left the command's session and goes on, a daemon as a rule: where the system tells (Linux), all that has inherited the run's variables."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            if mark.encode() in environ.read_bytes():
                os.kill(int(environ.parent.name), signal.SIGKILL)


def _outcomes(report: Path, tree: Path) -> dict[str, str] | None:
    try:
        root = ET.parse(report).getroot()  # noqa: S314  # written by the pytest that we started
    except (OSError, ET.ParseError):
        return None
    found: dict[str, str] = {}
    for case in root.iter("testcase"):
        name = _normal(f"{case.get('classname', '')}::{case.get('name', '')}", tree)
        kinds = {child.tag for child in case}
        outcome = (
            "error"
            if "error" in kinds
            else "failed" if "failure" in kinds else "skipped" if "skipped" in kinds else "passed"
        )
        worse = ("passed", "skipped", "failed", "error")
        found[name] = max(outcome, found.get(name, outcome), key=worse.index)
    return found


def _normal(name: str, tree: Path) -> str:
    """Return a test's id without what differs from run to run: addresses of objects and the folder that it ran in."""
    return re.sub(r"0x[0-9a-fA-F]{6,}", "0x…", name.replace(str(tree), "."))


def _is_steady(passed_since: list[bool]) -> bool:
    """Return whether a test that passed is no noise, by its later runs on the old code: all passed, or several failed and none passed."""
    return all(passed_since) or (len(passed_since) > 1 and not any(passed_since))


def compare(before: list[TestRun], after: list[TestRun]) -> Comparison:
    """
    Return what fails now and passed in every run before; a test that passes in any of the runs after is noise.

    A test that is no longer collected counts as failing. Only the first run before knows nothing of the libraries: what passed there and failed in two
    or more runs of the old code since is no noise either, but broken by what was installed.
    """
    steady = {
        name
        for name, outcome in before[0].outcomes.items()
        if outcome == "passed" and _is_steady([run.outcomes.get(name) == "passed" for run in before[1:]])
    }
    fine = {name for run in after for name, outcome in run.outcomes.items() if outcome == "passed"}
    first, last = before[0].outcomes, after[-1].outcomes
    flaky = {name for name in first.keys() - (steady - fine) if len({run.outcomes.get(name) for run in before}) > 1} | {
        name for name in steady & fine if any(run.outcomes.get(name) != "passed" for run in after)
    }
    lost = {
        name
        for name, outcome in first.items()
        if outcome == "skipped" and name not in last and all(run.outcomes.get(name) == "skipped" for run in before)
    }
    fixed = {name for name, outcome in first.items() if outcome in {"failed", "error"} and last.get(name) == "passed"}
    return Comparison(
        tuple(sorted((steady - fine) | lost)),
        tuple(sorted(fixed - flaky)),
        tuple(sorted(flaky)),
        tuple(sorted(last.keys() - first.keys())),
    )
