"""Every plumbing site that the inventory counts is either rewritten or a finding: nothing is left without a word."""

from collections import Counter
from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import Recipe, all_recipes, select
from maestro_migrate.testing import Program, read_programs

CASES = Path(__file__).parent / "cases"
FLEET = Path(__file__).parents[3] / "examples" / "legacy-fleet"
SPELLINGS = (
    "x = {0}()",
    "x = {0}('A').lower()",
    "x = {0}(*a, **k)",
    "X = {0}",
    "f({0})",
    "f(a={0})",
    "f(*{0})",
    "X = {0}, 1",
    "X = {{'a': {0}}}",
    "x = {0} or 3",
    "x = {0} is None",
    "x = 'A' in {0}",
    "x = v in {0}",
    "x = {0}['A']",
    "x = getattr({0}, 'a')",
    "x = isinstance(1, ({0}, int))",
    "x: dict[str, {0}] = 1",
    "x = f'{{{0}=}}'",
    "def f(a: {0} = {0}) -> {0}: ...",
    "def f():\n    return {0}",
    "class A({0}): ...",
    "class A:\n    x = {0}",
    "@{0}\ndef f(): ...",
)
"""Ways in which code uses a name, whether or not they make sense for each."""
ON_ONE_LINE = {"An f-string that prints its own source", "The function is replaced"}
"""Programs with several sites on one line, of which one finding tells the same."""


def unaccounted(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return sites, rewrites and findings of each recipe that says nothing of some of its sites."""
    made = plan(root, Options(select(), jobs=1))
    applied: Counter[str] = Counter()
    for write in made.writes:
        for change in write.changes:
            applied[change.recipe] += change.sites
    left = Counter(finding.recipe for finding in made.findings if finding.level != "none")
    return {
        name: (count, applied[name], left[name])
        for name, count in made.sites.items()
        if applied[name] + left[name] < count
    }


@pytest.mark.parametrize("recipe", [each for each in all_recipes() if each.sites], ids=lambda recipe: recipe.id)
def test_no_spelling_of_a_site_is_passed_over(recipe: Recipe, tmp_path: Path) -> None:
    """Called, handed on, renamed, derived from, asked about: what is counted is rewritten or named."""
    silent = {}
    for site in recipe.sites:
        home = site.partition(".")[0] if site.startswith(("os.", "loguru.")) else site.rpartition(".")[0]
        for at, spelling in enumerate(SPELLINGS):
            root = tmp_path / f"{site}-{at}"
            root.mkdir()
            (root / "m.py").write_text(f"import {home}\n\n{spelling.format(site)}\n", encoding="utf-8")
            if found := unaccounted(root):
                silent[spelling.format(site)] = found
    assert not silent


@pytest.mark.parametrize("service", sorted(path.name for path in FLEET.iterdir() if (path / "tests").is_dir()))
def test_no_site_of_the_fleet_is_passed_over(service: str) -> None:
    """What is left of a fleet service is named, site by site."""
    assert not unaccounted(FLEET / service)


@pytest.mark.parametrize("page", sorted(CASES.rglob("*.md")), ids=lambda page: page.stem)
def test_no_site_of_an_adversarial_program_is_passed_over(page: Path, tmp_path: Path) -> None:
    """All recipes at once say of each program's sites what became of them."""
    silent = {}
    for at, program in enumerate(read_programs(page.read_text(encoding="utf-8"))):
        _write(tmp_path / str(at), program)
        if (found := unaccounted(tmp_path / str(at))) and program.heading not in ON_ONE_LINE:
            silent[program.heading] = found
    assert not silent


def _write(root: Path, program: Program) -> None:
    for path, content in program.files:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
