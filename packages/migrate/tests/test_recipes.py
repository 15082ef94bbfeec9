"""Every recipe keeps the promises of its own page, and of the corner cases that are filed under its name."""

from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import Recipe, all_recipes, select
from maestro_migrate.testing import check_examples, check_page

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.id)
def test_the_page_holds(recipe: Recipe) -> None:
    """Each example holds with this recipe alone, rests on the second run, and there is a rewrite and a refusal."""
    assert not list(map(str, check_examples(recipe)))


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.id)
def test_the_corner_cases_hold(recipe: Recipe) -> None:
    """The examples in `cases/<theme>/<recipe>.md` hold as well."""
    page = CASES / f"{recipe.id}.md"
    if page.exists():
        assert not list(map(str, check_page(recipe, page.read_text(encoding="utf-8"))))


def test_every_case_file_belongs_to_a_recipe() -> None:
    """A renamed recipe takes its cases along."""
    known = {recipe.id for recipe in all_recipes()}
    assert {page.relative_to(CASES).with_suffix("").as_posix() for page in CASES.rglob("*.md")} <= known


def test_a_set_up_that_tests_patch_says_what_to_do_about_it(tmp_path: Path) -> None:
    """What a test replaces is named with the action for that very library, as any other set-up of it is."""
    (tmp_path / "app.py").write_text("from loguru import logger\n\nlogger.remove()\n")
    (tmp_path / "test_app.py").write_text("from unittest.mock import patch\n\npatch('app.logger.remove')\n")
    made = plan(tmp_path, Options(select(["logging"]), jobs=1))
    [finding] = [each for each in made.findings if each.reason.startswith("patched-by-tests")]
    assert "loguru_sink" in finding.action
