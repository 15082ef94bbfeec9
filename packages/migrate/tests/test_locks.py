"""Lock files are made anew in a copy, by the tool that made them, and become part of the plan; otherwise the finding says why not."""

import hashlib
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from maestro_migrate._libraries import run, uv
from maestro_migrate._locks import refresh_locks
from maestro_migrate._plan import FileWrite
from maestro_migrate._spans import Finding
from maestro_migrate.cli import migrate

SERVICE = {
    "pyproject.toml": '[project]\nname = "svc"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["small"]\n',
    "svc/__init__.py": "import logging\n\nlog = logging.getLogger(__name__)\n",
}


def wheel(folder: Path, name: str) -> None:
    """Put a wheel without any code into an index."""
    home = folder / name
    home.mkdir(parents=True)
    stem = f"{name.replace('-', '_')}-0.1.0"
    with zipfile.ZipFile(home / f"{stem}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve an index with the library and one other distribution, and have uv ask nobody else."""
    for name in ("maestro-core-logging", "small"):
        wheel(tmp_path / "index", name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(tmp_path / "index")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name in [each for each in os.environ if each.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", address)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("MAESTRO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield address
    server.shutdown()
    server.server_close()
    thread.join()


def service(root: Path, files: dict[str, str]) -> Path:
    """Write a service."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def digest(root: Path) -> str:
    """Return a hash of every file's name and bytes."""
    rows = [f"{path.relative_to(root)} {path.read_bytes()!r}" for path in sorted(root.rglob("*")) if path.is_file()]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def test_uv_lock_is_refreshed_applied_and_taken_back(index: str, tmp_path: Path) -> None:
    """The lock file knows the library afterwards, the finding is gone, and a rollback brings every byte back."""
    root = service(tmp_path / "svc", SERVICE)
    run([uv(), "lock", "-q"], what="locking", advice="", cwd=root)
    original = digest(root)
    done = CliRunner().invoke(
        migrate, ["service", str(root), "--no-verify", "--lock", "--json", "--report", str(tmp_path / "report")]
    )
    assert done.exit_code == 0, done.output
    assert "maestro-core-logging" in (root / "uv.lock").read_text()
    assert not [row for row in json.loads(done.stdout)["findings"] if "stale-lock" in row["reason"]]
    assert not (root / ".venv").exists()
    assert CliRunner().invoke(migrate, ["rollback", str(root)]).exit_code == 0
    assert digest(root) == original


def test_a_compiled_list_is_compiled_anew(index: str, tmp_path: Path) -> None:
    """`uv pip compile` is run where the files that its header names are found."""
    files = {"requirements/base.in": "small\n", "app.py": SERVICE["svc/__init__.py"]}
    root = service(tmp_path / "svc", files)
    command = [uv(), "pip", "compile", "-q", "requirements/base.in", "-o", "requirements/base.txt"]
    run(command, what="compiling", advice="", cwd=root)
    done = CliRunner().invoke(migrate, ["service", str(root), "--dry-run", "--lock"])
    assert done.exit_code == 0, done.output
    assert "+maestro-core-logging==0.1.0" in done.stdout
    assert "stale-compiled" not in done.stderr


def test_without_the_flag_the_finding_names_the_command(index: str, tmp_path: Path) -> None:
    """Nothing is run that was not asked for."""
    root = service(tmp_path / "svc", {**SERVICE, "uv.lock": "version = 1\n"})
    done = CliRunner().invoke(migrate, ["service", str(root), "--dry-run"])
    assert "run `uv lock`" in done.stderr
    assert "uv.lock" not in done.stdout


def stale(action: str) -> Finding:
    """Make the finding of a stale lock file."""
    return Finding("a.lock", 1, "dependencies/x", "stale-lock: pyproject.toml changed", action, "warning")


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("run `pdm lock --update-reuse`", "pdm is not installed here"),
        ("run `rm -rf important`", "not known"),
        ("run it by hand", "not known"),
        ("run `uv lock --no-such-option`", "failed"),
    ],
)
def test_what_cannot_be_run_stays_a_finding(
    action: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that is missing, unknown or fails is said to be, and the lock file stays as it is."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    root = service(tmp_path / "svc", {"a.lock": "old\n"})
    writes = [FileWrite("b.py", None, b"x\n")]
    made, [finding] = refresh_locks(root, writes, [stale(action)])
    assert made == writes
    assert why in finding.reason
    assert finding.reason.startswith("stale-lock: pyproject.toml changed; ")
