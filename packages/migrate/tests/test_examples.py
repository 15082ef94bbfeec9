"""The kit for recipe authors: an example that does not hold is told, with what came out instead."""

from dataclasses import replace

import pytest

from maestro_migrate._patterns import rewrite
from maestro_migrate._recipe import Recipe
from maestro_migrate.testing import check_examples, check_page

RECIPE = Recipe(
    "local/clock", "Ask the clock", "", (rewrite("time.time()", to="app.clock.now()"),), words=("time",), sites=("time.time",)
)  # fmt: skip
GOOD = "```py before\nimport time\n\nx = time.time()\n```\n\n```py after\nfrom app.clock import now\n\nx = now()\n```\n\n```py unchanged\nx = clock.time()\n```\n"


def told(page: str) -> str:
    """Return what is wrong with a page."""
    return "\n".join(str(each) for each in check_examples(replace(RECIPE, page=page)))


def test_a_page_that_holds_is_silent() -> None:
    """A rewrite, a refusal, and a second run that rests."""
    assert told(GOOD) == ""


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (GOOD.replace("x = now()", "x = later()"), "now()"),
        (GOOD.replace("clock.time()", "1\nimport time\ny = time.time()"), "now()"),
        (GOOD.partition("```py unchanged")[0], "shows no refusal"),
        ("```py unchanged\nx = 1\n```\n", "shows no rewrite"),
    ],
)
def test_what_does_not_hold_is_told(page: str, message: str) -> None:
    """The wrong result, the rewrite that should not be, the example that is missing."""
    assert message in told(page)


def test_corner_cases_need_no_refusal_of_their_own() -> None:
    """A page of cases holds what the recipe's own page does not."""
    assert not list(check_page(RECIPE, GOOD.partition("```py unchanged")[0]))
