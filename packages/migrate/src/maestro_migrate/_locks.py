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
from dataclasses import dataclass, replace
from pathlib import Path

from ._files import walk_files
from ._libraries import CommandFailed, library_arguments, run, uv
from ._plan import FileWrite
from ._spans import Change, Finding

__all__ = ["refresh_locks"]

_STALE = ("stale-lock:", "stale-compiled:", "hashed-file:")
_TOOLS = frozenset({"pdm", "pip-compile", "pipenv", "poetry", "uv"})
_ASKED = re.compile(r"`([^`]+)`")
_ADDRESS = re.compile(rb"--(?:extra-index-url|find-links|trusted-host) ")
_SOURCES_ONLY = {
    "pipenv": "pipenv asks the sources of the Pipfile only: name the index of the maestro distributions there as a [[source]], the `index` of their lines too, and run it by hand",
    "poetry": "poetry asks the sources of pyproject.toml only: `poetry source add --priority=supplemental maestro ADDRESS` names the index of the maestro distributions, then run it by hand",
}


@dataclass(frozen=True)
class _Desk:
    """Where locking is done: the copy of the service, the state that tools keep beside it, where the libraries come from, and where tools are looked for."""

    copy: Path
    state: Path
    index: str = ""
    folder: str = ""
    path: str = ""

    def environment(self) -> dict[str, str]:
        """
        Return the environment of a tool: ours, with no environment of the caller's active and its own made beside the copy.

        It also names where the shared libraries are, by the variables that uv, pip-compile and pipenv read.
        """
        ours = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
        more = {"UV_INDEX": self.index, "PIP_EXTRA_INDEX_URL": self.index, "PIP_FIND_LINKS": self.folder}
        return {
            **ours,
            "NO_COLOR": "1",
            "PDM_CHECK_UPDATE": "0",
            "PDM_USE_VENV": "0",
            "PIPENV_IGNORE_VIRTUALENVS": "1",
            "WORKON_HOME": str(self.state),
            "POETRY_VIRTUALENVS_PATH": str(self.state),
            "UV_PROJECT_ENVIRONMENT": str(self.state / "uv"),
            **{name: " ".join(filter(None, (ours.get(name), value))) for name, value in more.items() if value},
            **(
                {"UV_FIND_LINKS": ",".join(filter(None, (ours.get("UV_FIND_LINKS"), self.folder)))}
                if self.folder
                else {}
            ),
        }


def refresh_locks(
    root: Path,
    writes: Sequence[FileWrite],
    findings: Sequence[Finding],
    *,
    libs: str | None = None,
    venv: Path | None = None,
) -> tuple[list[FileWrite], list[Finding]]:
    """
    Return the writes with refreshed lock files among them, and the findings without those that are settled by it.

    `libs` is where the shared libraries come from, as `--libs` says it; a tool of `venv` goes before one of PATH. Only the known tools are run, without
    a shell, and only for files that a migration made stale.

    Raises:
        UnusableInput: `libs` is a folder without a wheel of the shared libraries.
    """
    stale = [finding for finding in findings if finding.reason.startswith(_STALE)]
    if not stale:
        return list(writes), list(findings)
    arguments = library_arguments(libs)
    where = dict(zip(arguments[::2], arguments[1::2], strict=True))
    with tempfile.TemporaryDirectory(prefix="maestro-lock-") as folder:
        desk = _Desk(
            Path(folder) / "service",
            Path(folder) / "state",
            index=where.get("--index", ""),
            folder=where.get("--find-links", ""),
            path=os.pathsep.join([*([str(venv / "bin")] if venv else []), os.environ.get("PATH", os.defpath)]),
        )
        _copied(root, desk.copy, writes)
        kept = [finding for finding in findings if finding not in stale]
        # A compiled list may be made from a lock file, so those come first.
        for finding in sorted(stale, key=lambda each: (not each.reason.startswith("stale-lock:"), each)):
            problem = _refreshed(desk, finding)
            if problem:
                kept.append(replace(finding, reason=f"{finding.reason}; {problem}"))
            kept += _bound_here(desk, finding)
        made = _results(root, desk.copy, writes, stale)
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


