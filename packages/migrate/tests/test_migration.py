"""The main job on small real services: planned, verified by their own tests, applied, reported, taken back."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from maestro_migrate._libraries import library_arguments, uv
from maestro_migrate.cli import inventory, migrate

SERVICE = {
    "pyproject.toml": '[project]\nname = "mail"\nversion = "1"\ndependencies = [\n    "click",\n]\n',
    "mail/__init__.py": "",
    "mail/config.py": 'import os\n\nHOST = os.getenv("MAIL_HOST", "localhost")\nPORT = int(os.getenv("MAIL_PORT", "25"))\n',
    "mail/send.py": 'import logging\n\nfrom mail import config\n\nlogger = logging.getLogger(__name__)\n\n\ndef send(to):\n    logger.info("sending to %s", to)\n    return f"{config.HOST}:{config.PORT}"\n',
    "tests/test_send.py": 'import logging\nfrom mail.send import send\n\ndef test_send(caplog):\n    with caplog.at_level(logging.INFO):\n        assert send("you") == "localhost:25"\n    assert caplog.record_tuples == [("mail.send", 20, "sending to you")]\n',
}


@pytest.fixture(scope="session")
def venv(tmp_path_factory) -> Path:
    """Make an environment in which the small services' tests run."""
    folder = tmp_path_factory.mktemp("venv") / "service"
    subprocess.run([uv(), "venv", "-q", "--python", sys.executable, folder], check=True)
    subprocess.run([uv(), "pip", "install", "-q", "--python", folder / "bin" / "python", "pytest"], check=True)
    library_arguments(None)
    return folder


@pytest.fixture
def service(tmp_path, monkeypatch) -> Path:
    """Write the small service, and keep the engine's state beside it."""
    monkeypatch.setenv("MAESTRO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    root = tmp_path / "service"
    for path, text in SERVICE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def _run(*arguments: object):
    return CliRunner().invoke(migrate, [str(argument) for argument in arguments])


def _hash(root: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(root)}{path.stat().st_mode}".encode() + path.read_bytes())
    return found.hexdigest()


def test_files_that_cannot_be_collected_are_told_of_with_the_error(service, venv):
    """`pytest` finds no code that only `python -m pytest` does: nothing passes, before or after, and the reason is what helps."""
    (service / "tests" / "test_send.py").write_text("import gone\n\n\ndef test_it():\n    assert gone\n")
    done = _run("service", service, "--venv", venv, "--no-parity", "--no-generate-tests")
    assert (
        "no test passes as they are, so they prove nothing: ModuleNotFoundError: No module named 'gone'" in done.output
    )
    assert "tests before: 0 passed, 0 failed, 1 in error; after: 0 passed, 0 failed, 1 in error" in done.output


def test_a_service_is_migrated_verified_and_taken_back(service, venv, tmp_path):
    """The service's tests pass on both sides, the report says so, and a rollback leaves every byte and mode as it was."""
    original = _hash(service)
    venv_before = sorted(path.relative_to(venv).as_posix() for path in venv.rglob("*"))
    done = _run("service", service, "--venv", venv, "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (
        report["tests"]["before"] == report["tests"]["after"] == {"passed": 1, "failed": 0, "errors": 0, "skipped": 0}
    )
    assert report["tests"]["regressions"] == []
    shown = {item["item"]: item["evidence"] for item in report["checklist"]}
    assert shown["Dependencies are documented"] == "1 manifests were read: pyproject.toml"
    assert shown["Configuration is documented"].startswith("2 of 2 readings")
    assert "get_logger" in (service / "mail" / "send.py").read_text()
    assert "maestro-core-logging" in (service / "pyproject.toml").read_text()
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.json",
        "report.html",
        "report.md",
        "report.sarif",
        "test_maestro_generated.py",
    }
    assert report["tests"]["generated"]["before"] == report["tests"]["generated"]["after"] == 2
    assert not (service / "tests" / "test_maestro_generated.py").exists()
    assert sorted(path.relative_to(venv).as_posix() for path in venv.rglob("*")) == venv_before
    assert _run("service", service, "--check").exit_code == 0
    listed = _run("rollback", service, "--list").output
    assert "service" in listed
    assert _run("rollback", service).exit_code == 0
    assert _hash(service) == original


