"""Which line of a file as it is a line of the migrated file came from, for what is read before a migration is applied."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from ._plan import FileWrite
from ._spans import Finding

__all__ = ["OriginalLines", "at_original_lines"]

_BREAK = re.compile(rb"(?<=\n)|(?<=\r)(?!\n)")


class OriginalLines:
    """The lines of `after` by the lines of `before` that they came from: the same text, else the place in the stretch that was replaced."""

    def __init__(self, before: bytes, after: bytes) -> None:
        matcher = SequenceMatcher(None, _BREAK.split(before), _BREAK.split(after), autojunk=False)
        self._steps = [(j1, i1, max(i2 - 1, i1)) for _, i1, i2, j1, j2 in matcher.get_opcodes() if j2 > j1]
        self._starts = [step[0] for step in self._steps]

    def of(self, line: int) -> int:
        """Return the 1-based line of the old text for one of the new text."""
        position = bisect_right(self._starts, line - 1) - 1
        if position < 0:
            return line
        new_start, old_start, old_last = self._steps[position]
        return min(old_start + line - 1 - new_start, old_last) + 1


def at_original_lines(findings: Iterable[Finding], writes: Sequence[FileWrite]) -> list[Finding]:
    """Return the findings in Python files with the lines that they have before the writes are made."""
    lines: dict[str, OriginalLines] = {}
    texts = {
        write.path: (write.before, write.after)
        for write in writes
        if write.before is not None and write.after is not None and write.path.endswith(".py")
    }
    found = []
    for finding in findings:
        if finding.path in texts and finding.path not in lines:
            lines[finding.path] = OriginalLines(*texts[finding.path])
        known = lines.get(finding.path)
        found.append(finding if known is None else replace(finding, line=known.of(finding.line)))
    return sorted(found)
