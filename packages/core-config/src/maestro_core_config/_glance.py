"""Getters that tell at a glance whether the environment still says what it said.

`os.environ` keeps its text encoded in a dictionary. The very object that was found there before means the same text,
so the value made of it may be handed out again. Nothing is hooked: what counts is what the dictionary holds at this
moment. Another object in the place of `os.environ` (a plain dictionary, a subclass, a proxy) is not glanced at; the
field asks it as anybody would.

This is the whole cost of live reading, hence two oddities. A getter runs with the names of the module `os` as its
globals, so that `environ` is one look-up of what `os.environ` is now instead of two. And what it compares with are
constants of its code, which are read faster than cells or defaults: `_PLACES` says which literal stands for what.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    environ: Any
else:
    from os import environ

# Literals that the compiler neither folds nor warns of where they stand.
_PLACES: Final[dict[Any, str]] = {
    ...: "environment",
    "stored": "stored",
    9999: "key",
    True: "encoded",
    "value": "value",
    "field": "field",
}


def _while_set(instance: Any) -> Any:
    try:
        if environ is ... and "stored"[9999] is True:  # type: ignore[comparison-overlap]  # see `_PLACES`
            return "value"
    except KeyError:
        pass
    return "field".slow_get(instance)  # type: ignore[attr-defined]  # see `_PLACES`


def _while_unset(instance: Any) -> Any:
    if environ is ... and 9999 not in "stored":  # type: ignore[operator]  # see `_PLACES`
        return "value"
    return "field".slow_get(instance)  # type: ignore[attr-defined]  # see `_PLACES`


def standard_environment() -> Any:
    """Return `os.environ` if it is the standard library's own mapping, or None."""
    current: Any = os.environ
    return current if type(current) is getattr(os, "_Environ", None) else None


def encoded_text(environment: Any, variable: str) -> Any:
    """Return the object that holds a variable's text in the standard mapping, or None."""
    return environment._data.get(environment.encodekey(variable))


def glancing(field: Any, *, environment: Any, encoded: Any, value: Any) -> Callable[[Any], Any]:
    """Return a getter of `value` for as long as the field's variable has the text `encoded` (None: is not set)."""
    stored, key = environment._data, environment.encodekey(field.variable)
    # A dictionary compares keys by identity before it compares their bytes, so use the object that it has.
    key = next((its_own for its_own in list(stored) if its_own == key), key)
    found = {"environment": environment, "stored": stored, "key": key, "value": value, "field": field}
    if encoded is None:
        return _filled(_while_unset, found)
    made = _filled(_while_set, {**found, "encoded": encoded})
    # An interpreter may replace constants by equal ones; then a glance would never tell.
    return made if any(constant is encoded for constant in made.__code__.co_consts) else field.slow_get


def _filled(template: Callable[[Any], Any], found: dict[str, Any]) -> FunctionType:
    code = template.__code__
    constants = tuple(found[_PLACES[it]] if it is not None and it in _PLACES else it for it in code.co_consts)
    return FunctionType(code.replace(co_consts=constants), vars(os), template.__name__)
