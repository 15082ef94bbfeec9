"""How live fields appear in dumps and reprs: their value of the moment, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from ._live import MASK, REQUIRED, LiveField
from .errors import MissingVariable


class Verbatim(str):
    """Text whose repr is the text itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def shown(instance: Any, field: LiveField) -> Any:
    """Return what a repr shows of a live field: its value, a mask, or why there is none."""
    try:
        value = getattr(instance, field.name)
    except MissingVariable as exc:
        return Verbatim(f"<{exc.variable} is not set>")
    except Exception as exc:  # noqa: BLE001 - a repr never raises; the parser's own error shows at access
        return Verbatim(f"<{field.variable} cannot be parsed: {type(exc).__name__}>")
    return MASK if field.is_secret and value is not None else value


def dumped(instance: Any, fields: Mapping[str, LiveField], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the live part of a `model_dump(**options)`.

    Raises:
        MissingVariable: when a required variable is not set.
    """
    as_json = options.get("mode") == "json"
    return {
        name: _masked(value, as_json=as_json) if field.is_secret else to_jsonable_python(value) if as_json else value
        for name, field in fields.items()
        if _is_selected(name, options)
        for value in (getattr(instance, name),)
        if not _is_left_out(instance, field, value, options)
    }


def _is_selected(name: str, options: Mapping[str, Any]) -> bool:
    include, exclude = options.get("include"), options.get("exclude")
    if include is not None and name not in include:
        return False
    if not exclude or name not in exclude:
        return True
    return isinstance(exclude, Mapping) and exclude[name] not in (True, ...)


def _is_left_out(instance: Any, field: LiveField, value: Any, options: Mapping[str, Any]) -> bool:
    if options.get("exclude_none") and value is None:
        return True
    if field.overridden_value(instance) is not None:
        return False
    decided_by = field.raw()[0]
    if options.get("exclude_unset") and decided_by is None:
        return True
    default = field.final_default
    return bool(options.get("exclude_defaults") and default is not REQUIRED and value == field.convert(default))


def _masked(value: Any, *, as_json: bool) -> Any:
    if value is None:
        return None
    return SecretStr(value) if isinstance(value, str) and not as_json else MASK
