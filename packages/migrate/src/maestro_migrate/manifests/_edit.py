"""Additions and removals across all of a service's manifests, as writes; nothing is touched on disk."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from .._plan import FileWrite
from .._spans import Change, Finding
from . import _requirements, _setuptools, _toml
from ._encoding import decoded, encoded
from ._find import find_manifests
from ._model import Declared, Kind, Manifest, NotEditable, bare

__all__ = ["declared", "with_requirements"]

RECIPE = "dependencies/declare_the_libraries"
_REFRESH = {
    "pdm.lock": "pdm lock --update-reuse",
    "poetry.lock": "poetry lock",
    "uv.lock": "uv lock",
}


def declared(manifest: Manifest) -> list[Declared]:
    """
    Return what a manifest names, at run time and in its groups.

    Raises:
        NotEditable: the file is not text, or not in its format.
    """
    raw = manifest.read()
    if manifest.kind is Kind.SETUP_PY:
        return _setuptools.declared_in_py(raw)
    text = decoded(raw)[0]
    match manifest.kind:
        case Kind.PEP621:
            return _toml.declared_in_project(text)
        case Kind.POETRY:
            groups = _toml.parsed(text)["tool"]["poetry"].get("group", {})
            tables = [("tool.poetry.dependencies", ""), ("tool.poetry.dev-dependencies", "dev")]
            tables += [(f"tool.poetry.group.{name}.dependencies", name) for name in groups]
            return [each for table, group in tables for each in _toml.declared_in_table(text, table, group)]
        case Kind.PIPFILE:
            return _toml.declared_in_table(text, "packages") + _toml.declared_in_table(text, "dev-packages", "dev")
        case Kind.SETUP_CFG:
            return _setuptools.declared_in_cfg(text)
        case _:
            return _requirements.declared(text)


def with_requirements(
    root: Path, add: Mapping[str, str], *, remove: Collection[str] = (), only: str = ""
) -> tuple[list[FileWrite], list[Finding]]:
    """
    Return the writes that declare each distribution of `add` (name with extras → specifier) and drop those of `remove`, and what is left to do.

    Every manifest of run time is changed, the others never; with `only`, that one file is. What is declared already is not declared again, so a second call
    writes nothing. A compiled file without hashes gets the line too, with a finding to compile it anew; lock files are findings.
    """
    dropped = {bare(name) for name in remove}
    writes: list[FileWrite] = []
    findings: list[Finding] = []
    manifests = find_manifests(root)
    targets = [each for each in manifests if each.path == only] if only else _targets(manifests)
    for manifest in targets:
        try:
            before = manifest.read()
            after = _edited(manifest, before, add, dropped)
            findings += _thin(manifest, add)
        except NotEditable as error:
            findings.append(_by_hand(manifest, str(error), add))
            continue
        if after != before:
            writes.append(
                FileWrite(manifest.path, before, after, (_change(before, after, add, dropped),), "dependencies")
            )
            findings += _stale(manifest, add)
    if add and not targets:
        reason = "no-manifest: nothing in the service's root declares what it needs to run"
        findings.append(Finding(".", 1, RECIPE, reason, f"install {_shown(add)} where the service runs", "warning"))
    return writes, sorted(set(findings))


def _targets(manifests: list[Manifest]) -> list[Manifest]:
    """Return the manifests to change; a [project] without dependencies is one only where nothing else is."""
    chosen = [each for each in manifests if each.at_run_time and not _left_to_a_file(each, manifests)]
    empty = [
        each
        for each in chosen
        if each.kind is Kind.PEP621 and not re.search(rb"(?m)^[ \t]*(?:project\.)?dependencies[ \t]*=", each.read())
    ]
    return [each for each in chosen if each not in empty] or chosen


def _left_to_a_file(manifest: Manifest, manifests: list[Manifest]) -> bool:
    has_file = any(each.kind in {Kind.REQUIREMENTS, Kind.COMPILED} and each.at_run_time for each in manifests)
    try:
        if manifest.kind is Kind.SETUP_CFG:
            return has_file and _setuptools.names_a_file(decoded(manifest.read())[0])
        return manifest.kind is Kind.SETUP_PY and has_file and _setuptools.reads_a_file(manifest.read())
    except NotEditable:
        return False


def _edited(manifest: Manifest, before: bytes, add: Mapping[str, str], remove: Collection[str]) -> bytes:
    if manifest.kind is Kind.SETUP_PY:
        return _setuptools.edited_py(before, add, remove)
    text, encoding, mark = decoded(before)
    match manifest.kind:
        case Kind.PEP621:
            text = _toml.edited_project(text, add, remove)
        case Kind.POETRY:
            text = _toml.edited_table(text, "tool.poetry.dependencies", add, remove)
        case Kind.PIPFILE:
            text = _toml.edited_table(text, "packages", add, remove)
        case Kind.SETUP_CFG:
            text = _setuptools.edited_cfg(text, add, remove)
        case _:
            text = _requirements.edited(text, add, remove)
    return encoded(text, encoding, mark)


def _thin(manifest: Manifest, add: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each addition that is declared, but without an extra that the new code needs."""
    found = []
    held = {each.name: each for each in declared(manifest) if not each.group}
    for name in sorted(add):
        extras = {extra.strip() for extra in name.partition("[")[2].rstrip("]").split(",") if extra.strip()}
        there = held.get(bare(name))
        if there is None or not extras:
            continue
        try:
            lacking = extras - Requirement(there.raw).extras
        except InvalidRequirement:
            lacking = {extra for extra in extras if extra not in there.raw}
        if lacking:
            reason = f"missing-extra: {there.name} is declared without {', '.join(sorted(lacking))}"
            found.append(Finding(manifest.path, there.line, RECIPE, reason, f"declare {name} there", "warning"))
    return found


