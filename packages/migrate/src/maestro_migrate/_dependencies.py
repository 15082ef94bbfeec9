"""
What the changed code needs and no longer needs, in the manifests that install it.

Each distribution of the service declares the libraries that its own code now imports. Code that is not installed with it (examples,
documentation, benchmarks) adds nothing to what it needs at run time. A replaced package goes only where nothing names it any more.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ._cycles import imported_from
from ._files import python_files
from ._plan import FileWrite, MigrationPlan
from ._recipe import Recipe
from ._replaced import still_named, unimported
from ._spans import Finding
from .manifests import Manifest, separate_files, with_requirements

__all__ = ["declare_dependencies"]

LIBRARY_VERSION = ">=0.1"
RECIPE = "dependencies/declare_the_libraries"
_NOT_INSTALLED = frozenset({"benchmark", "benchmarks", "doc", "docs", "example", "examples", "sample", "samples"})
_MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "requirements.txt", "requirements.in")


@dataclass(frozen=True)
class _Home:
    """A folder with manifests (`folder` is empty or ends in a slash), and the changed files that it installs."""

    root: Path
    folder: str
    writes: tuple[FileWrite, ...]

    @property
    def path(self) -> Path:
        return self.root / self.folder

    def moved(self, writes: Sequence[FileWrite], findings: Sequence[Finding]) -> tuple[list[FileWrite], list[Finding]]:
        """Return writes and findings with their paths seen from the service's root."""
        return (
            [replace(write, path=f"{self.folder}{write.path}") for write in writes],
            [replace(finding, path=f"{self.folder}{finding.path}") for finding in findings],
        )


def declare_dependencies(
    root: Path, made: MigrationPlan, recipes: Sequence[Recipe]
) -> tuple[list[FileWrite], list[Finding]]:
    """Return the manifests' writes that a plan asks for, and what is left to do by hand."""
    needs = {recipe.id: recipe.needs for recipe in recipes}
    writes: list[FileWrite] = []
    findings: list[Finding] = []
    for home in _homes(root, made.writes, needs):
        installed = [write for write in home.writes if _is_installed(home, write)]
        add = dict.fromkeys(sorted(_needs(installed, needs)), LIBRARY_VERSION)
        gone = unimported(root, home.path, home.writes)
        also, unclear = _served(home, made, needs) if add else ({}, [])
        planned, left = _edited(home, made.writes, add, gone, also)
        writes += planned
        findings += [*left, *unclear, *_apart(home, installed, needs)]
        if add:
            findings += _python_floor(home)
    return writes, findings


def _needs(writes: Sequence[FileWrite], needs: Mapping[str, Sequence[str]]) -> set[str]:
    """Return what the changes need, each distribution once, with the extras of all."""
    extras: dict[str, set[str]] = {}
    for need in {need for write in writes for change in write.changes for need in needs.get(change.recipe, ())}:
        name, _, rest = need.partition("[")
        extras.setdefault(name, set()).update(extra for extra in rest.rstrip("]").split(",") if extra)
    return {f"{name}[{','.join(sorted(each))}]" if each else name for name, each in extras.items()}


def _homes(root: Path, writes: Sequence[FileWrite], needs: Mapping[str, Sequence[str]]) -> list[_Home]:
    """Return the folders whose manifests install changed code: the innermost one with a manifest, else the root."""
    found: dict[str, list[FileWrite]] = {}
    for write in writes:
        if not any(change.recipe in needs for change in write.changes):
            continue
        parts = write.path.split("/")[:-1]
        depth = next(
            (
                end
                for end in range(len(parts), 0, -1)
                if any((root.joinpath(*parts[:end]) / name).is_file() for name in _MANIFESTS)
            ),
            0,
        )
        found.setdefault("".join(f"{part}/" for part in parts[:depth]), []).append(write)
    return [_Home(root, folder, tuple(each)) for folder, each in sorted(found.items())]


