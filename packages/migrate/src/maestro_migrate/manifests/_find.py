"""Which dependency files a service has, and which of them says what it needs to run."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from . import _requirements, _setuptools
from ._encoding import decoded
from ._model import Kind, Manifest, NotEditable
from ._toml import parsed

__all__ = ["LOCK_FILES", "find_manifests", "read_table", "separate_files"]

LOCK_FILES = ("Pipfile.lock", "pdm.lock", "poetry.lock", "pylock.toml", "uv.lock")

_NOT_RUN_TIME = re.compile(
    r"(?:^|[-_./])(?:dev|devel|develop|development|tests?|testing|lint|linting|docs?|ci|types?|typing|build|constraints?|local|debug|bench|coverage|pip-?tools)(?=$|[-_./])"
)
_PREFERRED = (
    "requirements.in",
    "requirements.txt",
    "requirements/base",
    "requirements/common",
    "requirements/prod",
    "requirements/main",
)


def find_manifests(root: Path) -> list[Manifest]:
    """
    Return the manifests in a service's root and its `requirements/` folder, in a fixed order.

    Of several requirements files, the one that the others include is the one of run time; a compiled file is of run time when its
    source is. A pyproject.toml that leaves its dependencies to a file or to setup.py (`dynamic`) is not listed as PEP 621.
    """
    root = root.resolve()
    found = [*_pyproject(root), *_pipfile(root), *_setuptools_files(root)]
    return [*found, *_requirement_files(root, _dynamic_files(root), is_declared=bool(found))]


def separate_files(root: Path) -> list[Manifest]:
    """
    Return the requirements files that install a part of the service by themselves (`requirements-worker.txt`).

    They are neither of run time nor for development, and do not include, or get included by, one that is of run time.
    """
    manifests = [each for each in find_manifests(root) if each.kind in {Kind.REQUIREMENTS, Kind.COMPILED}]
    chosen = {each.path for each in manifests if each.at_run_time}
    texts = {each.path: _text(root / each.path) for each in manifests}
    joined = {path for each in chosen for path in _included(root, each, texts)} | chosen
    return [
        each
        for each in manifests
        if each.path not in joined
        and not _NOT_RUN_TIME.search(each.path.rsplit(".", 1)[0].lower())
        and not joined & _included(root, each.path, texts)
    ]


def _included(root: Path, path: str, texts: dict[str, str]) -> set[str]:
    """Return a requirements file with all that it includes, and the compiled file of each one's source."""
    found: set[str] = set()
    pending = [path]
    while pending:
        current = pending.pop()
        if current in found or current not in texts:
            continue
        found.add(current)
        base = (root / current).parent
        targets = [(base / each).resolve() for each in _requirements.includes(texts[current])]
        pending += [
            each.relative_to(root.resolve()).as_posix() for each in targets if each.is_relative_to(root.resolve())
        ]
        if current.endswith(".txt"):
            pending.append(current.removesuffix(".txt") + ".in")
    return found


def _pyproject(root: Path) -> list[Manifest]:
    path = root / "pyproject.toml"
    try:
        document = read_table(path)
    except NotEditable:  # whoever edits it is told why
        return [Manifest(root, path.name, Kind.PEP621, True, _locks(root))]
    project, poetry = document.get("project"), document.get("tool", {}).get("poetry", {})
    is_static = False
    if project is not None and "dependencies" not in project.get("dynamic", []):
        is_static = "dependencies" in project or "dependencies" not in poetry
    if is_static:
        return [Manifest(root, "pyproject.toml", Kind.PEP621, True, _locks(root))]
    if "dependencies" in poetry:
        return [Manifest(root, "pyproject.toml", Kind.POETRY, True, _locks(root))]
    return []


def _pipfile(root: Path) -> list[Manifest]:
    if not (root / "Pipfile").is_file():
        return []
    return [Manifest(root, "Pipfile", Kind.PIPFILE, True, _locks(root))]


def _setuptools_files(root: Path) -> list[Manifest]:
    found = []
    for kind in (Kind.SETUP_CFG, Kind.SETUP_PY):
        path = root / kind
        if path.is_file() and b"install_requires" in path.read_bytes() and _may_declare(kind, path):
            found.append(Manifest(root, path.name, kind, True, _locks(root)))
    return found


def _may_declare(kind: Kind, path: Path) -> bool:
    try:
        return kind is Kind.SETUP_PY or _setuptools.has_requirements(decoded(path.read_bytes())[0])
    except NotEditable:  # whoever edits it is told why
        return True


