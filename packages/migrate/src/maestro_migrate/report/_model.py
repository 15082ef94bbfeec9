"""
The report as plain data. What was not measured is a `NotMeasured` with its reason, never a number that nobody counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .._plan import FileWrite, UnparsedFile
from .._spans import Finding, Safety

__all__ = [
    "BeforeAfter",
    "EditRow",
    "Evidence",
    "FileDiff",
    "Files",
    "GeneratedTests",
    "Metric",
    "NotMeasured",
    "OutcomeCounts",
    "Parity",
    "Performance",
    "RecipeSummary",
    "Report",
    "Security",
    "SuiteRuns",
]


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A value that is not there, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Files:
    """How many Python files were read and how many files changed; those that could not be parsed by name."""

    scanned: int
    changed: int
    unparsed: tuple[UnparsedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipeSummary:
    """A recipe's plumbing sites, how many were settled, how many findings it left; title, page text and address of its page."""

    sites: int
    applied: int
    findings: int
    title: str = ""
    page: str = ""
    help_uri: str = ""


@dataclass(frozen=True, slots=True, order=True)
class EditRow:
    """One applied change."""

    file: str
    line: int
    recipe: str
    safety: Safety
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class FileDiff:
    """A file's text before and after (`None`: it is not there), for the diff; `theme` as in `FileWrite`."""

    file: str
    before: str | None
    after: str | None
    theme: str = "code"

    @classmethod
    def of(cls, write: FileWrite) -> "FileDiff":
        """Return the diff of a planned write; bytes that are no UTF-8 show as replacement characters."""
        before, after = (
            None if held is None else held.decode("utf-8-sig", errors="replace") for held in (write.before, write.after)
        )
        return cls(write.path, before, after, write.theme)


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """The outcome of one run of the service's own tests."""

    passed: int
    failed: int
    errors: int
    skipped: int


@dataclass(frozen=True, slots=True)
class GeneratedTests:
    """Tests made from the old code: the file, how many pass on the old code and on the new, how many were left out, and their names."""

    file: str
    before: int
    after: int
    left_out: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteRuns:
    """The service's tests before and after; `regressions` are ids that passed before and do not now, generated ones included."""

    before: OutcomeCounts | NotMeasured
    after: OutcomeCounts | NotMeasured
    regressions: tuple[str, ...] = ()
    generated: GeneratedTests | NotMeasured = NotMeasured("no tests were generated")


@dataclass(frozen=True, slots=True)
class Parity:
    """
    Requests sent to old and new: how many answers agree, the fields that differ between equals, and what answers were meant to gain.

    `only_safe_methods` says that nothing but GET, HEAD and OPTIONS was sent, since the app could have reached something real.
    """

    requests: int
    identical: int
    different: int
    noise_fields: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    only_safe_methods: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """One measured quantity; `worse` is the verdict of whoever measured it."""

    name: str
    before: float
    after: float
    unit: str
    worse: bool = False


@dataclass(frozen=True, slots=True)
class Performance:
    """Measured quantities, before and after, with how they were measured."""

    method: str
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Security:
    """A scanner's finding counts before and after, and what is new."""

    tool: str
    before: int
    after: int
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Lines before and after."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What ticks a checklist item that the report's own numbers cannot: a sentence that can be checked; or why it does not apply."""

    text: str
    applies: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything one migration has to tell. `timings` are seconds per stage; `evidence` is keyed by `checklist.ITEMS`."""

    service: str
    engine_version: str
    files: Files
    recipes: Mapping[str, RecipeSummary]
    edits: tuple[EditRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    diffs: tuple[FileDiff, ...] = ()
    tests: SuiteRuns = SuiteRuns(NotMeasured("the tests were not run"), NotMeasured("the tests were not run"))
    parity: Parity | NotMeasured = NotMeasured("requests were not compared")
    performance: Performance | NotMeasured = NotMeasured("performance was not measured")
    security: Security | NotMeasured = NotMeasured("no security scan was run")
    duplication: BeforeAfter | NotMeasured = NotMeasured("duplication was not counted")
    loc: BeforeAfter | NotMeasured = NotMeasured("lines were not counted")
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def left(self) -> tuple[Finding, ...]:
        """Return the findings that a person has to do something about."""
        return tuple(sorted(finding for finding in self.findings if finding.level != "none"))

    @property
    def notes(self) -> tuple[Finding, ...]:
        """Return the findings on what was done, which ask for nothing."""
        return tuple(sorted(finding for finding in self.findings if finding.level == "none"))
