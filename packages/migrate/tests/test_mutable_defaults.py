"""A settings class whose linter will complain of what was fine before says so."""

from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import select

CODE = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    name: str = 'x'\n    {}\n"


def found(tree: Path, field: str, files: dict[str, str]) -> list[str]:
    """Return the reasons that the recipe gives beside its rewrite of a class with the field."""
    for name, text in {**files, "app.py": CODE.format(field)}.items():
        (tree / name).write_text(text)
    made = plan(tree, Options(select(["config/derive_settings_from_the_library"]), jobs=1))
    assert [write.path for write in made.writes] == ["app.py"]
    return [f"{each.line} {each.reason.partition(':')[0]}" for each in made.findings]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.ruff.lint]\nselect = ['E', 'RUF']\n"),
        ("pyproject.toml", "[tool.ruff]\nselect = ['ALL']\nignore = ['RUF100']\n"),
        ("ruff.toml", "[lint]\nextend-select = ['RUF012']\n"),
    ],
)
def test_ruffs_complaint_of_a_copied_default_is_foretold(tmp_path: Path, name: str, text: str) -> None:
    """The class is rewritten, and its first list or dictionary is named with what to do for the linter."""
    assert found(tmp_path, "origins: list[str] = ['*']", {name: text}) == ["6 mutable-default"]


@pytest.mark.parametrize(
    "text", ["", "[tool.ruff.lint]\nselect = ['E']\n", "[tool.ruff.lint]\nselect = ['ALL']\nignore = ['RUF012']\n"]
)
def test_nobody_hears_of_a_rule_that_is_off(tmp_path: Path, text: str) -> None:
    """No ruff, another choice of rules, or the rule left out."""
    assert found(tmp_path, "origins: list[str] = ['*']", {"pyproject.toml": text}) == []


@pytest.mark.parametrize("field", ["origins: ClassVar[list[str]] = []", "origins: str = '*'", "__slots__ = []"])
def test_other_fields_are_nothing_to_ruff(tmp_path: Path, field: str) -> None:
    """What is shared on purpose, and what cannot change."""
    assert found(tmp_path, field, {"pyproject.toml": "[tool.ruff.lint]\nselect = ['RUF']\n"}) == []
