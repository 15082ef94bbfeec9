"""
The test kit for recipes: what `maestro recipes test FILE` runs, and what the recipes of this package are held to.

`check_examples(recipe)` proves what every recipe owes: each fenced example on its page holds with that recipe alone, every output is Python,
a second run changes nothing, and there is at least one rewrite and one refusal. `check_behaviour(program, …)` runs a program before and after.

```python
from maestro_migrate.testing import Route, check_behaviour, read_programs
```
"""

import difflib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ._engine import Options, plan
from ._examples import Example, PageError, Program, read_examples, read_programs
from ._oracle import Outcome, Route, Verdict, judge
from ._oracle import rewritten as check_behaviour
from ._oracle import write_files
from ._plan import MigrationPlan
from ._recipe import Recipe, select
from ._source import UnreadableSource, parse, read_source

__all__ = [
    "Example",
    "Failure",
    "Outcome",
    "Program",
    "Route",
    "Verdict",
    "check_behaviour",
    "check_example",
    "check_examples",
    "check_page",
    "judge",
    "read_examples",
    "read_programs",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """A promise that does not hold: of which recipe, where on its page, and what came out instead."""

    recipe: str
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.recipe}, {self.where}: {self.why}"


def check_examples(recipe: Recipe) -> list[Failure]:
    """Return what does not hold of a recipe's own page, which must show a rewrite and a refusal."""
    failures = check_page(recipe, recipe.page)
    if failures and failures[0].where == "page":
        return failures
    shown = read_examples(recipe.page)
    if not recipe.reports_only and not any(example.after is not None for example in shown):
        failures.append(Failure(recipe.id, "page", "shows no rewrite: add a `py before` and a `py after` fence"))
    if not any(example.after is None for example in shown):
        failures.append(
            Failure(
                recipe.id,
                "page",
                "shows no refusal: add a `py unchanged` fence with code that the recipe must leave alone",
            )
        )
    return failures


def check_page(recipe: Recipe, page: str) -> list[Failure]:
    """Return what does not hold of the examples of a page, with this recipe alone unless a fence names others."""
    try:
        shown = read_examples(page)
    except PageError as error:
        return [Failure(recipe.id, "page", str(error))]
    return [failure for example in shown for failure in check_example(recipe, example)]


def check_example(recipe: Recipe, example: Example) -> list[Failure]:
    """Return what does not hold of one example."""
    where = f"line {example.line}" + (f" ({example.heading})" if example.heading else "")
    recipes = tuple(
        sorted(
            {recipe.id: recipe, **{r.id: r for r in _others(example.recipes)}}.values(), key=lambda r: (r.order, r.id)
        )
    )
    with tempfile.TemporaryDirectory(prefix="maestro-example-") as folder:
        root = Path(folder) / "service"
        write_files(root, {path: text.encode() for path, text in (*example.beside, (example.path, example.before))})
        made = plan(root, Options(recipes, jobs=1))
        problems = [*_unparsed(made), *_unlike(example, made)]
        write_files(root, {write.path: write.after for write in made.writes if write.after is not None})
        again = plan(root, Options(recipes, jobs=1))
        problems += [
            f"a second run changes {write.path} again:\n{_diff(write.before, write.after)}" for write in again.writes
        ]
    return [Failure(recipe.id, where, problem) for problem in problems]


def _others(names: Sequence[str]) -> Iterable[Recipe]:
    return select(names) if names else ()


def _unparsed(made: MigrationPlan) -> list[str]:
    problems = [f"{each.path} is not Python: {each.reason}" for each in made.unparsed]
    for write in made.writes:
        if write.after is not None and write.path.endswith(".py"):
            try:
                parse(read_source(write.after, write.path))
            except UnreadableSource as error:
                problems.append(f"the result is not Python: {error}")
    return problems


def _unlike(example: Example, made: MigrationPlan) -> list[str]:
    write = next((write for write in made.writes if write.path == example.path), None)
    wanted = example.before if example.after is None else example.after
    actual = example.before.encode() if write is None else (write.after or b"")
    problems = []
    if actual != wanted.encode():
        left = "".join(f"\n  left: {f.path}:{f.line}: {f.reason}" for f in made.findings)
        problems.append(
            f"{'is changed' if example.after is None else 'comes out otherwise'}:\n{_diff(wanted.encode(), actual)}{left}"
        )
    if example.finding and not any(
        f.path == example.path and f.reason.startswith(example.finding) for f in made.findings
    ):
        problems.append(f"has no finding {example.finding!r}, only {[f.reason for f in made.findings]}")
    return problems


def _diff(wanted: bytes | None, actual: bytes | None) -> str:
    old, new = ((side or b"").decode(errors="replace").splitlines(keepends=True) for side in (wanted, actual))
    return "".join(difflib.unified_diff(old, new, "wanted", "actual"))
