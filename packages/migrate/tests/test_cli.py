"""The commands as a stranger meets them: what they print, as text and as JSON, and how they end."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from maestro_migrate.cli import _show as show
from maestro_migrate.cli import inventory, migrate, recipes
from maestro_migrate.report import Parity

RECIPE = """
[[recipe]]
id = "local/clock"
title = "Ask the clock"
match = "time.time()"
replace = "app.clock.now()"

[[recipe.example]]
before = '''
import time

x = time.time()
'''
after = '''
from app.clock import now

x = {result}
'''

[[recipe.example]]
unchanged = '''
x = clock.time()
'''
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a service of two files, and keep state and cache beside it."""
    monkeypatch.setenv("MAESTRO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "svc"
    root.mkdir()
    (root / "app.py").write_text('import logging\n\nlog = logging.getLogger("a")\n')
    (root / "old.py").write_text("import logging\nprint 'getLogger'\n")
    return root


def run(command: object, *arguments: object) -> Result:
    """Run one of the commands."""
    return CliRunner().invoke(command, [str(each) for each in arguments])  # type: ignore[arg-type]  # a click command


def test_the_inventory_is_the_same_as_text_and_as_json(service: Path) -> None:
    """Sites by recipe and file, their sum, and what could not be read; asked again it answers from the cache."""
    for _ in range(2):
        told = run(inventory, service)
        assert told.exit_code == 0
        assert "     1  logging/ask_the_library_for_loggers\n           1  app.py\n" in told.stdout
        assert "     1  sites in 2 Python files\n" in told.stdout
        assert "not readable as Python: old.py: line 2" in told.stdout
        plain = json.loads(run(inventory, service, "--json").stdout)
        assert plain["files"] == 2
        assert plain["sites"] == {"logging/ask_the_library_for_loggers": {"app.py": 1}}
        assert list(plain["unparsed"]) == ["old.py"]


def test_recipes_are_listed_shown_and_run_in_one_order(service: Path) -> None:
    """The text is sorted by name, the JSON by when a recipe runs; each listed recipe has a page."""
    listed = run(recipes, "list").stdout.splitlines()
    plain = json.loads(run(recipes, "list", "--json").stdout)
    assert [line.split()[0] for line in listed] == sorted(row["id"] for row in plain)
    assert set(plain[0]) == {"id", "title", "opt_in", "reports_only", "needs"}
    for row in plain:
        shown = run(recipes, "show", row["id"])
        assert shown.exit_code == 0
        assert shown.stdout.startswith(f"# {row['id']}\n\n{row['title']}")


def test_a_theme_shows_all_of_its_recipes() -> None:
    """One page after the other."""
    shown = run(recipes, "show", "api").stdout
    ids = [row["id"] for row in json.loads(run(recipes, "list", "--json").stdout) if row["id"].startswith("api/")]
    assert all(f"# {name}\n" in shown for name in ids)


@pytest.mark.parametrize(
    ("result", "code", "told"), [("now()", 0, "all examples hold"), ("later()", 1, "examples that do not hold: 1")]
)
def test_a_recipe_file_is_tested(tmp_path: Path, result: str, code: int, told: str) -> None:
    """What does not hold is shown with what came out instead."""
    (tmp_path / "clock.toml").write_text(RECIPE.replace("{result}", result))
    done = run(recipes, "test", tmp_path / "clock.toml")
    assert done.exit_code == code, done.output
    assert told in done.stdout
    assert ("now()" in done.stdout) == bool(code)


def test_migrations_are_listed_and_taken_back_by_name(service: Path) -> None:
    """Text and JSON say the same; the status tells which are taken back."""
    assert run(migrate, "service", service, "--no-verify").exit_code == 0
    [row] = json.loads(run(migrate, "rollback", service, "--list", "--json").stdout)
    assert (row["id"], row["status"], row["service"], row["files"]) == ("0001", "applied", "svc", ["app.py"])
    [line] = run(migrate, "rollback", service, "--list").stdout.splitlines()
    assert line.split() == ["0001", row["at"], "applied", "svc", "1", "files"]
    done = json.loads(run(migrate, "rollback", service, "--id", "0001", "--json").stdout)
    assert done["status"] == "rolled-back"
    assert "rolled-back" in run(migrate, "rollback", service, "--list").stdout


def test_a_migration_is_told_in_whole_words(service: Path) -> None:
    """In a pipe no recipe's name and no sentence is broken over two lines, so that each can be searched for."""
    told = run(migrate, "service", service, "--no-verify").stdout
    assert "│ logging/ask_the_library_for_loggers │     1 │         1 │" in told
    assert "2 Python files read, 1 files changed, 1 not readable as Python\n" in told
    [report] = [line for line in told.splitlines() if line.startswith("report: ")]
    assert Path(report.removeprefix("report: ")).is_file()


