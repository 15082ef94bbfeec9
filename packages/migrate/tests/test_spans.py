"""Edits as data: applied exactly, refused where they overlap, deferred where two recipes want the same bytes."""

import pytest

from maestro_migrate._spans import Change, Edit, apply_edits, compatible
from maestro_migrate.errors import OverlappingEdits


def change(recipe: str, *edits: Edit) -> Change:
    """Make a change of some recipe."""
    return Change(edits, 1, recipe, "")


def test_edits_are_made_in_the_order_of_their_places() -> None:
    """However they are listed, and an edit that two sites share is made once."""
    edits = [Edit(4, 5, "E"), Edit(0, 1, "A"), Edit(2, 2, "+"), Edit(0, 1, "A")]
    assert apply_edits(b"abcdef", edits) == b"Ab+cdEf"


def test_edits_that_touch_are_not_edits_that_overlap() -> None:
    """One ends where the next begins."""
    assert apply_edits(b"abcd", [Edit(0, 2, "x"), Edit(2, 4, "y")]) == b"xy"


@pytest.mark.parametrize(
    ("one", "other"),
    [(Edit(0, 3, ""), Edit(2, 4, "")), (Edit(0, 3, "x"), Edit(0, 3, "y")), (Edit(0, 4, ""), Edit(2, 2, "new"))],
)
def test_overlapping_edits_are_refused(one: Edit, other: Edit) -> None:
    """Whoever came first, nothing is guessed."""
    with pytest.raises(OverlappingEdits):
        apply_edits(b"abcdef", [one, other])


def test_a_later_recipes_change_waits_whole() -> None:
    """All edits of a site are made or none; the one that waits says which."""
    first = change("a/one", Edit(0, 2, "x"))
    second = change("b/two", Edit(1, 3, "y"), Edit(8, 9, "z"))
    third = change("b/two", Edit(5, 6, "w"))
    assert compatible([first, second, third]) == ([first, third], [second])


def test_a_recipe_that_contradicts_itself_is_at_fault() -> None:
    """The error names the recipe."""
    with pytest.raises(OverlappingEdits, match="a/one"):
        compatible([change("a/one", Edit(0, 2, "x")), change("a/one", Edit(1, 3, "y"))])
