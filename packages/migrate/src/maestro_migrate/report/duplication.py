"""
Lines of code and lines of duplicated code over a set of Python sources.

A *significant* line has something other than white space and is no comment of its own; it is compared without its indentation.
A line is *duplicated* when it belongs to a run of `WINDOW` significant lines that occurs at least twice in the set, in one
file or in two. Every occurrence counts, so two equal blocks of ten lines are twenty duplicated lines. Nothing is parsed:
the numbers are the same for any order of files and for files that have faults.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping

__all__ = ["WINDOW", "duplicated_lines", "loc"]

WINDOW = 5
_BREAK = re.compile(rb"\r\n|\r|\n")


def loc(sources: Mapping[str, bytes]) -> int:
    """Return how many significant lines the sources (path to bytes) have."""
    return sum(len(_significant(text)) for text in sources.values())


def duplicated_lines(sources: Mapping[str, bytes]) -> int:
    """Return how many significant lines of the sources (path to bytes) are duplicated."""
    windows = {path: _windows(_significant(text)) for path, text in sources.items()}
    counts = Counter(window for runs in windows.values() for window in runs)
    total = 0
    for runs in windows.values():
        covered: set[int] = set()
        for start, window in enumerate(runs):
            if counts[window] > 1:
                covered.update(range(start, start + WINDOW))
        total += len(covered)
    return total


def _significant(text: bytes) -> list[bytes]:
    stripped = (line.strip() for line in _BREAK.split(text))
    return [line for line in stripped if line and not line.startswith(b"#")]


def _windows(lines: list[bytes]) -> list[bytes]:
    starts = range(len(lines) - WINDOW + 1)
    return [hashlib.blake2b(b"\n".join(lines[at : at + WINDOW]), digest_size=16).digest() for at in starts]
