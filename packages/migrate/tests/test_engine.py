"""From a folder to a plan."""

from pathlib import Path

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import Recipe, select
from maestro_migrate._semantics import Module


def test_a_recipe_that_fails_loses_only_its_own_edits(tmp_path: Path) -> None:
    """The failure is a finding, the other recipes go on."""

    def broken(_: Module) -> list[object]:
        raise LookupError("no such thing")

    (tmp_path / "mod.py").write_text("import logging\n\nlog = logging.getLogger()\n")
    recipes = (Recipe("local/broken", "Break", "", edits=broken, words=("logging",)), *select(["logging/ask_the_library_for_loggers"]))  # type: ignore[arg-type]  # wrong on purpose
    made = plan(tmp_path, Options(recipes, jobs=1))
    assert [write.path for write in made.writes] == ["mod.py"]
    assert [finding.reason for finding in made.findings] == ["recipe-failed: LookupError: no such thing"]