def _locks(root: Path) -> tuple[str, ...]:
    """Return the lock files beside the manifests; each may be made from any of them, since tools read `dynamic` dependencies too."""
    return tuple(name for name in LOCK_FILES if (root / name).is_file())


def read_table(path: Path) -> dict[str, Any]:
    """
    Return what a TOML manifest says; nothing where there is none.

    Raises:
        NotEditable: it cannot be read, or not as one.
    """
    if not path.is_file():
        return {}
    try:
        raw = path.read_bytes()
    except OSError as error:  # somebody else's
        raise NotEditable(f"unreadable: {error.strerror}") from error
    return parsed(decoded(raw)[0])


def _dynamic_files(root: Path) -> list[str]:
    """Return the files that setuptools reads the dependencies from."""
    try:
        tool = read_table(root / "pyproject.toml").get("tool", {})
    except NotEditable:
        tool = {}
    files = tool.get("setuptools", {}).get("dynamic", {}).get("dependencies", {}).get("file", [])
    named = [files] if isinstance(files, str) else list(files)
    text = _text(root / "setup.cfg") if (root / "setup.cfg").is_file() else ""
    lines = [raw for _, _, raw in _setuptools.cfg_lines(text)]
    named += [part.strip() for raw in lines if raw.startswith("file:") for part in raw[5:].split(",")]
    return [name for name in named if (root / name).is_file()]


# requirements files ---------------------------------------------------------------------------------------------------


def _requirement_files(root: Path, dynamic: list[str], *, is_declared: bool) -> list[Manifest]:
    patterns = (
        "*requirements*.txt",
        "*requirements*.in",
        "requirements/*.txt",
        "requirements/*.in",
        "constraints*.txt",
    )
    paths = sorted(
        {p.relative_to(root).as_posix() for each in patterns for p in root.glob(each) if p.is_file()} | set(dynamic)
    )
    texts = {path: _text(root / path) for path in paths}
    chosen = _chosen(root, texts, dynamic, is_declared=is_declared)
    found = []
    for path in paths:
        source = str(PurePosixPath(path).with_suffix(".in"))
        is_compiled = path.endswith(".txt") and (
            source in texts or _requirements.compile_command(texts[path]) is not None
        )
        at_run_time = path in chosen or (source in chosen and source != path)
        found.append(
            Manifest(
                root,
                path,
                Kind.COMPILED if is_compiled else Kind.REQUIREMENTS,
                at_run_time,
                _locks(root) if path in dynamic else (),
            )
        )
    return found


def _text(path: Path) -> str:
    try:
        return decoded(path.read_bytes())[0]
    except NotEditable:
        return ""


def _chosen(root: Path, texts: dict[str, str], dynamic: list[str], *, is_declared: bool) -> set[str]:
    """Return the files of run time; where another manifest declares what that needs, only a file with a usual name is one, or one that setup.py reads."""
    candidates = [path for path in texts if not _NOT_RUN_TIME.search(path.rsplit(".", 1)[0].lower())]
    if dynamic:
        return set(dynamic)
    ranked = sorted(candidates, key=lambda path: (_rank(path), path))
    if is_declared and (not ranked or _rank(ranked[0]) == len(_PREFERRED)):
        return _read_by_setup(root, texts)
    if not ranked:
        return set()
    return {_deepest(root, ranked[0], texts, candidates)}


def _read_by_setup(root: Path, paths: Iterable[str]) -> set[str]:
    """Return the files whose path, or name in `requirements/`, setup.py gives to what makes its requirements: `install_requires=read("base.txt")`."""
    path = root / "setup.py"
    try:
        named = _setuptools.strings_given(path.read_bytes()) if path.is_file() else set()
    except NotEditable:
        return set()
    return {each for each in paths if each in named or each.removeprefix("requirements/") in named}


def _rank(path: str) -> int:
    return next((i for i, start in enumerate(_PREFERRED) if path.startswith(start)), len(_PREFERRED))


def _deepest(root: Path, path: str, texts: dict[str, str], candidates: list[str]) -> str:
    """Follow includes to the file that the others build on."""
    seen = {path}
    while True:
        base = (root / path).parent
        included = [(base / each).resolve() for each in _requirements.includes(texts[path])]
        names = [each.relative_to(root).as_posix() for each in included if each.is_relative_to(root)]
        following = next((name for name in names if name in candidates and name not in seen), None)
        if following is None:
            return path
        seen.add(path := following)
