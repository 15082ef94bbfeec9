"""
Which recipes' libraries cannot be installed beside the service's own pins, told before anything is planned.

With an environment that is copied or built for the verification, that one is asked. Without a verification, uv resolves the library beside what the given environment
holds, or what the manifests declare, once with it and once without. Only where the first succeeds and the second does not are the pins to blame: an index that is not reached says nothing about them.
"""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ._environment import existing_environment, requirement
from ._libraries import CommandFailed, library_arguments, run, uv
from ._recipe import Recipe
from ._spans import Finding
from ._withheld import unresolvable
from .manifests import Kind, Manifest, NotEditable, declared, find_manifests, read_table

__all__ = ["pin_conflict", "resolvable"]

LONGEST_S = 40.0
_FILES = frozenset({Kind.REQUIREMENTS, Kind.COMPILED})
_UNICODE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def resolvable(
    recipes: Sequence[Recipe], conflict: Callable[[str], str | None]
) -> tuple[tuple[Recipe, ...], list[Finding]]:
    """Return the recipes whose libraries can be had, and a finding for each of the others; `conflict` says why a distribution cannot be."""
    kept: list[Recipe] = []
    findings: list[Finding] = []
    known: dict[str, str | None] = {}
    for recipe in recipes:
        for need in recipe.needs:
            if need not in known:
                known[need] = conflict(need)
        reason = next((why for need in recipe.needs if (why := known[need])), None)
        if reason is None:
            kept.append(recipe)
        else:
            findings.append(unresolvable(recipe.id, reason))
    return tuple(kept), findings


def pin_conflict(
    root: Path, libs: str | None, recipes: Sequence[Recipe], *, venv: Path | None = None
) -> Callable[[str], str | None]:
    """
    Return a function that says why a distribution cannot be resolved beside what `venv` holds or the manifests in `root` declare, or `None`.

    All that the recipes need is resolved at once first, so that a service without a conflict costs one resolution. Nothing is installed, and `venv` is only read.

    Raises:
        UnusableInput: `libs` is a folder without a wheel of the shared libraries, or `venv` is no virtual environment.
    """
    needs = sorted({need for recipe in recipes for need in recipe.needs})
    held = existing_environment(venv).frozen() if venv is not None else None
    if not needs or _against(root, libs, needs, venv, held) is None:
        return lambda _distribution: None
    return lambda distribution: _against(root, libs, [distribution], venv, held)


def _against(
    root: Path, libs: str | None, distributions: Sequence[str], venv: Path | None, held: Sequence[str] | None
) -> str | None:
    with tempfile.TemporaryDirectory(prefix="maestro-pins-") as folder:
        wanted = _written(Path(folder) / "libraries.in", distributions)
        try:
            where = library_arguments(libs)
        except CommandFailed:
            return None  # the workspace's own wheels cannot be built here, which says nothing about the service
        if held is not None:
            where = [*where, "--python", f"{venv}/bin/python"]
            pins = ["--constraint", _written(Path(folder) / "held.txt", held)]
            output, alone = _refused([wanted, *pins], where, root), [wanted]
            beside = "what is installed"
        else:
            alone = _sources(root, Path(folder))
            output = _refused([*alone, wanted], where, root) if alone else ""
            beside = "the service's manifests"
        if not output or _refused(alone, where, root):
            return None
    text = " ".join(output.split()).partition(" hint: ")[0]
    if "was not found in the" in text:
        return None
    return f"{', '.join(distributions)} cannot be resolved beside {beside}: {text[:400]}"


def _written(path: Path, lines: Sequence[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def _refused(sources: Sequence[str], where: Sequence[str], root: Path) -> str:
    """Return what uv says against a set of requirements, empty where it resolves them or takes too long to say anything."""
    # Nothing is installed from it, so each distribution may be found on any index, as the service's own tools may find it. Nothing is built: a plan runs no stranger's
    # code, and an old pin without a wheel would cost minutes.
    options = ["--index-strategy", "unsafe-best-match", "--no-build"]
    command = [uv(), "pip", "compile", "-q", "--no-header", "--no-annotate", *options, *where, *sources]
    try:
        run(command, what="resolving", advice="", cwd=root, timeout_s=LONGEST_S)
    except CommandFailed as error:
        return "" if isinstance(error.__cause__, subprocess.TimeoutExpired) else error.output or str(error)
    return ""


def _sources(root: Path, folder: Path) -> list[str]:
    """Return files for uv that say what the service needs to run: its requirements files as they are, anything else written down as one."""
    found: list[str] = []
    lines: list[str] = []
    for manifest in find_manifests(root):
        if not manifest.at_run_time:
            continue
        if manifest.kind in _FILES and not manifest.read().startswith(_UNICODE_MARKS):
            found.append(str(root / manifest.path))
            continue
        try:
            lines += _lines(manifest)
        except NotEditable:
            continue
    if lines:
        found.append(_written(folder / "declared.in", lines))
    return found


def _lines(manifest: Manifest) -> list[str]:
    if manifest.kind not in {Kind.POETRY, Kind.PIPFILE}:
        return [each.raw for each in declared(manifest) if not each.group]
    document = read_table(manifest.root / manifest.path)
    held = document.get("packages", {}) if manifest.kind is Kind.PIPFILE else document["tool"]["poetry"]["dependencies"]
    return [
        requirement(name, spec)
        for name, spec in held.items()
        if name.lower() != "python" and not (isinstance(spec, dict) and "path" in spec)
    ]
