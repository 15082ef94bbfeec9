"""Which Python files belong to a service: what git knows, or what a walk finds that is not an environment, a cache or a copy."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .errors import UnusableInput

__all__ = ["python_files", "require_folder", "walk_files"]

_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".eggs", "site-packages", ".venv", ".maestro"})


def require_folder(path: Path) -> Path:
    """
    Return the resolved folder.

    Raises:
        UnusableInput: it does not exist, is a file, or cannot be listed.
    """
    if not path.exists():
        raise UnusableInput(path, "does not exist", advice="give the folder of a service")
    if not path.is_dir():
        raise UnusableInput(path, "is a file", advice="give the folder that holds the service")
    try:
        next(os.scandir(path), None)
    except OSError as error:
        raise UnusableInput(path, f"cannot be read ({error.strerror})", advice="check its permissions") from error
    return path.resolve()


def python_files(root: Path) -> list[str]:
    """Return the Python files below `root`, as sorted relative paths with forward slashes; links are left out."""
    listed = _git_files(root)
    paths = listed if listed is not None else walk_files(root)
    found = []
    for path in paths:
        if path.endswith(".py"):
            full = root / path
            if not full.is_symlink() and full.is_file():
                found.append(path)
    return sorted(set(found))


def walk_files(root: Path) -> Iterator[str]:
    """Yield every regular file below `root` that is not in an environment, a cache or version control; folders are never followed through links."""
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        if folder and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED and not entry.name.endswith(".egg-info"):
                    stack.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path


def _git_files(root: Path) -> list[str] | None:
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout  # noqa: S603  # git on PATH, arguments of ours
    except (OSError, subprocess.SubprocessError):
        return None
    paths = [os.fsdecode(part) for part in listed.split(b"\0") if part]
    environments = {path.rpartition("/")[0] for path in paths if path.endswith("pyvenv.cfg")}
    kept = [path for path in paths if not (_SKIPPED & set(path.split("/")[:-1])) and not any(path.startswith(f"{env}/") for env in environments)]
    return kept or None
