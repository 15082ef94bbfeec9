"""
Lock files made anew, in a copy of the service with the plan's writes, by the very command that the finding names.

The results join the plan, so they are applied and taken back with it. A tool that is missing or fails leaves the finding as it was, with why.
"""

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ._files import walk_files
from ._libraries import CommandFailed, run, uv
from ._plan import FileWrite
from ._spans import Change, Finding

__all__ = ["refresh_locks"]

_STALE = ("stale-lock:", "stale-compiled:", "hashed-file:")
_TOOLS = frozenset({"pdm", "pip-compile", "pipenv", "poetry", "uv"})
_ASKED = re.compile(r"`([^`]+)`")


def refresh_locks(
    root: Path, writes: Sequence[FileWrite], findings: Sequence[Finding], *, index: str | None = None
) -> tuple[list[FileWrite], list[Finding]]:
    """
    Return the writes with refreshed lock files among them, and the findings without those that are settled by it.

    `index` is the address of the index that has the shared libraries, where the service's own configuration does not name one. Only the known tools are
    run, without a shell, and only for files that a migration made stale.
    """
    stale = [finding for finding in findings if finding.reason.startswith(_STALE)]
    if not stale:
        return list(writes), list(findings)
    with tempfile.TemporaryDirectory(prefix="maestro-lock-") as folder:
        copy = Path(folder) / "service"
        _copied(root, copy, writes)
        kept = [finding for finding in findings if finding not in stale]
        for finding in sorted(stale):
            problem = _refreshed(copy, finding, index, Path(folder) / "state")
            if problem:
                kept.append(replace(finding, reason=f"{finding.reason}; {problem}"))
        made = _results(root, copy, writes, stale)
    return made, sorted(kept)


def _copied(root: Path, copy: Path, writes: Sequence[FileWrite]) -> None:
    for path in walk_files(root):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, copy / path)
    for write in writes:
        (copy / write.path).parent.mkdir(parents=True, exist_ok=True)
        if write.after is None:
            (copy / write.path).unlink(missing_ok=True)
        else:
            (copy / write.path).write_bytes(write.after)


def _refreshed(copy: Path, finding: Finding, index: str | None, state: Path) -> str:
    """Run the command that a finding names; return what was in the way, or an empty string."""
    asked = _ASKED.search(finding.action)
    words = shlex.split(asked[1]) if asked else []
    if not words or words[0] not in _TOOLS:
        return "the command that makes it is not known"
    program = uv() if words[0] == "uv" else shutil.which(words[0])
    if program is None or shutil.which(program) is None:
        return f"{words[0]} is not installed here"
    command = [program, *words[1:]]
    folder = _folder(copy, finding.path, words)
    what = f"`{shlex.join(words)}`"
    try:
        run(command, what=what, advice="run it by hand to see why", cwd=folder, env=_environment(state, index))
    except CommandFailed as error:
        return str(error)
    return ""


def _folder(copy: Path, path: str, words: Sequence[str]) -> Path:
    """Return the folder to run a command in: the outermost one in which the files that it names are found, else that of the lock file."""
    named = [word for word in words if word.endswith((".in", ".toml"))]
    around = [folder for folder in reversed((copy / path).parents) if folder.is_relative_to(copy)]
    fitting = [folder for folder in around if named and all((folder / name).is_file() for name in named)]
    return fitting[0] if fitting else (copy / path).parent


def _environment(state: Path, index: str | None) -> dict[str, str]:
    """
    Return the environment of a tool: ours, with no environment of the caller's active and its own made beside the copy.

    It also names the index of the shared libraries, by the variables that uv and pip-compile read.
    """
    ours = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return {
        **ours,
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "WORKON_HOME": str(state),
        "POETRY_VIRTUALENVS_PATH": str(state),
        "UV_PROJECT_ENVIRONMENT": str(state / "uv"),
        **({"UV_INDEX": index, "PIP_EXTRA_INDEX_URL": index} if index else {}),
    }


def _results(root: Path, copy: Path, writes: Sequence[FileWrite], stale: Sequence[Finding]) -> list[FileWrite]:
    by_path = {write.path: write for write in writes}
    for finding in stale:
        path = finding.path
        after = (copy / path).read_bytes() if (copy / path).is_file() else None
        known = by_path.get(path)
        before = known.before if known else (root / path).read_bytes()
        if after is None or after == (known.after if known else before):
            continue
        reason = "is made anew from the manifests"
        changes = (*(known.changes if known else ()), Change((), 1, finding.recipe, reason, sites=0))
        by_path[path] = FileWrite(path, before, after, changes, "dependencies")
    return sorted(by_path.values(), key=lambda write: write.path)
