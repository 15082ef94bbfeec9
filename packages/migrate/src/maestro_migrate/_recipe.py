"""
Recipes: one file each, whose docstring is its page and whose fenced examples are its tests.

A recipe holds `rewrite(…)` objects, or `scan(module)` (facts, plain data) and `edit(module)` (changes out), or both. It may say:
`NEEDS` (distributions that its new code imports), `WORDS` (one of these must occur in a file, or the file is not even parsed; a pair is a word and the pattern
that it is part of), `EDIT_WORDS` (where `edit` needs other words than `scan`: one of these must occur, or `edit` is not called; else those of `WORDS`), `SITES`
(qualified names that the inventory counts as plumbing; `edit` is called for files that get something from their packages, or of which `scan` said something), `ADDS` (names that it brings into files and that others may ask them for already), `ORDER`
(lower runs first), and `finish(project, contributions)` where a file outside the edited ones is made from what the edits contributed. A `scan` that returns
`{"retires": True, …}` says that `edit` may take top-level names of the file away; then every file that may import it is read, whatever it uses. Names in the
place of `True` may also become something else: `scan` is then asked about every file that uses them.
`REPORTS_ONLY = True` says that it names what stays and never rewrites.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from ._cache import digest
from ._patterns import Rewrite
from ._semantics import Module
from ._spans import Change
from ._words import Word, Words
from .errors import UnusableInput

__all__ = ["Recipe", "all_recipes", "from_file", "recipe_of", "select"]


@dataclass(frozen=True)
class Recipe:
    """A loaded recipe; `id` is `theme/verb_phrase`."""

    id: str
    title: str
    page: str
    rewrites: tuple[Rewrite, ...] = ()
    scan: Callable[[Module], Any] | None = None
    edits: Callable[[Module], Iterable[Change]] | None = None
    finish: Callable[..., Any] | None = None
    needs: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    sites: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    order: int = 50
    opt_in: bool = False
    reports_only: bool = False
    edit_words: tuple[Word, ...] = ()
    version: str = ""  # hash of a file of the user's own; what is shipped changes only with the engine

    @cached_property
    def looks_for(self) -> Words:
        """The words of which a file must hold one to be scanned; every file holds what a recipe without words looks for."""
        return Words.of(self.words or ("",))

    @cached_property
    def edits_with(self) -> Words:
        """The words of which a file must hold one to be edited."""
        return Words.of(self.edit_words) if self.edit_words else self.looks_for

    @property
    def theme(self) -> str:
        """Return the folder that the recipe stands in."""
        return self.id.partition("/")[0]

    def edit(self, module: Module) -> Iterator[Change]:
        """Yield the recipe's changes for one module; what it leaves is in `module.findings`."""
        module.recipe = self.id
        module.settled = set()
        taken: list[tuple[int, int]] = []
        for one in self.rewrites:
            for change in one.edit(module):
                spans = [(edit.start, edit.end) for edit in change.edits]
                if not any(low < end and start < high for low, high in taken for start, end in spans):
                    taken += spans
                    yield change  # what lies inside another match waits for the next round
        if self.edits is not None:
            yield from self.edits(module)
        self._name_leftovers(module)

    def _name_leftovers(self, module: Module) -> None:
        """Name the uses of the rewrites' heads that no pattern covers."""
        for head, action in {one.pattern.head: one.action for one in self.rewrites}.items():
            for site in module.sites(head, action=action):
                if id(site.root) not in module.settled:
                    shape = "passed-on: the function itself is handed on, so its calls cannot be told"
                    reason = shape if site.call is None else "other-shape: no pattern covers a call written like this"
                    module.refuse(site.whole, reason, action)


def recipe_of(code: ModuleType, recipe_id: str) -> Recipe:
    """Return the recipe that a Python module defines."""
    page = (code.__doc__ or "").strip()
    rewrites = tuple(value for value in vars(code).values() if isinstance(value, Rewrite))
    words = tuple(getattr(code, "WORDS", ())) or tuple(
        sorted({one.pattern.head.rsplit(".", 1)[-1] for one in rewrites})
    )
    needs = tuple(getattr(code, "NEEDS", ())) or tuple(
        sorted({one.target.split(".")[0].replace("_", "-") for one in rewrites if one.target.startswith("maestro_")})
    )
    sites = tuple(getattr(code, "SITES", ())) or tuple(sorted({one.pattern.head for one in rewrites}))
    return Recipe(
        recipe_id, page.partition("\n")[0].rstrip("."), page, rewrites, getattr(code, "scan", None), getattr(code, "edit", None), getattr(code, "finish", None),
        needs, words, sites, tuple(getattr(code, "ADDS", ())), getattr(code, "ORDER", 50), getattr(code, "OPT_IN", False), getattr(code, "REPORTS_ONLY", False),
        tuple(getattr(code, "EDIT_WORDS", ())),
    )  # fmt: skip


@cache
def all_recipes() -> tuple[Recipe, ...]:
    """Return every recipe of the package in the order in which they run."""
    from . import recipes as package

    found: list[Recipe] = []
    for theme in pkgutil.iter_modules(package.__path__):
        if not theme.ispkg:
            continue
        folder = importlib.import_module(f"{package.__name__}.{theme.name}")
        entries = [entry.name for entry in pkgutil.iter_modules(folder.__path__) if not entry.name.startswith("_")]
        found += [
            recipe_of(importlib.import_module(f"{folder.__name__}.{name}"), f"{theme.name}/{name}") for name in entries
        ]
    return tuple(sorted(found, key=lambda recipe: (recipe.order, recipe.id)))


def select(names: Sequence[str] = (), exclude: Sequence[str] = (), extra: Sequence[Recipe] = ()) -> tuple[Recipe, ...]:
    """
    Return the recipes named by id or theme (all but the opt-in ones where none is named), less the excluded ones.

    Raises:
        UnusableInput: a name is neither a recipe, a theme, nor a recipe file.
    """
    known = [*all_recipes(), *extra]

    def named(name: str) -> list[Recipe]:
        hits = [recipe for recipe in known if name in (recipe.id, recipe.theme)]
        if not hits and Path(name).suffix in {".toml", ".py"}:
            hits = list(from_file(Path(name)))
        if not hits:
            raise UnusableInput(
                name, "is no recipe", advice="`maestro recipes list` names them; a theme stands for all of its recipes"
            )
        return hits

    chosen = (
        [recipe for name in names for recipe in named(name)]
        if names
        else [recipe for recipe in known if not recipe.opt_in]
    )
    dropped = {recipe.id for name in exclude for recipe in named(name)}
    unique = {recipe.id: recipe for recipe in chosen if recipe.id not in dropped}
    return tuple(sorted(unique.values(), key=lambda recipe: (recipe.order, recipe.id)))


def from_file(path: Path) -> tuple[Recipe, ...]:
    """
    Load recipes from a declarative TOML file or a Python file.

    Raises:
        UnusableInput: the file is missing or is not a recipe.
    """
    if not path.is_file():
        raise UnusableInput(path, "is not a file", advice="give the path of a recipe's .toml or .py file")
    version = digest(path.read_bytes())
    if path.suffix == ".toml":
        from ._declarative import load

        return tuple(replace(recipe, version=version) for recipe in load(path))
    spec = importlib.util.spec_from_file_location(f"maestro_recipe_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(code)
    except Exception as error:
        raise UnusableInput(
            path, f"cannot be loaded: {type(error).__name__}: {error}", advice="mend the recipe and try again"
        ) from error
    return (replace(recipe_of(code, f"local/{path.stem}"), version=version),)
