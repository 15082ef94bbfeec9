"""One file through its recipes until it rests; what would be spoilt is left as it was."""

from collections.abc import Iterable

import pytest

from maestro_migrate._project import Facts, Project
from maestro_migrate._recipe import Recipe, select
from maestro_migrate._rounds import FileResult, rewrite_file
from maestro_migrate._semantics import Module
from maestro_migrate._spans import Change, Edit, Safety


def run(raw: bytes, *recipes: Recipe, unsafe: bool = False) -> FileResult:
    """Rewrite the only file of a project."""
    return rewrite_file(raw, "mod.py", Project({"mod.py": Facts()}), recipes, unsafe=unsafe)


def replacing(old: bytes, new: str, *, requires: tuple[str, ...] = (), safety: Safety = Safety.SAFE) -> Recipe:
    """Make a recipe that replaces the first occurrence of some bytes."""

    def edit(module: Module) -> Iterable[Change]:
        start = module.source.text.find(old)
        if start >= 0:
            found = Edit(start, start + len(old), new)
            yield module.change(found, at=module.tree.body[0], reason="a test", requires=requires, safety=safety)

    return Recipe(f"local/{old.decode()[:3].strip()}", "Replace", "", edits=edit)


def test_the_rounds_end() -> None:
    """A recipe that never rests is stopped after four rounds."""
    assert run(b"x\n", replacing(b"x", "xx")).rounds == 4


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (replacing(b"x = 1", "x = ="), "result-does-not-parse"),
        (replacing(b"  # why", ""), "comment-lost"),
    ],
)
def test_a_spoilt_result_is_dropped_with_its_reason(recipe: Recipe, reason: str) -> None:
    """The file stays as it was and the finding says what was wrong."""
    result = run(b"x = 1  # why\n", recipe)
    assert result.after is None
    assert not result.changes
    assert [(finding.recipe, finding.reason.partition(":")[0]) for finding in result.findings] == [("engine", reason)]


def test_a_character_that_the_encoding_lacks_stops_the_file() -> None:
    """A Latin-1 file cannot hold a snowman."""
    result = run(b"# coding: latin-1\nx = 'a'\n", replacing(b"'a'", "'\u2603'"))
    assert result.after is None
    assert "cannot hold" in result.findings[0].reason


def test_a_change_that_wants_review_waits_for_unsafe() -> None:
    """It is a finding until somebody says that it may be made."""
    recipe = replacing(b"x = 1", "x = 2", safety=Safety.REVIEW)
    kept = run(b"x = 1\n", recipe)
    assert kept.after is None
    assert "--unsafe" in kept.findings[0].action
    assert run(b"x = 1\n", recipe, unsafe=True).after == b"x = 2\n"


def test_only_what_the_last_round_leaves_is_a_finding() -> None:
    """A site that a later round rewrites is not told as left."""
    result = run(
        b"import logging\nlogging.getLogger(logging.getLogger('a').name)\n",
        *select(["logging/ask_the_library_for_loggers"]),
    )
    assert not result.findings
    assert (result.after or b"").count(b"get_logger(") == 2


def test_unreadable_files_have_a_reason_and_no_changes() -> None:
    """Other Pythons' syntax is not ours to mend."""
    result = run(b"print 'x'\n", replacing(b"x", "y"))
    assert result.unparsed
    assert result.after is None


def test_a_note_beside_a_change_outlives_the_change() -> None:
    """What a recipe says of a place that it rewrites is said once, though the next round no longer finds the place."""

    def edit(module: Module) -> Iterable[Change]:
        for at, node in enumerate(module.tree.body):
            start, end = module.source.span(node)
            if module.source.text[start:end] == b"x":
                module.refuse(node, "dialect: kept", "settle on one", level="none")
                yield module.change(Edit(start, end, "y"), at=node, reason="a test")
            elif at:
                module.refuse(node, "stays: it is no x", "leave it", level="none")

    result = run(b"x\nz\n", Recipe("local/note", "Note", "", edits=edit))
    assert result.after == b"y\nz\n"
    assert [(each.line, each.reason) for each in result.findings] == [(2, "stays: it is no x"), (1, "dialect: kept")]
