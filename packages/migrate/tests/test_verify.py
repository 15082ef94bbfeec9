"""The judge of a plan: what passed before must pass after, in a copy of the service that is always at the same place."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from maestro_migrate._plan import FileWrite, MigrationPlan
from maestro_migrate._verify import Verifier
from maestro_migrate.errors import UnusableInput
from maestro_migrate.report import NotMeasured

CODE = b"import logging\n\nLEVEL = logging.INFO\n"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """Make a service of one module, with things beside it that no copy may hold."""
    root = tmp_path / "service"
    root.mkdir()
    (root / "app.py").write_bytes(CODE)
    os.mkfifo(root / "queue")
    return root


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment without anything in it."""
    place = tmp_path_factory.mktemp("venvs") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    return place


@pytest.fixture
def verifier(service: Path, venv: Path) -> Iterator[Verifier]:
    """Judge by a command that imports the module."""
    judge = Verifier(
        service, venv=venv, test_command="python -c 'import app; assert app.LEVEL'", parity=False, generates=False
    )
    yield judge
    judge.close()


def rewritten(text: bytes) -> MigrationPlan:
    """Plan to give the module another text."""
    return MigrationPlan("service", writes=[FileWrite("app.py", CODE, text)])


def test_a_plan_under_which_nothing_fails_is_good(verifier: Verifier, service: Path) -> None:
    """The service itself is not touched, and a pipe in its folder stops nobody."""
    assert verifier.verify(rewritten(b"LEVEL = 20\n")).regressions == ()
    assert (service / "app.py").read_bytes() == CODE


def test_what_fails_only_after_is_a_regression(verifier: Verifier) -> None:
    """The tests' command, and the import of a module that is changed, each by name; the next plan is judged for itself."""
    found = verifier.verify(rewritten(b"from nowhere import LEVEL\n")).regressions
    assert any(each.startswith("import app: ModuleNotFoundError") for each in found)
    assert len(found) == 2
    assert verifier.verify(rewritten(b"LEVEL = 10\n")).regressions == ()


def test_what_failed_before_is_no_regression(service: Path, venv: Path) -> None:
    """Tests that do not run as they are prove nothing, which is said and not counted."""
    told: list[str] = []
    judge = Verifier(
        service, venv=venv, test_command="python -c 'import gone'", parity=False, generates=False, tell=told.append
    )
    try:
        found = judge.verify(rewritten(b"LEVEL = 20\n"))
    finally:
        judge.close()
    assert found.regressions == ()
    assert isinstance(found.tests.before, NotMeasured)
    assert any("prove nothing" in text for text in told)


@pytest.mark.parametrize("command", ["pythonn -m pytest", "true && no-such-program", "./check.py"])
def test_a_command_that_cannot_be_run_is_refused(service: Path, venv: Path, command: str) -> None:
    """A mistyped one proves nothing, and what it was to prove would have been applied."""
    (service / "check.py").write_text("print('not executable')\n")
    judge = Verifier(service, venv=venv, test_command=command, parity=False, generates=False)
    try:
        with pytest.raises(UnusableInput, match="cannot be run"):
            judge.verify(rewritten(b"LEVEL = 20\n"))
    finally:
        judge.close()


@pytest.mark.parametrize(
    "spelled", ["{venv}/bin/python", "env/bin/python", "./env/bin/python", ". {venv}/bin/activate && python"]
)
def test_paths_into_the_environment_lead_into_its_copy(service: Path, spelled: str) -> None:
    """The one that was given has no libraries, and one inside the tree is not copied with it."""
    venv = service / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    check = f"import app, sys; assert app.LEVEL == 20; assert sys.prefix != {str(venv)!r}"
    command = f'{spelled.format(venv=venv)} -c "{check}"'
    judge = Verifier(service, venv=venv, test_command=command, parity=False, generates=False)
    try:
        assert judge.verify(rewritten(b"LEVEL = 20\n")).regressions == ()
        assert judge.verify(rewritten(b"LEVEL = 21\n")).regressions != ()
    finally:
        judge.close()


def test_the_copies_go_when_the_judge_is_done(service: Path) -> None:
    """Nothing is left in the folder for temporary files."""
    judge = Verifier(service)
    judge.close()
    assert not judge._work.exists()


def judged(service: Path, venv: Path, outcomes: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Judge by tests that pass (`+`) or fail (`-`) run by run, whatever the code; give the regressions, what is flaky, and the number of runs."""
    runs = service.parent / "runs"
    (service / "check.py").write_text(
        "import pathlib, sys\n"
        f"runs = pathlib.Path({str(runs)!r})\n"
        "number = len(runs.read_text()) if runs.exists() else 0\n"
        f"runs.write_text('.' * (number + 1))\nsys.exit({outcomes!r}[number] == '-')\n"
    )
    judge = Verifier(service, venv=venv, test_command="python check.py", parity=False, generates=False)
    try:
        found = judge.verify(rewritten(b"LEVEL = 20\n"))
    finally:
        judge.close()
    return found.regressions, found.flaky, len(runs.read_text())


def test_where_nothing_fails_the_tests_run_once_before_and_once_after(service: Path, venv: Path) -> None:
    """Only a failure is worth further runs."""
    assert judged(service, venv, "++") == ((), (), 2)


def test_a_failure_that_does_not_come_again_is_noise(service: Path, venv: Path) -> None:
    """Neither on the new code, nor does one that comes on the old code too, now and then."""
    assert [len(each) if isinstance(each, tuple) else each for each in judged(service, venv, "+-+")] == [0, 1, 3]


@pytest.mark.parametrize(
    ("outcomes", "regressions", "flaky"),
    [("+--+", 1, 0), ("+---+", 0, 1), ("+----", 1, 0)],
    ids=["the old code passes", "the old code fails now and then", "the old code never passed since"],
)
def test_a_failure_that_stays_is_asked_of_the_old_code(
    service: Path, venv: Path, outcomes: str, regressions: int, flaky: int
) -> None:
    """What passes there is a regression, what fails there at times is noise, and what fails there ever since is what was installed."""
    found = judged(service, venv, outcomes)
    assert (len(found[0]), len(found[1]), found[2]) == (regressions, flaky, len(outcomes))
