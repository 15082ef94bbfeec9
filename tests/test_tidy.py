"""Tidiness that a review would otherwise have to ask for: names, sizes, public surfaces, pages."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(
    path.parent for path in [*ROOT.glob("packages/*/pyproject.toml"), ROOT / "utilities" / "pyproject.toml"]
)
SOURCES = sorted(path for package in PACKAGES for path in (package / "src").rglob("*.py"))
BANNED = {"utils", "helpers", "manager", "common", "misc", "data", "info", "process"}
LONGEST_MODULE = 500
# Modules that were longer when the ratchet was set: they may shrink, never grow.
LONGER: dict[str, int] = {}
PUBLIC = [
    "maestro_core_api",
    "maestro_core_config",
    "maestro_core_logging",
    "maestro_migrate",
    "maestro_monitoring",
    "maestro_testing",
]


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_module_has_a_name_that_says_nothing():
    """A module called `utils` or `helpers` is where the next reader does not look."""
    assert [_shown(path) for path in SOURCES if path.stem.strip("_") in BANNED] == []


def test_no_module_outgrows_a_reader():
    """Modules stay below 500 lines; the listed ones only ever get shorter."""
    too_long = {
        _shown(path): count
        for path in SOURCES
        if (count := len(path.read_text().splitlines())) > LONGER.get(_shown(path), LONGEST_MODULE)
    }
    assert too_long == {}


@pytest.mark.parametrize("path", SOURCES, ids=_shown)
def test_every_module_says_what_it_is_for(path: Path):
    """The first statement of each module is its docstring."""
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree), f"{_shown(path)} has no docstring"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_sorted_and_exist(name: str):
    """`__all__` is the library's surface: sorted, and each name importable."""
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    for public in module.__all__:
        assert getattr(module, public) is not None


@pytest.mark.parametrize("package", PACKAGES, ids=_shown)
def test_every_package_is_typed_and_introduced(package: Path):
    """Each distribution ships `py.typed` and a README with a first sentence."""
    assert list((package / "src").glob("*/py.typed"))
    assert len((package / "README.md").read_text().split()) > 20


def test_every_recipe_has_a_page_with_a_rewrite_and_a_refusal():
    """A recipe's docstring is its documentation, and refusals are tested as hard as rewrites."""
    from maestro_migrate._examples import read_examples
    from maestro_migrate._recipe import all_recipes

    for recipe in all_recipes():
        shown = read_examples(recipe.page)
        assert recipe.reports_only or any(
            example.after is not None for example in shown
        ), f"{recipe.id} shows no rewrite"
        assert any(example.after is None for example in shown), f"{recipe.id} shows no refusal"
        assert recipe.title
        assert not recipe.title.endswith(".")


def test_no_file_names_this_machine_or_a_registry():
    """What is committed works anywhere: no registry's host, no path of a developer's machine."""
    import re
    import subprocess

    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    pattern = re.compile(
        rb"(^|[^A-Za-z0-9_.-])/(work|farm)/|/"
        rb"root/|files\.python"
        rb"hosted|registry\.npm"
        rb"js|--extra-index-"
        rb"url http",
        re.MULTILINE,
    )
    found = [
        name.decode()
        for name in listed
        if name and (ROOT / name.decode()).is_file() and pattern.search((ROOT / name.decode()).read_bytes())
    ]
    assert found == []
