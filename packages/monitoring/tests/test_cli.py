"""Promises of `maestro monitoring`."""

from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner

from maestro_monitoring.cli import monitoring

SERVICE = """
from maestro_monitoring import SLO

SLOS = [SLO(name="{name}", service="orders", objective={objective})]

def slos():
    return SLOS

nothing = []
number = 3
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in a folder with a service of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "shop_slos", raising=False)
    (tmp_path / "shop_slos.py").write_text(SERVICE.format(name="availability", objective=99.9))

    def call(*arguments: str):
        return CliRunner().invoke(monitoring, list(arguments), catch_exceptions=False)

    yield call
    __import__("sys").modules.pop("shop_slos", None)


def test_it_is_a_command_of_maestro():
    """The entry point leads to the group."""
    (point,) = [p for p in entry_points(group="maestro.commands") if p.name == "monitoring"]
    assert point.load() is monitoring


@pytest.mark.parametrize("target", ["shop_slos:SLOS", "shop_slos:slos"])
def test_what_was_generated_is_checked(run, tmp_path, target):
    """Generate, check: no drift. Generate again: nothing changes."""
    first = run("generate", target)
    assert first.exit_code == 0, first.output
    assert "6 files, 6 changed" in first.output
    assert run("check", target, "--no-promtool").exit_code == 0
    assert "6 files, 0 changed" in run("generate", target).output


@pytest.mark.service
def test_check_tests_the_rules_with_promtool(run):
    """In CI one command compares the files and tests the rules."""
    run("generate", "shop_slos:SLOS")
    checked = run("check", "shop_slos:SLOS")
    assert checked.exit_code == 0, checked.output
    assert "the rules pass their tests" in checked.output


@pytest.mark.parametrize("damage", ["edit", "delete", "add"])
def test_drift_fails_with_a_diff(run, tmp_path, damage):
    """A file edited, deleted or left over is shown, and the exit code is 1."""
    run("generate", "shop_slos:SLOS")
    rules = tmp_path / "deploy/monitoring/rules/slo.rules.yml"
    if damage == "edit":
        rules.write_text(rules.read_text().replace("14.4", "99"))
    elif damage == "delete":
        rules.unlink()
    else:
        (tmp_path / "deploy/monitoring/dashboards/gone.json").write_text("{}")
    checked = run("check", "shop_slos:SLOS", "--no-promtool")
    assert checked.exit_code == 1
    shown = {"edit": "> (99 * 0.001)", "delete": "+groups:", "add": "gone.json"}
    assert shown[damage] in checked.output
    assert "run `maestro monitoring generate shop_slos:SLOS" in checked.output


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("shop_slos", "no colon"),
        ("no_such_module:SLOS", "cannot be imported"),
        ("shop_slos:NOPE", "cannot be imported"),
        ("shop_slos:number", "is a int"),
        ("shop_slos:nothing", "holds no SLOs"),
    ],
)
def test_a_wrong_target_says_what_is_wrong(run, target, reason):
    """Exit code 2 and one sentence, no traceback."""
    ran = run("generate", target)
    assert ran.exit_code == 2
    assert reason in ran.output


def test_a_missing_promtool_is_not_passed_over(run):
    """Rules that could not be tested are not called tested."""
    run("generate", "shop_slos:SLOS")
    checked = run("check", "shop_slos:SLOS", "--promtool", "no-such-promtool")
    assert checked.exit_code == 2
    assert "--no-promtool" in checked.output
