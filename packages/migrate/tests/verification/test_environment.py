"""The environment of a service's tests is a working copy; the one that was given is never touched."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from maestro_migrate._environment import Environment, build_environment, copy_environment
from maestro_migrate._libraries import CommandFailed, library_arguments, uv
from maestro_migrate._withheld import unresolvable
from maestro_migrate.errors import UnusableInput


def _wheel(folder: Path, name: str, version: str, *, requires: tuple[str, ...] = (), scripts: str = "") -> Path:
    """Write a wheel with one module that knows its version; no build tool and no network."""
    folder.mkdir(parents=True, exist_ok=True)
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {each}\n" for each in requires
    )
    files = {
        f"{module}.py": f"VERSION = {version!r}\ndef main():\n    print(VERSION)\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if scripts:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts} = {module}:main\n"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for target, text in files.items():
            archive.writestr(target, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{target},,\n" for target in files) + f"{info}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: an old dependency and libraries that do and do not fit beside it."""
    folder = tmp_path_factory.mktemp("wheels")
    _wheel(folder, "olddep", "1.5")
    _wheel(folder, "olddep", "2.0")
    _wheel(folder, "maestro-fits", "0.1", requires=("olddep>=1",))
    _wheel(folder, "maestro-newer", "0.1", requires=("olddep>=2",))
    return folder


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> tuple[Path, Path]:
    """A service's folder and its environment: olddep 1.5 with a console script, and the service on its path."""
    service = tmp_path_factory.mktemp("service")
    (service / "billing.py").write_text("WHERE = __file__\n")
    venv = tmp_path_factory.mktemp("given") / "venv"
    _uv("venv", "-q", "--python", sys.executable, str(venv))
    own = _wheel(service.parent / "own", "olddep", "1.5", scripts="olddep-version").parent
    python = str(venv / "bin" / "python")
    _uv("pip", "install", "-q", "--offline", "--no-index", "--find-links", str(own), "--python", python, "olddep")
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "billing.pth").write_text(f"{service}\n")
    return service, venv


