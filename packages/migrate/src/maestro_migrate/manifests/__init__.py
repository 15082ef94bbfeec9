"""
Dependency files: what they declare, and edits that keep every other byte.

`with_requirements` is pure planning: it reads the manifests and returns writes and findings.
"""

from ._edit import declared, with_requirements
from ._find import find_manifests, read_table, separate_files
from ._model import Declared, Kind, Manifest, NotEditable

__all__ = [
    "Declared",
    "Kind",
    "Manifest",
    "NotEditable",
    "declared",
    "find_manifests",
    "read_table",
    "separate_files",
    "with_requirements",
]
