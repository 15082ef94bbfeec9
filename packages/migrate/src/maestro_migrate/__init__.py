"""
The migration engine: it reads a Python service, rewrites only what it has proven, verifies the result and can put everything back.

Recipe authors use `rewrite`, `Safety`, `Module`, `Change` and `Finding`; everything else is behind the `maestro` command line.
"""

from ._patterns import Rewrite, rewrite
from ._project import Project
from ._semantics import Module, Site
from ._spans import Change, Edit, Finding, Safety
from .errors import MigrateError, OverlappingEdits, UnusableInput

__all__ = [
    "Change",
    "Edit",
    "Finding",
    "MigrateError",
    "Module",
    "OverlappingEdits",
    "Project",
    "Rewrite",
    "Safety",
    "Site",
    "UnusableInput",
    "rewrite",
]
