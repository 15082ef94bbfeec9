"""Packages that the changed code was the last to import, and whoever still names them: a script, a plug-in, a string of a logging file."""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from ._files import walk_files
from ._plan import FileWrite
from ._source import UnreadableSource, parse, read_source
from .manifests import Kind, NotEditable, declared, find_manifests

__all__ = ["STANDS_ON", "still_named", "unimported"]

STANDS_ON = frozenset(
    {"click", "cryptography", "dynaconf", "fastapi", "flask", "grafana-foundation-sdk", "hvac", "orjson", "prometheus-client", "pydantic", "pydantic-settings", "pyyaml", "starlette", "structlog"}
)  # fmt: skip
"""What the shared libraries stand on: a service's own line for one of these still says which version it runs, so it stays."""

_DISTRIBUTIONS = {
    "decouple": "python-decouple",
    "dotenv": "python-dotenv",
    "environs": "environs",
    "jose": "python-jose",
    "json_log_formatter": "json-log-formatter",
    "jsonlogger": "python-json-logger",
    "jwt": "pyjwt",
    "pythonjsonlogger": "python-json-logger",
}
_PROSE = (".md", ".rst", ".lock", ".ipynb", ".svg", ".map", ".pyc")
_LISTS = frozenset({Kind.REQUIREMENTS, Kind.COMPILED})
_LARGEST_READ = 2_000_000


def unimported(root: Path, home: Path, writes: Sequence[FileWrite]) -> list[str]:
    """Return the distributions, declared in a folder's manifests, that the changed files imported before and do not import any more."""
    gone = {
        canonicalize_name(_DISTRIBUTIONS.get(name, name))
        for write in writes
        if write.before is not None and write.after is not None and write.path.endswith(".py")
        for name in _imported(write.before) - _imported(write.after)
        if name not in sys.stdlib_module_names and not _is_own(root, home, name)
    }
    if not gone:
        return []
    return sorted(name for name in gone & _declared(home) - STANDS_ON if not name.startswith("opentelemetry-"))


def _imported(raw: bytes) -> set[str]:
    try:
        tree = parse(read_source(raw))
    except UnreadableSource:
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _is_own(root: Path, home: Path, name: str) -> bool:
    places = {root, home, root / "src", home / "src"}
    return any((place / name).is_dir() or (place / f"{name}.py").is_file() for place in places)


def _declared(home: Path) -> set[str]:
    found: set[str] = set()
    for manifest in find_manifests(home):
        try:
            found |= {each.name for each in declared(manifest) if manifest.at_run_time and not each.group}
        except NotEditable:
            continue
    return found


def still_named(root: Path, folder: str, distributions: Sequence[str], writes: Sequence[FileWrite]) -> dict[str, str]:
    """
    Return the distributions that some file still names, as a package or as a module, each with the first such file.

    The writes are taken as made. Prose, lock files and lists of requirements do not count; comments and strings of code do.
    """
    after = {write.path: write.after for write in writes}
    lists = {f"{folder}{each.path}" for each in find_manifests(root / folder) if each.kind in _LISTS}
    words = {name: _words(name) for name in distributions}
    found: dict[str, str] = {}
    for path, raw in _texts(root, after, lists):
        for name, pattern in words.items():
            if name not in found and pattern.search(raw):
                found[name] = path
    return found


def _words(distribution: str) -> re.Pattern[bytes]:
    """Return a pattern of the ways in which a file can name a distribution or its module."""
    names = {distribution, *(module for module, name in _DISTRIBUTIONS.items() if name == distribution)}
    either = "|".join(sorted(re.escape(name).replace(r"\-", "[-_.]") for name in names))
    return re.compile(rf"(?<![A-Za-z0-9_-])(?:{either})(?![A-Za-z0-9_-])".encode(), re.IGNORECASE)


def _texts(root: Path, after: dict[str, bytes | None], lists: set[str]) -> Iterator[tuple[str, bytes]]:
    for path in sorted({*walk_files(root), *after}):
        if path in lists or path.endswith(_PROSE) or path.rpartition("/")[2] == "Pipfile.lock":
            continue
        if path in after:
            raw = after[path] or b""
        else:
            try:
                raw = (root / path).read_bytes() if (root / path).stat().st_size <= _LARGEST_READ else b""
            except OSError:
                continue
        if b"\0" not in raw[:1000]:
            yield path, raw