def _refreshed(desk: _Desk, finding: Finding) -> str:
    """Run the command that a finding names; return what was in the way, or an empty string. What a failed command wrote is taken back."""
    asked = _ASKED.search(finding.action)
    words = shlex.split(asked[1]) if asked else []
    if not words or words[0] not in _TOOLS:
        return "the command that makes it is not known"
    program = uv() if words[0] == "uv" else shutil.which(words[0], path=desk.path)
    if program is None or shutil.which(program) is None:
        return f"{words[0]} is not installed here"
    lock = desk.copy / finding.path
    before = lock.read_bytes()
    if words[0] == "pdm":
        _name_source(lock.parent / "pdm.toml", desk)
    try:
        _run(desk, program, words, _folder(desk.copy, finding.path, words))
    except CommandFailed as error:
        lock.write_bytes(before)
        return str(error)
    if lock.read_bytes() == before and not finding.reason.startswith("stale-lock:"):
        return f"`{shlex.join(words)}` left it as it was"
    lock.write_bytes(_without_new_addresses(before, lock.read_bytes()))
    return ""


def _run(desk: _Desk, program: str, words: Sequence[str], folder: Path) -> None:
    advice = "run it by hand to see why"
    if desk.index or desk.folder:
        advice = _SOURCES_ONLY.get(words[0], advice)
    what = f"`{shlex.join(words)}`"
    try:
        run([program, *words[1:]], what=what, advice=advice, cwd=folder, env=desk.environment())
    except CommandFailed as error:
        if (
            "--no-update" in words and "--no-update" in error.output
        ):  # Poetry 2 keeps versions by itself, and knows no such option
            _run(desk, program, [word for word in words if word != "--no-update"], folder)
            return
        raise


def _name_source(config: Path, desk: _Desk) -> None:
    """Name the libraries' source in pdm's configuration of the copy, which neither pyproject.toml nor the lock file repeats."""
    url, kind = (desk.index, "index") if desk.index else (desk.folder, "find_links")
    text = config.read_text() if config.is_file() else ""
    if url and "[pypi.maestro]" not in text:
        config.write_text(f"{text}\n[pypi.maestro]\nurl = '{url}'\ntype = '{kind}'\n")


def _folder(copy: Path, path: str, words: Sequence[str]) -> Path:
    """Return the folder to run a command in: the outermost one in which the files that it names are found, else that of the lock file."""
    named = [word for word in words if word.endswith((".cfg", ".in", ".py", ".toml"))]
    around = [folder for folder in reversed((copy / path).parents) if folder.is_relative_to(copy)]
    fitting = [folder for folder in around if named and all((folder / name).is_file() for name in named)]
    return fitting[0] if fitting else (copy / path).parent


def _without_new_addresses(before: bytes, after: bytes) -> bytes:
    """Return a compiled list without the addresses that pip-compile copies from its environment: they are ours, or have a password in them."""
    known = before.splitlines()
    lines = after.splitlines(keepends=True)
    kept = [line for line in lines if line.rstrip() in known or not _ADDRESS.match(line)]
    first = next((i for i, line in enumerate(kept) if not line.startswith(b"#")), 0)
    if len(kept) < len(lines) and kept[first].strip() == b"":
        del kept[first]  # the empty line below the addresses
    return b"".join(kept)


def _bound_here(desk: _Desk, finding: Finding) -> list[Finding]:
    """Return a finding for a lock file that names the folder of wheels, which other machines do not have."""
    lock = desk.copy / finding.path
    if not desk.folder or desk.folder.encode() not in lock.read_bytes():
        return []
    reason = f"local-folder: it takes the libraries from {desk.folder}, which other machines do not have"
    action = "lock anew with the index of your house in --libs before it is shared"
    return [Finding(finding.path, 1, finding.recipe, reason, action, "warning")]


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
