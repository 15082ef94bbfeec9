"""JSON that cannot fail: what orjson refuses is made plain first, and nothing a field does can raise into the caller."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import orjson

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
_DEEPEST = 24
_MAX_JSON_INT = 2**64 - 1
_MIN_JSON_INT = -(2**63)


def json_line(event: Mapping[str, object]) -> bytes:
    """Encode `event` as one line of JSON, whatever its values are."""
    try:
        return orjson.dumps(event, plain_value, _OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return orjson.dumps(_plain_tree(event, 0), default=safe_repr, option=_OPTIONS)


def plain_value(value: object) -> object:
    """Turn a value that JSON does not know into one that it does; the last resort is its `repr`."""
    try:
        return _convert(value)
    except Exception:  # noqa: BLE001  # properties, iterators and mappings of users are arbitrary code
        return safe_repr(value)


def _convert(value: object) -> object:
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds):
            return convert(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if "__repr__" in type(value).__dict__ and not type(value).__dataclass_params__.repr:  # type: ignore[attr-defined]  # set by the decorator
            return safe_repr(value)  # a repr written by hand usually hides something
        return {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value) if f.repr}
    return safe_repr(value)


def safe_repr(value: object) -> str:
    """Give `repr(value)`, or a description of the value when its `repr` raises."""
    try:
        return repr(value).encode("utf-8", "backslashreplace").decode()
    except Exception as error:  # noqa: BLE001  # a repr is arbitrary code and must not break a log call
        return f"<{type(value).__qualname__} whose repr raised {type(error).__qualname__}>"


_CONVERSIONS: tuple[tuple[type | tuple[type, ...], Callable[[Any], object]], ...] = (
    (str, lambda value: value.encode("utf-8", "backslashreplace").decode()),
    ((bytes, bytearray), lambda value: bytes(value).decode("utf-8", "backslashreplace")),
    ((set, frozenset, deque), list),
    ((Decimal, PurePath), str),
    (Mapping, dict),
)


def _plain_tree(value: object, depth: int) -> object:
    """Rebuild `value` from types that orjson never refuses."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # Readers of JSON lose digits beyond 64 bits without a word, hence the string.
        return int(value) if _MIN_JSON_INT <= value <= _MAX_JSON_INT else str(int(value))
    if depth >= _DEEPEST:
        return safe_repr(value) if not isinstance(value, dict | list | tuple) else "…"
    if isinstance(value, Mapping):
        return {_plain_key(key): _plain_tree(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | deque):
        return [_plain_tree(item, depth + 1) for item in value]
    try:
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS))
    except TypeError:
        return _plain_tree(plain_value(value), depth + 1)


def _plain_key(key: object) -> str:
    return (key if isinstance(key, str) else safe_repr(key)).encode("utf-8", "backslashreplace").decode()
