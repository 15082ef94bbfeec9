"""A library that cannot be had beside the service's pins makes its recipes findings that name the pin, whether or not anything is verified."""

import json
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from maestro_migrate._libraries import run, uv
from maestro_migrate.cli import migrate

CODE = 'import logging\nimport os\n\nlog = logging.getLogger(__name__)\nPORT = os.getenv("PORT")\n'
MANIFESTS = {
    "requirements.txt": "small<2\n",
    "Pipfile": '[packages]\nsmall = "<2"\n',
    "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.11"\nsmall = "^1"\n',
    "setup.cfg": "[options]\ninstall_requires =\n    small<2\n",
}


def wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    """Put a wheel without any code into a folder."""
    stem = f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        required = "".join(f"Requires-Dist: {need}\n" for need in needs)
        archive.writestr(
            f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}"
        )
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")


@pytest.fixture
def libs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with two versions of one distribution, and a config library that needs the newer."""
    folder = tmp_path / "libs"
    folder.mkdir()
    wheel(folder, "small", "1.0")
    wheel(folder, "small", "2.0")
    wheel(folder, "maestro-core-config", "0.1.0", "small>=2")
    wheel(folder, "maestro-core-logging", "0.1.0")
    wheel(folder, "maestro-core-api", "0.1.0")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("MAESTRO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.mark.parametrize("manifest", sorted(MANIFESTS))
def test_a_pin_in_the_way_is_a_finding_without_an_environment(manifest: str, libs: Path, tmp_path: Path) -> None:
    """The config recipes are left out and name the pin; logging goes on; a dry run says the same as a run."""
    root = tmp_path / "svc"
    root.mkdir()
    (root / manifest).write_text(MANIFESTS[manifest])
    (root / "app.py").write_text(CODE)
    arguments = ["service", str(root), "--libs", str(libs), "--json", "--report", str(tmp_path / "report")]
    seen = []
    for option in ("--dry-run", "--no-verify"):
        done = CliRunner().invoke(migrate, [*arguments, option])
        assert done.exit_code == 0, done.output
        report = json.loads(done.stdout)
        seen.append([row["reason"] for row in report["findings"] if row["reason"].startswith("unresolvable: ")])
        assert {edit["recipe"].partition("/")[0] for edit in report["edits"]} == {"logging", "dependencies"}
    assert seen[0] == seen[1]
    assert seen[0]
    assert all("maestro-core-config" in reason and "small" in reason for reason in seen[0])
    assert "get_logger" in (root / "app.py").read_text()


def test_a_pin_is_in_no_ones_way_where_the_library_has_nothing_to_do(libs: Path, tmp_path: Path) -> None:
    """A service that reads no environment variable needs no config library, so nobody is told to raise a pin for it."""
    root = tmp_path / "svc"
    root.mkdir()
    (root / "requirements.txt").write_text(MANIFESTS["requirements.txt"])
    (root / "app.py").write_text(CODE.replace('PORT = os.getenv("PORT")', "PORT = os.sep"))
    arguments = ["service", str(root), "--libs", str(libs), "--json", "--report", str(tmp_path / "report"), "--dry-run"]
    report = json.loads(CliRunner().invoke(migrate, arguments).stdout)
    assert not [row for row in report["findings"] if row["reason"].startswith("unresolvable: ")]
    assert report["edits"]


def test_manifests_that_cannot_be_resolved_by_themselves_blame_nobody(libs: Path, tmp_path: Path) -> None:
    """A private package that uv does not find here says nothing about the libraries, so the plan goes on."""
    root = tmp_path / "svc"
    root.mkdir()
    (root / "requirements.txt").write_text("small<2\na-package-of-the-house\n")
    (root / "app.py").write_text(CODE)
    done = CliRunner().invoke(migrate, ["service", str(root), "--libs", str(libs), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "unresolvable" not in done.stderr
    assert "from settings import settings" in done.stdout


def test_an_environment_that_is_given_is_asked_and_only_read(libs: Path, tmp_path: Path) -> None:
    """What it holds counts in a dry run, too, where the manifests would allow the library; and it gains no file."""
    venv = tmp_path / "venv"
    run([uv(), "venv", "-q", "--python", sys.executable, str(venv)], what="venv", advice="")
    install = [uv(), "pip", "install", "-q", "--python", str(venv / "bin/python"), "--find-links", str(libs), "small<2"]
    run(install, what="installing", advice="")
    held = sorted(str(path) for path in venv.rglob("*") if "__pycache__" not in path.parts)
    root = tmp_path / "svc"
    root.mkdir()
    (root / "requirements.txt").write_text("small\n")
    (root / "app.py").write_text(CODE)
    done = CliRunner().invoke(migrate, ["service", str(root), "--libs", str(libs), "--venv", str(venv), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "maestro-core-config cannot be resolved beside what is installed" in done.stderr
    assert "small==1.0" in done.stderr
    assert "+from maestro_core_logging import get_logger" in done.stdout
    assert sorted(str(path) for path in venv.rglob("*") if "__pycache__" not in path.parts) == held
    broken = CliRunner().invoke(migrate, ["service", str(root), "--venv", str(tmp_path), "--dry-run"])
    assert broken.exit_code == 2
    assert "is no virtual environment" in broken.stderr