def test_what_was_proven_is_told_in_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests before and after, requests answered alike, and what fails now with the way back."""
    counts = SimpleNamespace(passed=3, failed=0, errors=0)
    report = SimpleNamespace(
        recipes={}, files=SimpleNamespace(scanned=2, changed=1, unparsed=()), parity=Parity(5, 4, 1),
        tests=SimpleNamespace(before=counts, after=SimpleNamespace(passed=2, failed=1, errors=0), regressions=("t.py::test_a",), generated=None),
    )  # fmt: skip
    show(SimpleNamespace(report=report, paths={"html": "r.html"}))
    told = capsys.readouterr().out
    assert "tests before: 3 passed, 0 failed; after: 2 passed, 1 failed; regressions: 1\n" in told
    assert (
        "requests answered alike by the old code and the new: 4 of 5\n  fails now: t.py::test_a\ntake it back" in told
    )


def test_tests_of_which_none_passed_prove_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a regression, too: a suite that cannot be collected fails alike before and after."""
    none = SimpleNamespace(passed=0, failed=0, errors=4)
    report = SimpleNamespace(
        recipes={}, files=SimpleNamespace(scanned=2, changed=1, unparsed=()), parity=None,
        tests=SimpleNamespace(before=none, after=none, regressions=(), generated=None),
    )  # fmt: skip
    show(SimpleNamespace(report=report, paths={"html": "r.html"}))
    told = "tests before: 0 passed, 0 failed, 4 in error; after: 0 passed, 0 failed, 4 in error; regressions: 0\nno test passed before, so the tests prove nothing\n"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("command", [migrate, recipes, inventory])
def test_help_is_the_first_thing_offered(command: object) -> None:
    """`--help` ends well, and a wrong option names it."""
    assert run(command, "--help").exit_code == 0
    wrong = run(command, "--no-such-option")
    assert wrong.exit_code == 2
    assert "--help" in wrong.stderr


def test_json_is_all_that_is_on_stdout(service: Path, tmp_path: Path) -> None:
    """Of every command that prints JSON, with every way of running it; what people are told goes to stderr."""
    told = [
        run(migrate, "service", service, "--json", "--dry-run"),
        run(migrate, "service", service, "--json", "--check"),
        run(migrate, "service", service, "--json", "--no-verify"),
        run(migrate, "rollback", service, "--json", "--list"),
        run(migrate, "rollback", service, "--json"),
        run(inventory, service, "--json"),
        run(recipes, "list", "--json"),
    ]
    assert [each.exit_code for each in told] == [0, 1, 0, 0, 0, 0, 0]
    for each in told:
        assert json.loads(each.stdout)
    assert "1 files would change" in told[1].stderr


def test_recipes_can_be_left_out_by_name_and_by_theme(service: Path) -> None:
    """`--exclude` takes what `--recipes` takes, and an unknown name is wrong use."""
    (service / "conf_of.py").write_text('import os\n\nPORT = os.getenv("PORT")\n')

    def used(*options: str) -> set[str]:
        report = json.loads(run(migrate, "service", service, "--dry-run", "--json", *options).stdout)
        return {edit["recipe"].partition("/")[0] for edit in report["edits"]}

    assert used() == {"config", "logging"}
    assert used("--exclude", "config") == {"logging"}
    assert used("--exclude", "logging/ask_the_library_for_loggers,config") == set()
    assert used("--recipes", "config", "--exclude", "logging") == {"config"}
    wrong = run(migrate, "service", service, "--dry-run", "--exclude", "no/such")
    assert wrong.exit_code == 2
    assert "no/such" in wrong.stderr


def test_without_a_backup_nothing_can_be_taken_back(service: Path) -> None:
    """`--no-backup` keeps no original bytes, and a rollback says so instead of doing something else."""
    assert run(migrate, "service", service, "--no-verify", "--no-backup").exit_code == 0
    after = (service / "app.py").read_bytes()
    told = run(migrate, "rollback", service)
    assert told.exit_code != 0
    assert told.stderr.startswith("maestro: ")
    assert (service / "app.py").read_bytes() == after
    assert b"get_logger" in after


def test_findings_name_the_line_that_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--dry-run` speaks of the file as it is, the report of a migration of the file as it was left; changes are told by the lines before."""
    monkeypatch.setenv("MAESTRO_STATE", str(tmp_path / "state"))
    service = tmp_path / "service"
    service.mkdir()
    code = '"""Page."""\n\nimport logging\nimport sys\n\nlog = logging.getLogger(sys.argv[0])\nother = getattr(logging, "getLogger")("x")\n'
    (service / "app.py").write_text(code)
    arguments = ["service", str(service), "--recipes", "logging/ask_the_library_for_loggers", "--no-verify", "--json"]

    def lines(report: str, part: str) -> list[int]:
        return [each["line"] for each in json.loads(report)[part] if each["file"] == "app.py"]

    dry = CliRunner().invoke(migrate, [*arguments, "--dry-run"]).stdout
    assert (lines(dry, "edits"), lines(dry, "findings")) == ([6], [7])
    done = CliRunner().invoke(migrate, arguments).stdout
    after = (service / "app.py").read_text().splitlines()
    assert lines(done, "edits") == [6]
    assert ["getattr" in after[line - 1] for line in lines(done, "findings")] == [True]
    assert lines(done, "findings") != [7]
