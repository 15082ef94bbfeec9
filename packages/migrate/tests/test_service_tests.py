"""The service's own tests, told test by test."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maestro_migrate._environment import Environment
from maestro_migrate._service_tests import TestRun, compare, run_tests
from maestro_migrate.errors import UnusableInput


@pytest.fixture(scope="module")
def environment() -> Environment:
    """Use the environment that these tests run in; nothing here changes it."""
    return Environment(Path(sys.prefix), (sys.version_info.major, sys.version_info.minor))


def _write(folder: Path, text: str) -> Path:
    (folder / "test_it.py").write_text(text)
    return folder


def test_outcomes_are_told_test_by_test(environment, tmp_path):
    """Passed, failed, errored and skipped tests are each known by id."""
    tree = _write(
        tmp_path,
        "import pytest\n"
        "@pytest.fixture\ndef broken():\n    raise RuntimeError('x')\n"
        "def test_a(): pass\n"
        "def test_b(): assert 0\n"
        "def test_c(broken): pass\n"
        "@pytest.mark.skip(reason='no')\ndef test_d(): pass\n",
    )
    done = run_tests(tree, environment, None, env={}, log=tmp_path / "log")
    assert {name.rpartition("::")[2]: outcome for name, outcome in done.outcomes.items()} == {
        "test_a": "passed",
        "test_b": "failed",
        "test_c": "error",
        "test_d": "skipped",
    }
    assert done.exit_code == 1


def test_a_hanging_suite_is_ended_with_its_children(environment, tmp_path):
    """A command that outlives its time is killed, and so is what it started."""
    tree = _write(
        tmp_path,
        "import subprocess, time\ndef test_a():\n    child = subprocess.Popen(['sleep', '600'])\n    open('pid', 'w').write(str(child.pid))\n    time.sleep(600)\n",
    )
    done = run_tests(tree, environment, None, env={}, log=tmp_path / "log", timeout_s=8)
    assert done.timed_out
    assert _ends(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="only Linux tells which processes have inherited what"
)
def test_a_daemon_that_a_test_leaves_behind_is_ended(environment, tmp_path):
    """One that has left the session of the command goes as well, and nothing that was not started by it."""
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    tree = _write(
        tmp_path,
        "import subprocess\ndef test_a():\n    child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n    open('pid', 'w').write(str(child.pid))\n",
    )
    try:
        done = run_tests(tree, environment, None, env={}, log=tmp_path / "log")
        assert done.exit_code == 0
        assert _ends(int((tmp_path / "pid").read_text()))
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def _ends(child: int) -> bool:
    """Return whether a process is gone within five seconds, or waits for nothing but its parent."""
    for _ in range(100):
        try:
            if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_tests_do_not_outlive_a_killed_migration(tmp_path):
    """SIGKILL leaves the engine no time: a shell that waits on a pipe ends the tests, and what they started."""
    tree = _write(
        tmp_path,
        "import os, pathlib, subprocess, time\n"
        "def test_a():\n    child = subprocess.Popen(['sleep', '600'])\n"
        "    pathlib.Path('pids.part').write_text(f'{os.getpid()} {child.pid}')\n"
        "    os.rename('pids.part', 'pids')\n    time.sleep(600)\n",
    )
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from maestro_migrate._environment import Environment\nfrom maestro_migrate._service_tests import run_tests\n"
        "here = Path(sys.argv[1])\n"
        "run_tests(here, Environment(Path(sys.prefix), sys.version_info[:2]), None, env={}, log=here / 'log')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tree)]) as engine:
        while not (tree / "pids").exists():
            assert engine.poll() is None
            time.sleep(0.05)
        engine.kill()
    assert all(_ends(int(each)) for each in (tree / "pids").read_text().split())


def test_a_flood_of_output_fills_no_disk(environment, tmp_path, monkeypatch):
    """Output past the bound is thrown away, and the run still ends."""
    monkeypatch.setattr("maestro_migrate._service_tests.LOG_BYTES", 10_000)
    done = run_tests(
        tmp_path, environment, f"{sys.executable} -c \"print('x' * 5_000_000)\"", env={}, log=tmp_path / "log"
    )
    assert done.exit_code == 0
    assert done.log.stat().st_size == 10_000


def test_unittest_without_a_test_proves_nothing(environment, tmp_path):
    """Before Python 3.12 it ends with 0; a command with one test is one that passed."""
    command = "python -m unittest discover -s checks"
    (tmp_path / "checks").mkdir()
    assert run_tests(tmp_path, environment, command, env={}, log=tmp_path / "none").outcomes == {}
    (tmp_path / "checks/test_one.py").write_text(
        "import unittest\n\n\nclass One(unittest.TestCase):\n    def test(self):\n        pass\n"
    )
    assert run_tests(tmp_path, environment, command, env={}, log=tmp_path / "one").outcomes == {command: "passed"}


def test_a_command_without_a_junit_file_counts_by_its_exit_code(environment, tmp_path):
    """Another runner is one test: it passed or it did not."""
    assert run_tests(tmp_path, environment, "false", env={}, log=tmp_path / "a").outcomes == {"false": "error"}
    assert run_tests(tmp_path, environment, "true", env={}, log=tmp_path / "b").outcomes == {"true": "passed"}
    assert run_tests(tmp_path, environment, "no-such-program", env={}, log=tmp_path / "c").exit_code == 127


@pytest.mark.parametrize(
    "command",
    [
        "python -m pytest --junitxml=own.xml -q",
        "python -m pytest --junit-xml 'own report.xml'",
        "true && python -m pytest -p no:junitxml; true",
        "sh -c 'python -m pytest --junitxml=own.xml'",
    ],
)
def test_a_command_that_has_a_report_of_its_own_is_told_test_by_test(environment, tmp_path, command):
    """With a report elsewhere one test that failed before would have hidden all that fail after."""
    tree = _write(tmp_path, "def test_a(): pass\ndef test_b(): assert 0\n")
    done = run_tests(tree, environment, command, env={}, log=tmp_path / "log")
    assert sorted(done.outcomes.values()) == ["failed", "passed"], (tmp_path / "log").read_text()


def test_a_command_may_use_the_shell(environment, tmp_path):
    """Variables before the program and `&&` work as in a terminal, with the environment's programs first on PATH."""
    (tmp_path / "api").mkdir()
    _write(tmp_path / "api", "import os\ndef test_a():\n    assert os.environ['MODE'] == 'test'\n")
    done = run_tests(tmp_path, environment, "cd api && MODE=test python -m pytest -q", env={}, log=tmp_path / "log")
    assert set(done.outcomes.values()) == {"passed"}


