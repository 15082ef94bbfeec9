"""What a manifest is, what it declares, and why one cannot be edited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

__all__ = ["Declared", "Kind", "Manifest", "NotEditable", "bare", "missing", "named", "position"]


class Kind(StrEnum):
    """The formats that declare dependencies."""

    REQUIREMENTS = "requirements"
    COMPILED = "compiled"
    PEP621 = "pep621"
    POETRY = "poetry"
    PIPFILE = "pipfile"
    SETUP_CFG = "setup.cfg"
    SETUP_PY = "setup.py"


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    One dependency file of a service. `path` is relative to `root`, with forward slashes.

    `at_run_time` says whether it names what the service needs to run (and so gets additions); `lock_files` are those made from it.
    """

    root: Path
    path: str
    kind: Kind
    at_run_time: bool
    lock_files: tuple[str, ...] = ()

    def read(self) -> bytes:
        """Return the file's bytes."""
        return (self.root / self.path).read_bytes()


@dataclass(frozen=True, slots=True, order=True)
class Declared:
    """One requirement as a manifest states it: its 1-based line, normalised name and raw text; `group` is empty at run time."""

    line: int
    name: str
    raw: str
    group: str = ""


class NotEditable(Exception):
    """Why a manifest must be edited by a person; the message begins with a short code."""


def bare(name: str) -> str:
    """Return a distribution's normalised name without extras."""
    return canonicalize_name(name.split("[", maxsplit=1)[0].strip())


def named(requirement: str) -> str | None:
    """Return the normalised name that a PEP 508 requirement begins with, or `None` where it is a path, an address or an option."""
    try:
        return canonicalize_name(Requirement(requirement.strip()).name)
    except InvalidRequirement:
        return None


def missing(add: Mapping[str, str], declared: Sequence[str]) -> list[tuple[str, str]]:
    """Return the additions whose distribution is not declared, by name."""
    return [(name, specifier) for name, specifier in sorted(add.items()) if bare(name) not in declared]


def position(names: Sequence[str], name: str) -> int:
    """Return where a name goes among its neighbours: in order where they are in order, else at the end."""
    if len(names) > 1 and list(names) == sorted(names):
        return next((i for i, other in enumerate(names) if other > bare(name)), len(names))
    return len(names)
