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
        migrate,
        [
            "service",
            str(root),
            "--no-verify",
            "--lock",
            "--libs",
            index,
            "--json",
            "--report",
            str(tmp_path / "report"),
        ],
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
    done = CliRunner().invoke(migrate, ["service", str(root), "--dry-run", "--lock", "--libs", index])
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
        ("run `pipenv upgrade --lock-only maestro-core-logging`", "pipenv is not installed here"),
        ("make it anew with the tool that made it", "not known"),
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


TOOL = """#!/bin/sh
[ "$1 $2" = "lock --no-update" ] && { echo 'The option "--no-update" does not exist'; exit 1; }
echo "$@" > asked; cat pdm.toml >> asked 2>/dev/null; env >> asked
[ -n "$FAILS" ] && { echo half > $LOCK; echo "no solution" >&2; exit 1; }
{ printf '# header\\n%s\\n\\n' "$EMITTED"; echo "locked"; } > $LOCK
cp asked $SEEN
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for every locking tool by one that writes down how it was asked; return where."""
    folder = tmp_path / "env" / "bin"
    folder.mkdir(parents=True)
    for name in ("pdm", "pip-compile", "pipenv", "poetry"):
        (folder / name).write_text(TOOL)
        (folder / name).chmod(0o755)
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOCK", "a.lock")
    monkeypatch.setenv("EMITTED", "")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    return tmp_path / "seen"


def test_every_tool_is_told_of_a_folder_of_wheels(tool: Path, tmp_path: Path) -> None:
    """uv, pip-compile and pipenv by their variables, pdm by its configuration in the copy; tools of the given environment go first."""
    libs = tmp_path / "libs"
    libs.mkdir()
    (libs / "maestro_core_logging-0.1.0-py3-none-any.whl").touch()
    root = service(tmp_path / "svc", {"a.lock": "old\n"})
    made, kept = refresh_locks(
        root, [], [stale("run `pdm lock --update-reuse`")], libs=str(libs), venv=tmp_path / "env"
    )
    seen = tool.read_text()
    assert [write.after for write in made] == [b"# header\n\n\nlocked\n"]
    assert not kept
    assert f"url = '{libs}'\ntype = 'find_links'" in seen
    assert f"\nPIP_FIND_LINKS={libs}\n" in seen
    assert f"\nUV_FIND_LINKS={libs}\n" in seen
    assert not (root / "pdm.toml").exists()


def test_a_lock_that_is_bound_to_the_folder_says_so(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other machines do not have the folder, so its name in a lock file is a finding."""
    libs = tmp_path / "libs"
    libs.mkdir()
    (libs / "maestro_core_logging-0.1.0-py3-none-any.whl").touch()
    monkeypatch.setenv("EMITTED", f"registry = {libs}")
    root = service(tmp_path / "svc", {"a.lock": "old\n"})
    _, [finding] = refresh_locks(root, [], [stale("run `pdm lock`")], libs=str(libs), venv=tmp_path / "env")
    assert finding.reason.startswith("local-folder: ")


def test_what_a_failed_tool_wrote_is_not_taken(tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock file keeps its bytes, and the finding says that poetry asks its own sources only."""
    monkeypatch.setenv("FAILS", "1")
    root = service(tmp_path / "svc", {"a.lock": "old\n"})
    made, [finding] = refresh_locks(
        root, [], [stale("run `poetry lock`")], libs="https://house.example/simple", venv=tmp_path / "env"
    )
    assert made == []
    assert "no solution" in finding.reason
    assert "poetry source add" in finding.reason


def test_poetry_2_is_asked_without_the_option_of_poetry_1(tool: Path, tmp_path: Path) -> None:
    """A lock file that Poetry 1 wrote names `--no-update`, which Poetry 2 does by itself and does not know."""
    root = service(tmp_path / "svc", {"a.lock": "old\n"})
    made, kept = refresh_locks(
        root, [], [stale("run `poetry lock --no-update`")], libs="https://house.example/simple", venv=tmp_path / "env"
    )
    assert made
    assert not kept
    assert tool.read_text().startswith("lock\n")


def test_addresses_of_this_machine_do_not_get_into_a_compiled_list(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip-compile copies the indexes that it asked into its output, passwords and all; only one that stood there stays."""
    emitted = f"--{'extra-index-url'} https://me:pass@house.example/simple"
    monkeypatch.setenv("EMITTED", emitted)
    finding = Finding("a.lock", 1, "dependencies/x", "stale-compiled: new lines", "run `pip-compile a.in`", "warning")
    for before, after in (
        ("# header\nold\n", b"# header\nlocked\n"),
        (f"{emitted}\n", f"# header\n{emitted}\n\nlocked\n".encode()),
    ):
        root = service(tmp_path / "svc", {"a.lock": before})
        made, kept = refresh_locks(root, [], [finding], libs="https://house.example/simple", venv=tmp_path / "env")
        assert [write.after for write in made] == [after]
        assert not kept


def test_a_compiled_list_that_its_command_leaves_is_still_stale(
    tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that writes to another place has settled nothing."""
    monkeypatch.setenv("LOCK", "other.lock")
    finding = Finding("a.lock", 1, "dependencies/x", "stale-compiled: new lines", "run `pip-compile a.in`", "warning")
    root = service(tmp_path / "svc", {"a.lock": "old\n"})
    made, [left] = refresh_locks(root, [], [finding], libs="https://house.example/simple", venv=tmp_path / "env")
    assert made == []
    assert "left it as it was" in left.reason
