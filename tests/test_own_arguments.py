"""What the engine takes for an argument of the library's is one, and nothing else is."""

from __future__ import annotations

import inspect

from maestro_core_api import MaestroAPI
from maestro_migrate.recipes.api import build_the_app_from_the_library as recipe


def test_the_recipe_knows_every_argument_that_the_library_adds() -> None:
    """`FastAPI` keeps whatever it is given in `extra`: an app that passes one of these names must stay as it is."""
    parameters = inspect.signature(MaestroAPI.__init__).parameters.values()
    assert {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} == recipe._OWN
