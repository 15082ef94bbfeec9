"""The engine's errors: each message says what to do next; `exit_code` is what the command line ends with."""

from pathlib import Path
from typing import Any

__all__ = ["MigrateError", "OverlappingEdits", "ReportLost", "UnusableInput"]


class MigrateError(Exception):
    """Any error of the engine that a caller may want to catch."""

    exit_code = 2


class OverlappingEdits(MigrateError):
    """Two edits of one recipe touch the same bytes: a fault of the recipe, never of the file."""

    def __init__(self, one: Any, other: Any, *, recipe: str = "") -> None:
        super().__init__(
            f"recipe {recipe or '(unnamed)'} made edits that overlap, {one} and {other}: mend the recipe so that each site has one change"
        )
        self.one, self.other, self.recipe = one, other, recipe


class UnusableInput(MigrateError):
    """The path, file or option given cannot be worked with."""

    def __init__(self, path: Path | str, problem: str, *, advice: str) -> None:
        super().__init__(f"{path}: {problem}; {advice}")
        self.path, self.problem, self.advice = path, problem, advice


class ReportLost(MigrateError):
    """The system refused a write when the files were changed already, so that the migration has no report."""

    def __init__(self, error: OSError, *, is_undone: bool) -> None:
        where = f"{error.filename}: " if error.filename else ""
        left = (
            "the migration was taken back: mend that, or give another folder with --report, and run again"
            if is_undone
            else "the migration is applied, without a report and without a backup"
        )
        super().__init__(f"{where}{error.strerror or error}; {left}")
        self.error, self.is_undone = error, is_undone
