"""Docs are code: every Python block runs, every command, option and make target is documented."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("packages/*/README.md"),
        *ROOT.glob("packages/*/docs/**/*.md"),
        ROOT / "utilities" / "README.md",
    ]
    if path.name != "CHANGELOG.md"
)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(page, block, id=f"{page.relative_to(ROOT).as_posix()}:{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text()), start=1)
]


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_every_python_block_runs(page: Path, block: str, tmp_path: Path):
    """A block that stands in the docs runs as it stands, in an empty folder."""
    script = tmp_path / "block.py"
    script.write_text(block)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{page}: {done.stderr}"


def _commands(group: click.Command, name: str) -> list[tuple[str, click.Command]]:
    found = [(name, group)]
    if isinstance(group, click.Group):
        context = click.Context(group)
        for child in group.list_commands(context):
            command = group.get_command(context, child)
            assert command is not None
            found += _commands(command, f"{name} {child}")
    return found


def _page() -> str:
    from maestro_cli import main

    lines = ["# Commands", "", "What `--help` says, for every command; written by `make bless`.", ""]
    for name, command in _commands(main, "maestro"):
        # `main` gives every command its names of the help option; click remembers those of the first context that asked, a test's maybe.
        names = main.context_settings["help_option_names"]
        command = copy.copy(command)
        vars(command)["_help_option"] = None
        context = click.Context(
            command, info_name=name, terminal_width=110, max_content_width=110, help_option_names=names
        )
        lines += [
            f"## `{name}`",
            "",
            "```text",
            *(line.rstrip() for line in command.get_help(context).splitlines()),
            "```",
            "",
        ]
    return "\n".join(lines)


def test_golden_every_command_and_option_is_documented():
    """`docs/commands.md` is what the command line says of itself."""
    page = ROOT / "docs" / "commands.md"
    if os.environ.get("MAESTRO_BLESS"):
        page.write_text(_page())
    assert page.read_text() == _page(), "run `make bless` and read the difference"


def test_every_make_target_is_documented():
    """`make help` and the README or CONTRIBUTING name each target."""
    targets = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    described = set(re.findall(r"^([a-z-]+):[^\n]*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets == described
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    assert [target for target in sorted(targets) if f"make {target}" not in text] == []


def test_every_link_between_pages_leads_somewhere():
    """Relative links in the docs point at files that exist."""
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_the_site_is_built_strictly_with_a_page_for_every_recipe_and_library(tmp_path):
    """`make docs` lets no link lead nowhere, and what docstrings say is on a page."""
    from maestro_migrate._recipe import all_recipes

    command = [Path(sys.executable).with_name("mkdocs"), "build", "--strict", "--site-dir", tmp_path / "site"]
    variables = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=200, check=False)
    assert built.returncode == 0, built.stderr
    for recipe in all_recipes():
        words = recipe.title.split("`")[0].strip()
        assert words in (tmp_path / "site" / "recipes" / f"{recipe.id}.html").read_text()
    for package in ROOT.glob("packages/*/src/*/py.typed"):
        module = package.parent.name
        page = (tmp_path / "site" / "reference" / "api" / f"{module}.html").read_text()
        assert f'id="{module}"' in page