def _change(before: bytes, after: bytes, add: Mapping[str, str], remove: Collection[str]) -> Change:
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    line = next((i for i, (one, two) in enumerate(pairs, start=1) if one != two), before.count(b"\n") + 1)
    parts = [f"declares {_shown(add)}, which the new code imports"] if add else []
    parts += [f"drops {', '.join(sorted(remove))}, which nothing imports any more"] if remove else []
    return Change((), line, RECIPE, "; ".join(parts), sites=0)


def _by_hand(manifest: Manifest, reason: str, add: Mapping[str, str]) -> Finding:
    action = f"declare {_shown(add)} there by hand" if add else "take the replaced distributions out by hand"
    if manifest.kind is Kind.COMPILED:
        action = f"run `{_command(manifest)}`"
    return Finding(manifest.path, 1, RECIPE, reason, action, "warning")


def _stale(manifest: Manifest, add: Mapping[str, str]) -> list[Finding]:
    found = [
        Finding(lock, 1, RECIPE, f"stale-lock: {manifest.path} no longer says what it was made from", _refresh(manifest, lock, add), "warning")
        for lock in manifest.lock_files
    ]  # fmt: skip
    if manifest.kind is Kind.COMPILED:
        reason = "stale-compiled: the new lines stand without what they need in turn"
        found.append(Finding(manifest.path, 1, RECIPE, reason, f"run `{_command(manifest)}`", "warning"))
    return found


def _refresh(manifest: Manifest, lock: str, add: Mapping[str, str]) -> str:
    """Return how a lock file is made anew with the versions that it has: Poetry 1 needs `--no-update` for that, and `pipenv lock` raises every one."""
    if lock == "pylock.toml":
        command = _requirements.compile_command((manifest.root / lock).read_text(errors="replace"))
        return f"run `{command}`" if command and " " in command else "make it anew with the tool that made it"
    if lock == "poetry.lock":
        head = (manifest.root / lock).read_bytes()[:200]
        return "run `poetry lock --no-update`" if b"Poetry 1." in head else "run `poetry lock`"
    if lock == "Pipfile.lock":
        return f"run `pipenv upgrade --lock-only {' '.join(sorted(add))}`" if add else "run `pipenv lock`"
    return f"run `{_REFRESH[lock]}`"


def _command(manifest: Manifest) -> str:
    """Return the command that compiles a list anew: uv prints what it is not told to write, and keeps the versions of a file that it is told to write."""
    command = _requirements.compile_command(decoded(manifest.read())[0])
    source = manifest.path.removesuffix(".txt") + ".in"
    if not command or " " not in command:
        return f"pip-compile {source} -o {manifest.path}"
    if command.startswith("uv ") and not re.search(r"\s(?:-o|--output-file)\b", command):
        named = [word for word in command.split() if word.endswith((".cfg", ".in", ".py", ".toml"))]
        is_run_above = all((manifest.root / word).is_file() for word in named)
        return f"{command} -o {manifest.path if is_run_above else manifest.path.rpartition('/')[2]}"
    return command


def _shown(add: Mapping[str, str]) -> str:
    return ", ".join(f"{name}{specifier}" for name, specifier in sorted(add.items()))
