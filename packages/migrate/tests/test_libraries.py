"""Commands that the engine runs for a service, and where the shared libraries come from."""

import sys
from pathlib import Path

import pytest

from maestro_migrate._libraries import CommandFailed, library_arguments, run
from maestro_migrate.errors import UnusableInput


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit('no such pin')", "building failed: no such pin; mend it"),
        ("import sys; sys.exit(3)", "building failed: exit code 3, no output; mend it"),
        ("import time; time.sleep(60)", "timed out"),
    ],
)
def test_a_command_that_fails_says_what_and_what_to_do(code: str, message: str) -> None:
    """Its last words, or its exit code where it had none; one that hangs is ended."""
    with pytest.raises(CommandFailed, match=message):
        run([sys.executable, "-c", code], what="building", advice="mend it", timeout_s=20 if "exit" in code else 0.2)


def test_a_command_that_does_not_exist_is_a_failure_like_any_other() -> None:
    """No traceback reaches the user."""
    with pytest.raises(CommandFailed, match="No such file"):
        run(["/no/such/tool"], what="building", advice="install it")


def test_libraries_come_from_a_folder_or_an_index(tmp_path: Path) -> None:
    """A folder without their wheels is refused before anything is tried."""
    assert library_arguments("https://index.invalid/simple") == ["--index", "https://index.invalid/simple"]
    with pytest.raises(UnusableInput, match="holds no wheel"):
        library_arguments(str(tmp_path))
    (tmp_path / "maestro_core_logging-0.1.0-py3-none-any.whl").write_bytes(b"")
    assert library_arguments(str(tmp_path)) == ["--find-links", str(tmp_path)]


def test_wheels_are_built_as_the_workspace_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the service's folder uv would take the build tools from the service's own indexes."""
    seen: list[Path] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("maestro_migrate._libraries.run", lambda *_, cwd, **__: seen.append(cwd))
    assert library_arguments(None)[0] == "--find-links"
    assert seen
    assert {(folder / "packages" / "core-logging").is_dir() for folder in seen} == {True}
