"""Live reload: validated first, swapped at once, announced as typed changes, refused when anything objects."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from ._live import MASK
from ._loading import build
from ._places import Place
from ._problems import InvalidConfiguration, Problem
from ._quotes import without_quotes
from ._secrecy import holds_secret, shown_value, telling, texts_in
from ._sources import load_of, remember_load

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One field that a reload changes; its text masks secrets, its attributes do not."""

    name: str
    old: T
    new: T
    place: Place
    secret: bool = False

    def __repr__(self) -> str:
        old, new = (shown_value(value, secret=self.secret) for value in (self.old, self.new))
        return f"{self.name}: {old} -> {new} ({self.place})"

    def reverse(self) -> Change[T]:
        """Return the change that undoes this one."""
        return Change(self.name, self.new, self.old, self.place, self.secret)


Subscriber = Callable[[Change[Any]], object]


class ReloadRefused(InvalidConfiguration):
    """New values that were not taken; every value is still the old one."""


class _Subscriptions:
    """Who wants to hear of which field of one instance, and the lock that reloads of it take turns with."""

    def __init__(self) -> None:
        self.turn = threading.RLock()
        self.by_field: dict[str, list[Subscriber]] = {}


_log: Final = logging.getLogger("maestro_core_config")
_subscriptions: Final[dict[int, _Subscriptions]] = {}


def on_change(settings: Any, *names: str) -> Callable[[Subscriber], Subscriber]:
    """Register a function to be called with each `Change` of these fields (of every field when none is named).

    It is called before the new values become visible. If it raises, the whole reload is refused, and those called
    before it are called again with the reverse change.

    Raises:
        ValueError: when a name is not a field that a reload can change; live fields always show the present.
    """
    known = type(settings).model_fields
    for name in names:
        if name not in known:
            reason = (
                "live fields change by themselves" if name in settings.__live_fields__ else "there is no such field"
            )
            raise ValueError(f"cannot watch {type(settings).__name__}.{name}: {reason}")

    def register(subscriber: Subscriber) -> Subscriber:
        wanted = _subscriptions_of(settings).by_field
        for name in names or known:
            wanted.setdefault(name, []).append(subscriber)
        return subscriber

    return register


def reload(settings: Any) -> tuple[Change[Any], ...]:
    """Read every source again, validate, and replace all values at once; return what changed.

    Explicit arguments of the first load, values assigned to live fields and private attributes stay; cached properties
    are computed anew. Readers see either all old or all new fields, whichever way they hold the object.

    Raises:
        ReloadRefused: when the new values are invalid or a subscriber objects; nothing has changed then.
    """
    with _subscriptions_of(settings).turn:
        previous = load_of(settings)
        live = settings.__live_fields__
        arguments = {name: value for name, value in previous.arguments.items() if name not in live}
        fresh, problems = build(type(settings), arguments)
        if problems:
            raise ReloadRefused(f"{type(settings).__name__} not reloaded", problems)
        changes = _changes(settings, fresh)
        _announce(settings, changes)
        kept = {name: value for name, value in settings.__dict__.items() if name in live}
        for name in ("__pydantic_fields_set__", "__pydantic_extra__"):
            object.__setattr__(settings, name, getattr(fresh, name))
        # One assignment, so that a reader in another thread never sees half of a reload.
        object.__setattr__(settings, "__dict__", {**fresh.__dict__, **kept})
        remember_load(settings, load_of(fresh).sources, previous.arguments)
        if changes:
            _log.info("%s reloaded: %s", type(settings).__name__, "; ".join(map(repr, changes)))
        return changes


@contextmanager
def override(settings: Any, **values: Any) -> Iterator[Any]:
    """Give settings other values for the length of a block, frozen ones and live ones included; meant for tests.

    Raises:
        AttributeError: when there is no such setting.
    """
    for name in values:
        if name not in type(settings).model_fields and name not in settings.__live_fields__:
            raise AttributeError(f"{type(settings).__name__} has no setting {name!r}")
    before = dict(settings.__dict__)
    changed = dict(before)
    object.__setattr__(settings, "__dict__", changed)
    try:
        for name, value in values.items():
            if name in settings.__live_fields__:
                settings.__live_fields__[name].__set__(settings, value)
            else:
                changed[name] = value
        yield settings
    finally:
        object.__setattr__(settings, "__dict__", before)


def _changes(settings: Any, fresh: Any) -> tuple[Change[Any], ...]:
    from ._explain import explain

    fields = type(settings).model_fields
    different = [name for name in fields if getattr(settings, name) != getattr(fresh, name)]
    before, after = (explain(each) if different else {} for each in (settings, fresh))
    changes = []
    for name in different:
        old, new = (
            [e for key, e in side.items() if key == name or key.startswith(f"{name}.")] for side in (before, after)
        )
        secret = holds_secret(fields[name].annotation) or any(e.shown == repr(MASK) for e in (*old, *new))
        place = new[0].place if new else Place("unknown", "")
        changes.append(Change(name, getattr(settings, name), getattr(fresh, name), place, secret))
    return tuple(changes)


def _announce(settings: Any, changes: tuple[Change[Any], ...]) -> None:
    told: list[tuple[Subscriber, Change[Any]]] = []
    wanted = _subscriptions_of(settings).by_field
    for change in changes:
        for subscriber in wanted.get(change.name, ()):
            try:
                subscriber(change)
                told.append((subscriber, change))
                continue
            except Exception as exc:  # noqa: BLE001 - whatever it raises is the cause of the refusal
                for other, announced in reversed(told):
                    _tell_back(other, announced.reverse())
                name = getattr(subscriber, "__qualname__", type(subscriber).__name__)
                problem = Problem(change.name, f"{name} objects: {type(exc).__name__}", str(change.place))
                cause = without_quotes(exc, _secret_texts(changes))
            # Raised outside of the except block: a context would carry the original's words.
            raise ReloadRefused(f"{type(settings).__name__} not reloaded", [problem]) from cause


def _secret_texts(changes: tuple[Change[Any], ...]) -> set[str]:
    return telling(text for change in changes if change.secret for text in texts_in([change.old, change.new]))


def _tell_back(subscriber: Subscriber, change: Change[Any]) -> None:
    try:
        subscriber(change)
    except Exception as exc:  # noqa: BLE001 - the others are still to be told
        _log.error("%s was not taken back by a subscriber: %s", change.name, type(exc).__name__)


def _subscriptions_of(settings: Any) -> _Subscriptions:
    found = _subscriptions.get(id(settings))
    if found is None:
        found = _subscriptions.setdefault(id(settings), _Subscriptions())
        weakref.finalize(settings, _subscriptions.pop, id(settings), None).atexit = False
    return found
