"""The frame of the benchmarks: what a subject may rely on, and the JSON that DESIGN §6 promises."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUBJECTS = sorted(path.parent.name for path in ROOT.glob("benchmarks/*/__main__.py"))


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch):
    """Import the frame as a subject does, from the root of the repository."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import _harness

    return _harness


def test_each_contestant_is_measured_once_a_round_in_changing_order(harness):
    """A busy moment hits all contestants alike, and none is always first."""
    called = []
    ticks = itertools.count()
    contestants = {name: lambda name=name: called.append(name) for name in "abc"}
    costs = harness.interleaved(contestants, rounds=20, repeat=2, clock=lambda: float(next(ticks)))
    assert costs == {name: [0.5] * 20 for name in "abc"}
    orders = {tuple(called[start : start + 6 : 2]) for start in range(0, 120, 6)}
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert len(orders) > 1


def test_ratios_compare_within_a_round(harness):
    """A round that was slow for both does not change the ratio."""
    costs = {"us": [2.0, 200.0, 4.0], "them": [1.0, 100.0, 2.0]}
    assert harness.ratio(costs, "us", "them") == 2.0
    assert harness.added(costs, "them", times=10) == {"us": 20.0, "them": 0.0}
    assert harness.medians(costs) == {"us": 4.0, "them": 2.0}


@pytest.mark.parametrize(("value", "least", "most"), [(1, False, True), (2, True, True), (3, True, False)])
def test_a_bound_says_whether_it_holds(harness, value, least, most):
    """Bounds include their limit, and are written with their direction."""
    assert harness.at_least("x", value, 2) == {"name": "x", "value": value, "bound": "≥ 2", "holds": least}
    assert harness.at_most("x", value, 2) == {"name": "x", "value": value, "bound": "≤ 2", "holds": most}


def test_the_json_is_the_one_that_the_design_promises(harness, monkeypatch, capsys):
    """`--json` prints one document with the promised keys and exits 0 although a bound is missed."""
    monkeypatch.setattr(sys, "argv", ["bench", "--json", "--quick"])

    def measure(*, quick):
        """Measure nothing."""
        row = {"name": "one", "ms": 1}
        return harness.report(
            "x", packages=["pytest", "no-such"], rounds=quick, results=[row], wanted=[harness.at_most("x", 2, 1)]
        )

    assert harness.run(measure) == 0
    made = json.loads(capsys.readouterr().out)
    assert list(made) == ["subject", "versions", "rounds", "results", "wanted"]
    assert made["versions"]["pytest"] == pytest.__version__
    assert made["versions"]["no-such"] is None
    assert made["wanted"] == [{"name": "x", "value": 2, "bound": "≤ 1", "holds": False}]


def test_what_cannot_be_measured_exits_2(harness, monkeypatch, capsys):
    """A missing peer is said on stderr, with where to get it."""
    monkeypatch.setattr(sys, "argv", ["bench"])

    def measure(*, quick):
        """Ask for what is not there."""
        raise ImportError(f"no peer, quick={quick}")

    assert harness.run(measure) == 2
    assert "could not measure: no peer" in (said := capsys.readouterr().err)
    assert "`bench` dependency group" in said


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_has_the_shared_command_line(subject):
    """`python -m benchmarks.<subject> --help` names both options; nothing is measured for it."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{subject}", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--quick" in done.stdout
    assert "--json" in done.stdout
