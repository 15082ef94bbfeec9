"""`explain()`: which layer gave each value, where it stands, and what it overrides; secrets masked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, RootModel

from ._live import MASK, LiveField
from ._places import ABSENT, Place, Spelling, found_at, place_in, spellings_of
from ._secrecy import holds_secret, is_secret_type, opened_in, shown_value, without_passwords
from ._shown import shown
from ._sources import load_of


@dataclass(frozen=True, slots=True)
class Overridden:
    """A value that a higher layer hid."""

    shown: str
    place: Place

    def __str__(self) -> str:
        return f"{self.place} = {self.shown}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One setting: its value as it may be shown, where it comes from, and what it hides."""

    name: str
    shown: str
    place: Place
    overrides: tuple[Overridden, ...] = ()

    def __str__(self) -> str:
        hidden = f" (overrides {'; '.join(map(str, self.overrides))})" if self.overrides else ""
        return f"{self.name} = {self.shown}  <- {self.place}{hidden}"


class Explanations(Mapping[str, Explanation]):
    """Explanations by dotted name; as text, one line each."""

    def __init__(self, explanations: dict[str, Explanation]) -> None:
        self._by_name = explanations

    def __getitem__(self, name: str) -> Explanation:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __str__(self) -> str:
        return "\n".join(map(str, self.values()))


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: tuple[str, ...]
    steps: list[tuple[Spelling, ...]]
    value: Any
    secret: bool
    secret_inside: bool


def explain(settings: Any) -> Explanations:
    """Say for every setting which layer gave its value and what that hides, with file and line.

    Nested models are explained leaf by leaf, under dotted names. A copy of settings has lost its sources.
    """
    load = load_of(settings)
    documents = [(source, source()) for source in load.sources]
    explanations = {}
    for leaf in _leaves(settings, (), []):
        explanation = _explained(leaf, documents, type(settings))
        explanations[explanation.name] = explanation
    for name, field in settings.__live_fields__.items():
        explanations[name] = _explained_live(settings, name, field)
    return Explanations(explanations)


def fingerprint(settings: Any) -> str:
    """Return a short hash of all values but secret ones, live ones as of now: equal for equal configuration.

    It is meant for a metric or a log line, to see which instances run with which configuration.
    """
    shown_values = sorted((explanation.name, explanation.shown) for explanation in explain(settings).values())
    return hashlib.sha256(repr(shown_values).encode()).hexdigest()[:16]


def _leaves(model: Any, path: tuple[str, ...], steps: list[tuple[Spelling, ...]]) -> Iterator[_Leaf]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name, None)
        here, spellings = (*path, name), [*steps, spellings_of(field, name)]
        if isinstance(value, BaseModel) and not isinstance(value, RootModel):
            yield from _leaves(value, here, spellings)
        else:
            kind = field.annotation
            yield _Leaf(here, spellings, value, is_secret_type(kind), holds_secret(kind))


def _explained(leaf: _Leaf, documents: list[tuple[Any, Any]], settings_cls: Any) -> Explanation:
    given = [
        Overridden(
            shown_value(value, secret=leaf.secret_inside or any(opened_in(value))),
            place_in(source, settings_cls, leaf.path[0], spelled),
        )
        for source, document in documents
        for value, spelled in (found_at(document, leaf.steps),)
        if value is not ABSENT
    ]
    secret = leaf.secret or (bool(given) and not leaf.secret_inside and given[0].shown == repr(MASK))
    place = given[0].place if given else Place("default" if documents else "unknown", "")
    return Explanation(".".join(leaf.path), shown_value(leaf.value, secret=secret), place, tuple(given[1:]))


def _explained_live(settings: Any, name: str, field: LiveField) -> Explanation:
    override = field.overridden_value(settings)
    text = without_passwords(repr(shown(settings, field)))
    try:
        variable = field.raw()[0]
    except KeyError:
        return Explanation(name, text, Place("live", "nothing") if override is None else Place("argument", name))
    below = Place("environment", variable) if variable else Place("default", "")
    if override is None:
        return Explanation(name, text, below)
    hidden = MASK if field.is_secret else without_passwords(repr(override.instead_of))
    return Explanation(name, text, Place("argument", name), (Overridden(hidden, below),))
