"""What a migration will do, as plain data: file writes with their reasons. A plan is computed whole before anything is written."""

from dataclasses import dataclass, field

from ._spans import Change, Finding

__all__ = ["FileWrite", "MigrationPlan", "UnparsedFile"]


@dataclass(frozen=True, slots=True)
class FileWrite:
    """
    One file's bytes before and after.

    `path` is relative to the service's root, with forward slashes. `before` is `None` for a file that is made, `after` is
    `None` for one that is removed. `changes` are the applied changes in the order of their lines.
    """

    path: str
    before: bytes | None
    after: bytes | None
    changes: tuple[Change, ...] = ()
    theme: str = "code"


@dataclass(frozen=True, slots=True)
class UnparsedFile:
    """A Python file that could not be read or parsed, with the reason; it is left alone."""

    path: str
    reason: str


@dataclass(slots=True)
class MigrationPlan:
    """Everything that `apply` needs and the report tells, sorted by path; the same for any number of workers."""

    service: str
    writes: list[FileWrite] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unparsed: list[UnparsedFile] = field(default_factory=list)
    scanned: int = 0
    sites: dict[str, int] = field(default_factory=dict)  # recipe id -> plumbing sites the inventory counted for it
    requires: frozenset[str] = frozenset()  # distributions that the changed code imports
    rounds: int = 0
