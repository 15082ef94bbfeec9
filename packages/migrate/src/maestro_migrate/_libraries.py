"""Where the `maestro-*` distributions come from: a folder of wheels, an index, or the workspace that this engine runs from."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from ._cache import digest
from .errors import MigrateError, UnusableInput

__all__ = ["CommandFailed", "library_arguments", "library_pins", "run", "tells_of_no_index", "uv"]

_INDEX_SCHEMES = ("https:", "http:", "file:")
_UNREACHED = re.compile(r"Failed to fetch|error sending request|Request failed after")


class CommandFailed(MigrateError):
    """A command that the engine runs for the service ended badly; the message holds its last lines."""

    def __init__(self, what: str, output: str, *, advice: str) -> None:
        lines = [line for line in output.strip().splitlines() if line.strip()]
        super().__init__(f"{what} failed: {' / '.join(lines[-6:])[:1500]}; {advice}")
        self.output = output


def tells_of_no_index(output: str) -> bool:
    """Return whether uv could not reach an index, which says nothing about what that index has."""
    return _UNREACHED.search(output) is not None


@cache
def uv() -> str:
    """Return the path of the uv that is installed with the engine, or of the one on PATH."""
    from uv import find_uv_bin

    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        return "uv"


def run(
    command: list[str],
    *,
    what: str,
    advice: str,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    timeout_s: float = 900,
) -> str:
    """
    Run a command to its end and return what it printed.

    Raises:
        CommandFailed: it could not be started, ended with another code than 0, or took longer than `timeout_s` seconds.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(what, str(error), advice=advice) from error
    if done.returncode != 0:
        raise CommandFailed(
            what, (done.stdout + done.stderr).strip() or f"exit code {done.returncode}, no output", advice=advice
        )
    return done.stdout


def library_arguments(libs: str | None) -> list[str]:
    """
    Return uv's arguments for where the shared libraries are found.

    Raises:
        UnusableInput: the folder holds no wheel of a `maestro-*` distribution.
    """
    if libs is not None and libs.startswith(_INDEX_SCHEMES):
        return ["--index", libs]
    if libs is not None:
        folder = Path(libs)
        if not any(folder.glob("maestro_*.whl")):
            raise UnusableInput(
                folder,
                "holds no wheel of a maestro distribution",
                advice="give a folder of wheels or the address of an index to --libs",
            )
        return ["--find-links", str(folder.resolve())]
    workspace = Path(__file__).resolve().parents[4]
    if (workspace / "packages" / "core-logging" / "pyproject.toml").is_file():
        return ["--find-links", str(_workspace_wheels(workspace))]
    return []


def library_pins(where: list[str]) -> dict[str, str]:
    """
    Return `name==version` of the newest wheel of each distribution in the folder of wheels, by name; nothing for an index.

    uv takes the highest version that any of its sources has, so that without them a stranger's distribution of the same
    name on a public index would win over the folder's.
    """
    if where[:1] != ["--find-links"]:
        return {}
    newest: dict[str, Version] = {}
    for wheel in Path(where[1]).glob("maestro_*.whl"):
        with suppress(InvalidWheelFilename):
            name, version, _, _ = parse_wheel_filename(wheel.name)
            newest[name] = max(version, newest.get(name, version))
    return {name: f"{name}=={version}" for name, version in newest.items()}


def _workspace_wheels(workspace: Path) -> Path:
    """Return a folder with wheels of the workspace's libraries, built once for each state of their code."""
    sources = sorted(
        path
        for path in (workspace / "packages").rglob("*")
        if path.is_file() and path.suffix in {".py", ".toml", ".json", ".typed", ".md"} and "tests" not in path.parts
    )
    key = digest(*(path.read_bytes() for path in sources))
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "maestro" / "wheels" / key
    if not any(folder.glob("maestro_core_api-*.whl")):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("core-logging", "core-config", "monitoring", "core-api", "testing-utilities"):
            run(
                [uv(), "build", "-q", "--wheel", "--python", sys.executable, "--out-dir", str(folder), str(workspace / "packages" / name)],
                what=f"building the wheel of {name}", advice="run it by hand to see why, or give --libs",
                cwd=workspace,  # where the service stands, uv would take the build tools from the service's own indexes
            )  # fmt: skip
    return folder