def _is_installed(home: _Home, write: FileWrite) -> bool:
    """Return whether what a distribution needs is needed by a file of it: not by its examples, unless those are what an image or a process runs."""
    folder, inner, _ = write.path.removeprefix(home.folder).partition("/")
    if not inner or folder not in _NOT_INSTALLED:
        return True
    if not any((home.path / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
        return True  # an application: its requirements install whatever it has
    run = re.compile(rf"(?<![\w.-]){folder}[./]")
    return any(
        run.search(path.read_text(errors="replace"))
        for pattern in ("Dockerfile*", "*.dockerfile", "Procfile")
        for path in home.path.glob(pattern)
        if path.is_file()
    )


def _edited(
    home: _Home, changed: Sequence[FileWrite], add: Mapping[str, str], gone: Sequence[str], also: Mapping[str, set[str]]
) -> tuple[list[FileWrite], list[Finding]]:
    kept: list[Finding] = []
    if gone:
        trial, _ = home.moved(*with_requirements(home.path, add=add, remove=gone))
        named = still_named(home.root, home.folder, gone, [*changed, *trial])
        gone = [name for name in gone if name not in named]
        action = "take it out of the manifest once nothing needs it"
        kept = [
            Finding(home.folder or ".", 1, RECIPE, f"still-named: no code imports {name} any more, but {where} names it", action)
            for name, where in sorted(named.items())
        ]  # fmt: skip
    if not add and not gone:
        return [], kept
    writes, findings = home.moved(*with_requirements(home.path, add=add, remove=gone))
    for path, needs in sorted(also.items()):
        more = with_requirements(home.path, add=dict.fromkeys(sorted(needs), LIBRARY_VERSION), only=path)
        extra, left = home.moved(*more)
        writes += extra
        findings += left
    return writes, [*findings, *kept]


def _served(
    home: _Home, made: MigrationPlan, needs: Mapping[str, Sequence[str]]
) -> tuple[dict[str, set[str]], list[Finding]]:
    """Return the requirements files of parts of the service with the libraries that those parts now need, and findings for unclear ones."""
    apart = separate_files(home.path)
    if not apart:
        return {}, []
    files = [path for path in python_files(home.root) if path.startswith(home.folder)]
    found: dict[str, set[str]] = {}
    findings: list[Finding] = []
    for manifest in apart:
        starts = [path for path in files if _is_named_for(manifest, path.removeprefix(home.folder))]
        if starts:
            reached = imported_from(home.root, files, made.writes, starts)
            wanted = _needs([write for write in home.writes if write.path in reached], needs)
            if wanted:
                found[manifest.path] = wanted
            continue
        reason = "unclear-scope: no other requirements file includes it, and no code is named for it"
        action = f"add {', '.join(sorted(_needs(home.writes, needs)))} to it if what it installs for runs migrated code"
        findings.append(Finding(f"{home.folder}{manifest.path}", 1, RECIPE, reason, action))
    return found, findings


def _is_named_for(manifest: Manifest, path: str) -> bool:
    """Return whether a file's name or one of its folders has the word that tells a requirements file from the others (`requirements-worker.txt`)."""
    words = set(re.split(r"[^a-z0-9]+", manifest.path.lower().rpartition(".")[0])) - {"requirements", "requirement", ""}
    parts = path.lower().removesuffix(".py").split("/")
    return bool(words) and any(words <= set(re.split(r"[^a-z0-9]+", part)) for part in parts)


def _apart(home: _Home, installed: Sequence[FileWrite], needs: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Return a finding for the changed code that the manifests do not install: it needs the libraries where it runs."""
    outside = [write for write in home.writes if write not in installed]
    lacking = sorted(_needs(outside, needs) - _needs(installed, needs))
    if not lacking:
        return []
    paths = ", ".join(write.path for write in outside[:3])
    reason = f"not-installed: {paths} needs {', '.join(lacking)}, which the code that is shipped does not"
    return [Finding(outside[0].path, 1, RECIPE, reason, "install it where that code is run")]


def _python_floor(home: _Home) -> list[Finding]:
    """Return a finding where a distribution says that it runs on a Python that the libraries do not."""
    for name, pattern in (
        ("pyproject.toml", r"""(?m)^(?:requires-python|python)\s*=\s*["'][^"'\d]*3\.(\d+)"""),
        ("setup.py", r"python_requires\s*=\s*[\"'][^\"'\d]*3\.(\d+)"),
        ("setup.cfg", r"(?m)^python_requires\s*=\s*[^\d]*3\.(\d+)"),
    ):
        path = home.path / name
        match = re.search(pattern, path.read_text(errors="replace")) if path.is_file() else None
        if match is not None and int(match[1]) < 11:
            reason = f"python-floor: {name} promises Python 3.{match[1]}, and the shared libraries need 3.11"
            action = "raise it, and the image that the service runs in, before this is shipped"
            return [Finding(f"{home.folder}{name}", 1, RECIPE, reason, action, "warning")]
    return []