def test_no_tests_is_no_failure(environment, tmp_path):
    """A service without tests has nothing that could regress."""
    assert run_tests(tmp_path, environment, None, env={}, log=tmp_path / "log").outcomes == {}


def test_our_own_environment_does_not_leak_in(environment, tmp_path, monkeypatch):
    """What the engine's caller set for its own pytest is not seen by the service's."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    tree = _write(
        tmp_path, "import os\ndef test_a():\n    assert 'PYTHONPATH' not in os.environ and os.environ['GIVEN'] == '1'\n"
    )
    done = run_tests(tree, environment, None, env={"GIVEN": "1"}, log=tmp_path / "log")
    assert set(done.outcomes.values()) == {"passed"}


def _run(**outcomes: str) -> TestRun:
    return TestRun(outcomes, 0, Path(os.devnull))


def test_a_test_that_fails_now_and_passed_twice_is_a_regression():
    """So is one that is no longer collected."""
    found = compare(
        [_run(a="passed", b="passed", c="failed"), _run(a="passed", b="passed", c="failed")],
        [_run(a="failed", c="failed")],
    )
    assert found.regressions == ("a", "b")


def test_flaky_tests_are_no_regressions():
    """What differs between the two runs before, or passes when run again after, is noise."""
    before = [_run(a="passed", b="passed"), _run(a="failed", b="passed")]
    assert compare(before, [_run(a="failed", b="failed"), _run(a="failed", b="passed")]).regressions == ()
    assert compare(before, [_run(a="failed", b="failed"), _run(a="failed", b="passed")]).flaky == ("a", "b")


def test_what_the_installed_libraries_break_is_a_regression():
    """It passed before they were installed, and never since, on the old code neither."""
    before = [_run(a="passed"), _run(a="failed"), _run(a="failed")]
    found = compare(before, [_run(a="failed"), _run(a="failed")])
    assert (found.regressions, found.flaky) == (("a",), ())


def test_one_later_run_that_passes_makes_a_test_flaky():
    """However often it failed besides."""
    before = [_run(a="passed"), _run(a="failed"), _run(a="passed")]
    found = compare(before, [_run(a="failed"), _run(a="failed")])
    assert (found.regressions, found.flaky) == ((), ("a",))


def test_what_failed_before_is_excused_and_named_when_it_passes():
    """A failure of the service's own is not ours."""
    found = compare([_run(a="failed"), _run(a="failed")], [_run(a="passed", b="passed")])
    assert (found.regressions, found.fixed, found.added) == ((), ("a",), ("b",))


def test_a_command_whose_quotes_do_not_end_is_refused(environment, tmp_path):
    """The one who typed it learns what to mend."""
    with pytest.raises(UnusableInput, match="pytest 'x: no closing quotation; mend the quotes"):
        run_tests(tmp_path, environment, "pytest 'x", env={}, log=tmp_path / "log")