def test_copies_are_set_up_by_commands_and_variables(service, venv, tmp_path):
    """Every copy gets the set-up commands in their order and the tests the variables; `--no-parity` and `--no-generate-tests` leave their steps out, with the reason."""
    (service / "tests" / "test_set_up.py").write_text(
        "import os\nfrom pathlib import Path\n\ndef test_it():\n    assert Path('made.txt').read_text() == 'onetwo'\n    assert os.environ['SAID'] == 'a=b'\n"
    )
    done = _run(
        "service", service, "--venv", venv, "--report", tmp_path / "report", "--no-parity", "--no-generate-tests",
        "--setup-command", "printf one > made.txt", "--setup-command", "printf two >> made.txt", "--env", "SAID=a=b",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["tests"]["before"]["passed"] == report["tests"]["after"]["passed"] == 2
    assert report["parity"]["reason"] == "requests were not compared: --no-parity"
    assert report["tests"]["generated"]["value"] is None
    assert not (tmp_path / "report" / "test_maestro_generated.py").exists()
    assert not (service / "made.txt").exists()


def test_generated_tests_come_and_go_with_the_migration(service, venv, tmp_path):
    """
    Wanted in the service, they are a part of the transaction and not of the suite's counts; a second run changes nothing.

    They need none of the options that the service gives its own tests, and which the test command here takes back.
    """
    (service / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    original = _hash(service)
    command = ("--test-command", "python -m pytest -q -o addopts=")
    wanted = ("service", service, "--venv", venv, "--generate-tests", *command, "--report", tmp_path / "report")
    shown = _run("service", service, "--generate-tests", "--dry-run")
    assert "recorded from the running code" in shown.stderr
    assert _hash(service) == original
    done = _run(*wanted)
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["tests"]["after"] == {"passed": 1, "failed": 0, "errors": 0, "skipped": 0}
    assert report["tests"]["generated"]["file"] == "tests/test_maestro_generated.py"
    assert "mail.config:PORT" in (service / "tests" / "test_maestro_generated.py").read_text()
    status = {item["key"]: item["status"] for item in report["checklist"]}
    assert status["tests-migrated"] == "done"
    migrated = _hash(service)
    assert _run("service", service, "--generate-tests", "--check").exit_code == 0
    assert _run(*wanted).exit_code == 0
    assert _hash(service) == migrated
    assert _run("rollback", service).exit_code == 0
    assert _hash(service) == original


def test_generated_tests_need_the_verification(service, venv, tmp_path):
    """They are kept only where they pass, so without runs there are none; without the step the report says so."""
    original = _hash(service)
    refused = _run("service", service, "--generate-tests", "--no-verify")
    assert refused.exit_code == 2
    assert "--no-verify" in refused.output
    assert _hash(service) == original
    assert _run("service", service, "--venv", venv, "--no-generate-tests", "--report", tmp_path / "r").exit_code == 0
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert report["tests"]["generated"] == {"value": None, "reason": "no tests were generated"}


def test_a_generated_test_that_fails_on_the_new_code_is_a_regression(service, venv, tmp_path, monkeypatch):
    """A wrong rewrite that the service's own tests do not see is found and withheld."""
    from maestro_migrate import _migration

    honest = _migration.plan

    def wrong(*arguments, **options):
        made = honest(*arguments, **options)
        made.writes = [
            replace(write, after=write.after.replace(b"25", b"26")) if write.path == "mail/settings.py" else write
            for write in made.writes
        ]
        return made

    monkeypatch.setattr(_migration, "plan", wrong)
    (service / "tests" / "test_send.py").write_text("import mail.send\n\ndef test_send():\n    assert mail.send\n")
    done = _run("service", service, "--venv", venv, "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    findings = json.loads((tmp_path / "report" / "report.json").read_text())["findings"]
    assert any("generated: test_settings_of_mail_config fails" in finding["reason"] for finding in findings)
    assert "os.getenv" in (service / "mail" / "config.py").read_text()


def test_a_change_that_breaks_a_test_is_withheld_and_named(service, venv, tmp_path):
    """The rest is applied, no test fails, and the finding names the test."""
    (service / "tests" / "test_source.py").write_text(
        "import inspect\nimport mail.config\n\ndef test_source():\n    assert 'os.getenv' in inspect.getsource(mail.config)\n"
    )
    done = _run("service", service, "--venv", venv, "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["tests"]["regressions"] == []
    assert "os.getenv" in (service / "mail" / "config.py").read_text()
    assert "get_logger" in (service / "mail" / "send.py").read_text()
    assert "test_source" in (tmp_path / "report" / "failing-tests.log").read_text()
    assert any("withheld" in finding["reason"] and "test_source" in finding["reason"] for finding in report["findings"])
    again = _run("service", service, "--allow-dirty", "--check")
    assert again.exit_code == 0, again.output
    (service / "mail" / "config.py").write_text((service / "mail" / "config.py").read_text() + "\n")
    assert _run("service", service, "--allow-dirty", "--check").exit_code == 1


def test_a_pin_that_excludes_a_library_is_one_finding(service, venv, tmp_path):
    """Where a library cannot be installed beside what is there, its recipe is not planned and the rest goes on."""
    copy = tmp_path / "pinned"
    subprocess.run(["cp", "-a", venv, copy], check=True)
    subprocess.run([uv(), "pip", "install", "-q", "--python", copy / "bin" / "python", "pydantic<2"], check=True)
    done = _run("service", service, "--venv", copy, "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    findings = json.loads((tmp_path / "report" / "report.json").read_text())["findings"]
    assert any("unresolvable" in finding["reason"] and "pydantic==1" in finding["reason"] for finding in findings)
    assert "os.getenv" in (service / "mail" / "config.py").read_text()
    assert "get_logger" in (service / "mail" / "send.py").read_text()
    assert _run("service", service, "--allow-dirty", "--check").exit_code == 0
    assert _run("rollback", service).exit_code == 0
    assert "+++ b/mail/settings.py" in _run("service", service, "--dry-run").stdout


def test_a_dry_run_says_what_it_would_leave(service):
    """What stays is told beside the diff, with its reason; as JSON the whole report of the plan is printed."""
    (service / "odd.py").write_text("import os\n\nprint(dict(os.environ))\n")
    shown = _run("service", service, "--dry-run", "--allow-dirty")
    assert "odd.py:3: " in shown.stderr
    assert "odd.py" not in shown.stdout
    made = json.loads(_run("service", service, "--dry-run", "--allow-dirty", "--json").stdout)
    assert [finding["line"] for finding in made["findings"] if finding["file"] == "odd.py"] == [3]
    assert made["tests"]["before"]["value"] is None


def test_dry_run_and_check_write_nothing(service):
    """One prints a diff that can be applied, the other answers with its exit code."""
    original = _hash(service)
    shown = _run("service", service, "--dry-run")
    assert shown.exit_code == 0
    assert "+from maestro_core_logging import get_logger" in shown.output
    assert _run("service", service, "--check").exit_code == 1
    assert _hash(service) == original
    applied = subprocess.run(
        ["git", "apply", "-"], cwd=service, input=shown.stdout, text=True, capture_output=True, check=False
    )
    assert applied.returncode == 0, applied.stderr


def test_two_runs_plan_the_same_whatever_the_number_of_workers(service):
    """Plans are sorted and pure."""
    one = _run("service", service, "--dry-run", "--jobs", "1").output
    assert one == _run("service", service, "--dry-run", "--jobs", "2").output


def _refused(*arguments: object) -> str:
    done = _run("service", *arguments)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    return done.output


def test_bad_input_is_told_in_one_line_and_changes_nothing(service, tmp_path):
    """A missing path, a file, an unknown recipe, a broken environment, a bad variable: each says what to do next."""
    original = _hash(service)
    assert "does not exist" in _refused(tmp_path / "nowhere")
    assert "is a file" in _refused(service / "pyproject.toml")
    assert "`maestro recipes list`" in _refused(service, "--recipes", "nonsense")
    assert "no virtual environment" in _refused(service, "--venv", tmp_path)
    assert "K=V" in _refused(service, "--env", "NOVALUE")
    assert "exclude each other" in _refused(service, "--dry-run", "--check")
    (tmp_path / "wheels").mkdir()
    broken = tmp_path / "broken"
    (broken / "bin").mkdir(parents=True)
    (broken / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    (broken / "bin" / "python").chmod(0o755)
    assert "its python fails" in _refused(service, "--venv", broken)
    assert _hash(service) == original


def test_a_dirty_git_tree_is_refused(service):
    """Uncommitted work would be mixed up with the migration; `--allow-dirty` says that it may."""
    subprocess.run(["git", "init", "-q"], cwd=service, check=True)
    assert "--allow-dirty" in _refused(service, "--no-verify")
    assert _run("service", service, "--no-verify", "--allow-dirty").exit_code == 0


def test_odd_files_are_listed_and_the_rest_goes_on(service, tmp_path):
    """Binary files named `.py`, other Pythons' syntax, long files and link loops stop nothing."""
    (service / "mail" / "binary.py").write_bytes(b"\x00\x01getLogger\xff")
    (service / "mail" / "old.py").write_text("import logging\nprint 'getLogger'\n")
    (service / "mail" / "long.py").write_text("X = 'getLogger'\n" + "#" * 10_000_000)
    (service / "mail" / "loop").symlink_to(service / "mail", target_is_directory=True)
    done = _run("service", service, "--no-verify", "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    unparsed = {
        each["file"] if isinstance(each, dict) and "file" in each else each["path"]
        for each in json.loads((tmp_path / "report" / "report.json").read_text())["files"]["unparsed"]
    }
    assert unparsed == {"mail/binary.py", "mail/old.py", "mail/long.py"}
    assert "get_logger" in (service / "mail" / "send.py").read_text()


def test_the_inventory_counts_by_recipe_and_file(service):
    """What is counted before is what the report measures itself against."""
    done = CliRunner().invoke(inventory, [str(service), "--json"])
    assert done.exit_code == 0
    sites = json.loads(done.output)["sites"]
    assert sites["config/read_settings_from_one_class"] == {"mail/config.py": 2}
    assert sites["logging/ask_the_library_for_loggers"] == {"mail/send.py": 1}


def test_an_old_configuration_module_becomes_a_typed_one(tmp_path):
    """The same names with the same values, over one settings class in one file."""
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    old.write_text(
        'import os\n\nPORT = int(os.getenv("PORT", "8000"))\n\n\nclass Config:\n    DEBUG = os.getenv("DEBUG", "no") in ("yes", "true")\n'
    )
    assert _run("config", "--source", old, "--target", new).exit_code == 0
    code = "import os, runpy; m = runpy.run_path(os.environ['M']); print(m['PORT'], m['Config'].DEBUG)"
    for variables in ({}, {"PORT": "1", "DEBUG": "yes"}):
        outputs = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={"M": str(path), **variables},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for path in (old, new)
        }
        assert len(outputs) == 1
    assert _run("config", "--source", tmp_path / "none.py", "--target", new).exit_code == 2
