"""
Edits as plain data: byte spans, grouped into changes that apply whole or not at all.

Offsets count bytes of the UTF-8 text of a `Source`, as `ast` columns do; they are never offsets into the file's own bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from .errors import OverlappingEdits

__all__ = ["Change", "Edit", "Finding", "Safety", "apply_edits", "compatible"]


class Safety(StrEnum):
    """Whether a change is proven to keep behaviour (`safe`) or needs a person's eye (`review`, applied with `--unsafe`)."""

    SAFE = "safe"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """A replacement of the bytes `start:end` of a source's UTF-8 text by `text`; an insertion where both are equal."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """
    All edits of one site: they apply together or not at all.

    `requires` lists the qualified names that the new text uses and that the engine must import
    (`maestro_core_logging.get_logger`); the text names them as `Module.local_name` returned them.
    `sites` counts the plumbing sites (calls, imports) that the change settles. `contributes` are pairs that the recipe's
    `finish` gets to make a file from, such as the fields of a settings class. `dead` are the spans of code that nothing uses any
    more: the comments in them go with it, where a comment lost elsewhere spoils the file.
    """

    edits: tuple[Edit, ...]
    line: int
    recipe: str
    reason: str
    safety: Safety = Safety.SAFE
    requires: tuple[str, ...] = ()
    sites: int = 1
    contributes: tuple[tuple[str, str], ...] = ()
    dead: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A place that was left alone: where, which recipe, why, and what a person can do by hand."""

    path: str
    line: int
    recipe: str
    reason: str
    action: str
    level: str = field(default="note", compare=False)


def apply_edits(text: bytes, edits: Iterable[Edit]) -> bytes:
    """
    Return `text` with every edit made; identical edits count once.

    Raises:
        OverlappingEdits: two different edits touch the same byte, or two insertions at one point differ in nothing but order.
    """
    ordered = sorted(set(edits))
    for left, right in pairwise(ordered):
        if right.start < left.end or (left.start == right.start and left.end > left.start):
            raise OverlappingEdits(left, right)
    pieces: list[bytes] = []
    position = 0
    for edit in ordered:
        pieces += (text[position : edit.start], edit.text.encode())
        position = edit.end
    pieces.append(text[position:])
    return b"".join(pieces)


def compatible(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """
    Split changes into those that can be made together and those that must wait for the next round.

    Earlier changes win. Changes of one recipe never legitimately overlap.

    Raises:
        OverlappingEdits: two changes of the same recipe touch the same byte in different ways.
    """
    taken: list[tuple[Edit, str]] = []
    now: list[Change] = []
    later: list[Change] = []
    for change in changes:
        rival = next((r for e in change.edits for r in taken if _clash(e, r[0])), None)
        if rival is None:
            now.append(change)
            taken.extend((edit, change.recipe) for edit in change.edits)
        elif rival[1] == change.recipe:
            raise OverlappingEdits(change.edits[0], rival[0], recipe=change.recipe)
        else:
            later.append(change)
    return now, later


def _clash(one: Edit, other: Edit) -> bool:
    if one == other:
        return False
    if one.start == one.end or other.start == other.end:
        return one.start < other.end and other.start < one.end
    return one.start < other.end and other.start < one.end
