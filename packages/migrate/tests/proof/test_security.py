"""What bandit says of a migration: only what is new counts, and what could not be measured says why."""

import sys

import pytest

from maestro_migrate._plan import FileWrite
from maestro_migrate.proof import scan_security
from maestro_migrate.report import NotMeasured, Security

HARMLESS = b"import os\n\nPORT = os.getenv('PORT')\n"
RISKY = b"import subprocess\n\n\ndef run(line):\n    return subprocess.call(line, shell=True)\n"


def _scan(root, *writes: tuple[str, bytes | None, bytes | None]):
    return scan_security(root, [FileWrite(path, before, after) for path, before, after in writes])


def test_a_new_issue_is_named_with_its_line(tmp_path):
    """A kind of issue that was not there is in the report and is a finding at its line."""
    scan = _scan(tmp_path, ("app/tasks.py", HARMLESS, RISKY))
    assert isinstance(scan.security, Security)
    assert scan.security.before == 0
    assert any(text.startswith("B602 app/tasks.py:5") for text in scan.security.added)
    assert {(each.path, each.line, each.level) for each in scan.findings} >= {("app/tasks.py", 5, "warning")}


def test_an_issue_that_moves_is_not_new(tmp_path):
    """The same kind in another file, or with another text, is no more than there was."""
    bind = b'import os\n\nHOST = os.getenv("HOST", "0.0.0.0")\n'
    moved = b'class Settings:\n    host: str = "0.0.0.0"\n'
    used = b"from app.settings import Settings\n\nHOST = Settings.host\n"
    scan = _scan(tmp_path, ("app/config.py", bind, used), ("app/settings.py", None, moved))
    assert isinstance(scan.security, Security)
    assert (scan.security.before, scan.security.after, scan.security.added, scan.findings) == (1, 1, (), ())


def test_what_the_service_skips_is_skipped(tmp_path):
    """`pyproject.toml` and `.bandit` choose tests as in the service's own runs, and can do nothing else."""
    (tmp_path / "pyproject.toml").write_text('[tool.bandit]\nskips = ["B602", "B404"]\n')
    target = tmp_path / "written-by-bandit"
    (tmp_path / ".bandit").write_text(f"[bandit]\nskips: B607\noutput: {target}\nformat: txt\n")
    scan = _scan(tmp_path, ("app/tasks.py", HARMLESS, RISKY))
    assert isinstance(scan.security, Security)
    assert scan.security.added == ()
    assert not target.exists()


def test_a_scanner_that_is_not_there_is_named(tmp_path, monkeypatch):
    """Without the extra nothing is measured, and the reason says how to get it."""
    monkeypatch.setitem(sys.modules, "bandit", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    scan = _scan(tmp_path, ("app/tasks.py", HARMLESS, RISKY))
    assert isinstance(scan.security, NotMeasured)
    assert "maestro-migrate[security]" in scan.security.reason


@pytest.mark.parametrize("path", ["tests/test_app.py", "README.md"])
def test_only_code_of_the_service_is_scanned(tmp_path, path):
    """Tests assert and documents are no Python: neither is measured."""
    scan = _scan(tmp_path, (path, b"", RISKY))
    assert isinstance(scan.security, NotMeasured)


def test_a_module_named_like_bandit_is_not_run(tmp_path):
    """The scan reads the service and runs none of it, whatever its modules are called."""
    trap = b"raise SystemExit('run')\n"
    scan = _scan(tmp_path, ("bandit.py", HARMLESS, trap), ("json.py", HARMLESS, trap))
    assert isinstance(scan.security, Security)
