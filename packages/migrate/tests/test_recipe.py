"""Recipes are found, chosen and loaded by name; what is no recipe says so."""

from pathlib import Path

import pytest

from maestro_migrate._recipe import all_recipes, from_file, select
from maestro_migrate._scan import prefilter
from maestro_migrate._words import Words
from maestro_migrate.errors import UnusableInput


def test_a_theme_stands_for_all_of_its_recipes() -> None:
    """And an exclusion takes one out of it."""
    every = {recipe.id for recipe in select(["logging"])}
    assert every == {recipe.id for recipe in all_recipes() if recipe.theme == "logging"}
    one = "logging/ask_the_library_for_loggers"
    assert {recipe.id for recipe in select(["logging"], [one])} == every - {one}


def test_nothing_named_means_all_but_the_opt_in_ones() -> None:
    """In the order in which they run."""
    chosen = select()
    assert {recipe.id for recipe in chosen} == {recipe.id for recipe in all_recipes() if not recipe.opt_in}
    assert [(recipe.order, recipe.id) for recipe in chosen] == sorted((recipe.order, recipe.id) for recipe in chosen)


@pytest.mark.parametrize("names", [(["nonsense"], []), ([], ["nonsense"]), (["logging/nonsense"], [])])
def test_an_unknown_name_is_refused(names: tuple[list[str], list[str]]) -> None:
    """To choose and to leave out."""
    with pytest.raises(UnusableInput, match="recipes list"):
        select(*names)


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    """Its version changes with it, so that no cache answers for the one before."""
    path = tmp_path / "mine.py"
    path.write_text('"""Do nothing."""\n')
    [first] = from_file(path)
    path.write_text('"""Do nothing at all."""\n')
    [second] = from_file(path)
    assert first.id == second.id == "local/mine"
    assert first.version != second.version
    assert select([str(path)]) == (second,)


def test_what_a_recipe_needs_follows_from_its_rewrites(tmp_path: Path) -> None:
    """Words to look for, sites to count and distributions to declare need not be written down twice."""
    path = tmp_path / "mine.py"
    path.write_text(
        '"""Ask."""\nfrom maestro_migrate import rewrite\nr = rewrite("a.b.f($x)", to="maestro_core_logging.g($x)")\n'
    )
    [recipe] = from_file(path)
    assert (recipe.words, recipe.sites, recipe.needs) == (("f",), ("a.b.f",), ("maestro-core-logging",))


def test_a_recipe_without_words_concerns_every_file(tmp_path: Path) -> None:
    """Beside recipes that name words, too: it is the one that asks for each file."""
    recipe = tmp_path / "all_of_it.py"
    recipe.write_text('"""All of it."""\n\ndef edit(module):\n    return iter(())\n')
    assert prefilter([*all_recipes(), *from_file(recipe)], named=frozenset()).passes(b"x = 1")


def test_of_words_only_those_are_searched_that_hold_no_other() -> None:
    """`logging.Formatter` is found wherever `logging` is."""
    assert Words.of(["logging.Formatter", "logging", "os"]).plain == (b"logging", b"os")


def test_a_pattern_is_searched_only_where_its_word_is_found() -> None:
    """`warnings.warn(` holds the word, and is not what the pattern looks for."""
    words = Words.of([(".warn(", r"(?<!warnings)\.warn\(")])
    assert words.occur_in(b"log.warn('late')")
    assert not words.occur_in(b"warnings.warn('late')")
    assert Words.of([".warn(", (".warn(", r"x\.warn\(")]) == Words.of([".warn("])


def test_a_file_may_be_scanned_and_not_edited(tmp_path: Path) -> None:
    """`EDIT_WORDS` are the words that `edit` needs, where `scan` needs others."""
    recipe = tmp_path / "narrow.py"
    recipe.write_text('"""Narrow."""\n\nWORDS = ("base", "told")\nEDIT_WORDS = ("base",)\n')
    (loaded,) = from_file(recipe)
    assert (loaded.looks_for, loaded.edits_with) == (Words.of(["base", "told"]), Words.of(["base"]))
