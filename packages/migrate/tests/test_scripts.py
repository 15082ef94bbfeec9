"""The roadmap's entry points do what `maestro migrate` does, with the roadmap's flags."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"


def run(script: str, *arguments: object, state: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as the roadmap writes it."""
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "MAESTRO_STATE": str(state)}
    )


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """Write a service of one file."""
    root = tmp_path / "mail"
    root.mkdir()
    (root / "app.py").write_text('import logging\n\nlog = logging.getLogger("a")\n')
    return root


@pytest.mark.parametrize(("backup", "code"), [("true", 0), ("false", 2)])
def test_a_service_is_migrated_with_or_without_a_backup(service: Path, tmp_path: Path, backup: str, code: int) -> None:
    """`--backup=true|false` is kept, the other options go on to the command, and a rollback finds what was kept."""
    state = tmp_path / "state"
    shown = run("migrate-service.py", f"--service={service}", f"--backup={backup}", "--dry-run", state=state)
    assert shown.returncode == 0, shown.stderr
    assert "+from maestro_core_logging import get_logger" in shown.stdout
    before = (service / "app.py").read_bytes()
    done = run("migrate-service.py", f"--service={service}", f"--backup={backup}", "--no-verify", state=state)
    assert done.returncode == 0, done.stderr
    assert (service / "app.py").read_bytes() != before
    maestro = Path(sys.executable).parent / "maestro"
    back = subprocess.run(
        [maestro, "migrate", "rollback", service],
        capture_output=True,
        check=False,
        env={**os.environ, "MAESTRO_STATE": str(state)},
    )
    assert bool(back.returncode) is bool(code)
    assert ((service / "app.py").read_bytes() == before) is (code == 0)


def test_a_service_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """The command's own message and exit code come through."""
    done = run("migrate-service.py", "--service=no-such-service", state=tmp_path / "state")
    assert done.returncode == 2
    assert done.stderr.startswith("maestro: ")


def test_a_configuration_module_becomes_a_typed_one(tmp_path: Path) -> None:
    """`--source` and `--target` are the roadmap's."""
    (tmp_path / "old.py").write_text('import os\n\nPORT = int(os.getenv("PORT", "1"))\n')
    arguments = (f"--source={tmp_path / 'old.py'}", f"--target={tmp_path / 'new.py'}")
    done = run("migrate-config.py", *arguments, state=tmp_path / "state")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "new.py").read_text()
    assert "BaseConfig" in text
    assert "PORT = settings.port" in text
