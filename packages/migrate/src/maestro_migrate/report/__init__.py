"""What a migration did and proved, as JSON, HTML, Markdown and SARIF."""

from ._json import as_json
from ._model import (
    BeforeAfter,
    EditRow,
    Evidence,
    FileDiff,
    Files,
    GeneratedTests,
    Metric,
    NotMeasured,
    OutcomeCounts,
    Parity,
    Performance,
    RecipeSummary,
    Report,
    Security,
    SuiteRuns,
)
from ._write import write_report
from .checklist import ChecklistItem, checklist
from .duplication import duplicated_lines, loc

__all__ = [
    "BeforeAfter",
    "ChecklistItem",
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
    "as_json",
    "checklist",
    "duplicated_lines",
    "loc",
    "write_report",
]