def _uv(*arguments: str) -> None:
    subprocess.run([uv(), *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _state(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): (
            os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and "__pycache__" not in path.parts
    }


def _where(wheels: Path) -> list[str]:
    return [*library_arguments(str(wheels)), "--offline", "--no-index"]


@pytest.fixture
def copied(given: tuple[Path, Path], tmp_path: Path) -> Environment:
    """A copy of the given environment, for a copy of the service in `tmp_path/tree`."""
    service, venv = given
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "billing.py").write_bytes((service / "billing.py").read_bytes())
    return copy_environment(venv, tmp_path / "env", old_root=service, new_root=tmp_path / "tree")


def _printed(environment: Environment, *command: str) -> str:
    done = subprocess.run(command, env=environment.variables({}), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_given_environment_is_never_changed(given: tuple[Path, Path], copied: Environment, wheels: Path) -> None:
    """Copying and installing leave every byte and link of the original as it was."""
    before = _state(given[1])
    copied.add(["maestro-fits"], _where(wheels))
    assert _printed(copied, str(copied.python), "-c", "import maestro_fits; print(maestro_fits.VERSION)") == "0.1"
    assert _state(given[1]) == before


def test_a_strangers_distribution_of_the_same_name_is_not_taken(
    copied: Environment, wheels: Path, tmp_path: Path
) -> None:
    """The folder's own version is installed, however high a version some index has under a library's name."""
    _wheel(tmp_path / "strangers", "maestro-fits", "9.9")
    copied.add(["maestro-fits"], [*_where(wheels), "--find-links", str(tmp_path / "strangers")])
    assert _printed(copied, str(copied.python), "-c", "import maestro_fits; print(maestro_fits.VERSION)") == "0.1"


def test_console_scripts_run_in_the_copy(given: tuple[Path, Path], copied: Environment) -> None:
    """A script's first line names the copy's interpreter, else libraries added to the copy would be missing from it."""
    script = copied.folder / "bin" / "olddep-version"
    assert str(given[1]) not in script.read_text()
    assert _printed(copied, str(script)) == "1.5"


def test_the_copy_imports_the_copied_service(copied: Environment, tmp_path: Path) -> None:
    """What pointed at the service's folder points at its copy, else the tests would run against the old code."""
    shown = _printed(copied, str(copied.python), "-c", "import billing; print(billing.WHERE)")
    assert Path(shown) == tmp_path / "tree" / "billing.py"


def test_a_library_that_fits_is_no_conflict(copied: Environment, wheels: Path) -> None:
    """A dry run finds out, and installs nothing."""
    assert copied.conflict("maestro-fits", _where(wheels)) is None
    assert not list(copied.folder.glob("lib/python*/site-packages/maestro_fits*"))


def test_an_index_of_the_services_own_that_is_out_of_reach_is_no_conflict(
    copied: Environment, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv reads the indexes of the project that the engine is started in; a library that is had elsewhere needs none of them."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", str(tmp_path))  # which is empty
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    Path("pyproject.toml").write_text('[[tool.uv.index]]\nname = "own"\nurl = "http://127.0.0.1:1/simple"\n')
    assert copied.conflict("maestro-fits", library_arguments(str(wheels))) is None


def test_what_no_index_says_is_told_as_such(
    copied: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be reached at all, no pin is to blame."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    reason = copied.conflict("maestro-fits", ["--default-index", "http://127.0.0.1:1/simple"])
    assert reason is not None
    assert unresolvable("a/b", reason).action.startswith("make that index reachable")
    assert unresolvable("a/b", "old==1 is installed").action.startswith("raise the pin")


def test_a_conflict_names_the_pin(copied: Environment, wheels: Path) -> None:
    """A library that would raise an installed version is refused by the name of that version."""
    reason = copied.conflict("maestro-newer", _where(wheels))
    assert reason is not None
    assert reason.startswith("olddep")
    assert "1.5" in reason


def test_installing_never_changes_what_is_installed(copied: Environment, wheels: Path) -> None:
    """Where a library cannot be had beside the installed versions, the installed versions win."""
    with pytest.raises(CommandFailed):
        copied.add(["maestro-newer"], _where(wheels))
    assert _printed(copied, str(copied.python), "-c", "import olddep; print(olddep.VERSION)") == "1.5"


def test_what_was_installed_from_a_file_is_held_too(copied: Environment, wheels: Path) -> None:
    """A distribution from a path or an editable folder has a version that must not change either."""
    own = wheels / "olddep-1.5-py3-none-any.whl"
    _uv("pip", "install", "-q", "--offline", "--no-index", "--reinstall", "--python", str(copied.python), str(own))
    assert copied.conflict("maestro-newer", _where(wheels)) is not None


def test_an_older_python_is_a_conflict_not_a_crash(given: tuple[Path, Path]) -> None:
    """The libraries need 3.11; an environment with less is told so before anything is tried."""
    reason = Environment(given[1], (3, 9)).conflict("maestro-fits", [])
    assert reason is not None
    assert "3.9" in reason


def _without_python(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)


def _dangling(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/no/such/python")


def _another_machine(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
    (venv / "bin" / "python").chmod(0o755)


def _failing(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    (venv / "bin" / "python").chmod(0o755)


@pytest.mark.parametrize("breakage", [_without_python, _dangling, _another_machine, _failing])
def test_a_broken_environment_is_unusable_input(breakage, tmp_path: Path) -> None:
    """Whatever is wrong with its interpreter, the message names the environment and nothing is left behind."""
    breakage(tmp_path / "venv")
    with pytest.raises(UnusableInput, match="venv"):
        copy_environment(tmp_path / "venv", tmp_path / "env", old_root=tmp_path, new_root=tmp_path)
    assert not (tmp_path / "env").exists()


def test_a_folder_without_wheels_is_unusable_input(tmp_path: Path) -> None:
    """`--libs` that holds nothing of ours is told at once, not by a resolver."""
    with pytest.raises(UnusableInput, match="holds no wheel"):
        library_arguments(str(tmp_path))


def test_a_manifest_that_cannot_be_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the resolver's words and says to give `--venv`."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "requirements.txt").write_text("no-such-distribution-of-ours==1\n")
    with pytest.raises(CommandFailed, match="--venv"):
        build_environment(tmp_path / "tree", tmp_path / "env")
