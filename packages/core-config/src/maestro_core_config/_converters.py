"""Named converters: what services do to the text of an environment variable, spelled as values.

Each is the exact equivalent of one expression, so that a reading such as `os.getenv("DEBUG", "").lower() == "true"`
keeps its value and its failure when it moves. The words of a name stand in the order of the operations:
`split_strip(",")` splits and then strips each part, `split_filled_strip(",")` drops empty parts before it strips.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_BUILT_IN = frozenset({bool, float, int, str, pathlib.Path, pathlib.PurePath, pathlib.PurePosixPath})
_TRUE = ("1", "on", "t", "true", "y", "yes")
_FALSE = ("0", "f", "false", "n", "no", "off")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Converter(Generic[T]):
    """A named function of one value whose result depends on nothing else, which is why it may be cached."""

    name: str
    apply: Callable[[Any], T]
    arguments: tuple[Any, ...] = ()

    def __call__(self, value: Any) -> T:
        """Convert one value."""
        return self.apply(value)

    def __repr__(self) -> str:
        """Show the expression that builds this converter."""
        if not self.arguments:
            return self.name
        return f"{self.name}({', '.join(name_of(argument) for argument in self.arguments)})"


def is_pure(parse: Callable[[Any], Any] | None) -> bool:
    """Say whether the same text always gives the same value: known for ours and for built-in types only."""
    if isinstance(parse, Converter):
        return not isinstance(parse, _Impure)
    return parse is None or (isinstance(parse, type) and parse in _BUILT_IN)


def name_of(parse: object) -> str:
    """Name a converter for people."""
    if isinstance(parse, Converter):
        return repr(parse)
    return parse.__name__ if callable(parse) and hasattr(parse, "__name__") else repr(parse)


def equals(text: object) -> Converter[bool]:
    """`value == text`."""
    return Converter("equals", lambda value: bool(value == text), (text,))


def not_equals(text: object) -> Converter[bool]:
    """`value != text`."""
    return Converter("not_equals", lambda value: bool(value != text), (text,))


def is_in(*texts: object) -> Converter[bool]:
    """`value in (text, …)`."""
    return Converter("is_in", lambda value: value in texts, texts)


def lower_equals(text: str) -> Converter[bool]:
    """`value.lower() == text`."""
    return Converter("lower_equals", lambda value: bool(value.lower() == text), (text,))


def lower_not_equals(text: str) -> Converter[bool]:
    """`value.lower() != text`."""
    return Converter("lower_not_equals", lambda value: bool(value.lower() != text), (text,))


def lower_in(*texts: str) -> Converter[bool]:
    """`value.lower() in (text, …)`."""
    return Converter("lower_in", lambda value: value.lower() in texts, texts)


def upper_equals(text: str) -> Converter[bool]:
    """`value.upper() == text`."""
    return Converter("upper_equals", lambda value: bool(value.upper() == text), (text,))


def upper_in(*texts: str) -> Converter[bool]:
    """`value.upper() in (text, …)`."""
    return Converter("upper_in", lambda value: value.upper() in texts, texts)


def split(separator: str | None = None, maxsplit: int = -1) -> Converter[list[str]]:
    """`value.split(separator)`; the empty text gives `[""]` with a separator and `[]` without one."""
    shown = (separator,) if maxsplit == -1 else (separator, maxsplit)
    return Converter("split", lambda value: value.split(separator, maxsplit), shown)


def split_strip(separator: str | None = None) -> Converter[list[str]]:
    """`[part.strip() for part in value.split(separator)]`."""
    return Converter("split_strip", lambda value: [part.strip() for part in value.split(separator)], (separator,))


def split_filled(separator: str | None = None) -> Converter[list[str]]:
    """`[part for part in value.split(separator) if part]`."""
    return Converter("split_filled", lambda value: [part for part in value.split(separator) if part], (separator,))


def split_strip_filled(separator: str | None = None) -> Converter[list[str]]:
    """`[part.strip() for part in value.split(separator) if part.strip()]`."""
    return Converter(
        "split_strip_filled",
        lambda value: [part.strip() for part in value.split(separator) if part.strip()],
        (separator,),
    )


def split_filled_strip(separator: str | None = None) -> Converter[list[str]]:
    """`[part.strip() for part in value.split(separator) if part]`."""
    return Converter(
        "split_filled_strip", lambda value: [part.strip() for part in value.split(separator) if part], (separator,)
    )


def strip_chars(characters: str) -> Converter[str]:
    """`value.strip(characters)`."""
    return Converter("strip_chars", lambda value: value.strip(characters), (characters,))


def lstrip_chars(characters: str) -> Converter[str]:
    """`value.lstrip(characters)`."""
    return Converter("lstrip_chars", lambda value: value.lstrip(characters), (characters,))


def rstrip_chars(characters: str) -> Converter[str]:
    """`value.rstrip(characters)`, as in base addresses without their last slash."""
    return Converter("rstrip_chars", lambda value: value.rstrip(characters), (characters,))


def replace(old: str, new: str) -> Converter[str]:
    r"""`value.replace(old, new)`, as in PEM keys kept on one line with `\n` spelled out."""
    return Converter("replace", lambda value: value.replace(old, new), (old, new))


def or_else(default: Any) -> Converter[Any]:
    """`value or default`."""
    return Converter("or_else", lambda value: value or default, (default,))


def negate(parse: Callable[[Any], Any]) -> Converter[bool]:
    """`not parse(value)`."""
    return _composed("negate", lambda value: not parse(value), parse)


def pipe(*steps: Callable[[Any], Any]) -> Converter[Any]:
    """`last(…(first(value)))`: apply converters one after another."""

    def run(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return _composed("pipe", run, *steps)


def each(split_value: Callable[[Any], list[str]], parse: Callable[[str], T]) -> Converter[list[T]]:
    """`[parse(part) for part in split_value(value)]`, as in lists of ports."""
    return _composed("each", lambda value: [parse(part) for part in split_value(value)], split_value, parse)


def _composed(name: str, apply: Callable[[Any], T], *steps: Callable[[Any], Any]) -> Converter[T]:
    kind = Converter if all(is_pure(step) for step in steps) else _Impure
    return kind(name, apply, steps)


class _Impure(Converter[T]):
    """A composition with a step that is not ours: shown like a converter, never cached."""

    __slots__ = ()


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else value
    if text in _TRUE or (isinstance(text, int) and text == 1):
        return True
    if text in _FALSE or (isinstance(text, int) and text == 0):
        return False
    raise ValueError(f"not a boolean: {value!r}; write one of {', '.join(_TRUE)} or {', '.join(_FALSE)}")


boolean: Converter[bool] = Converter("boolean", _boolean)
"""The standard boolean: true/false, yes/no, on/off, 1/0 in any case; anything else is a ValueError, never False."""
is_set: Converter[bool] = Converter("is_set", lambda value: value is not None)
"""`value is not None`."""
truthy: Converter[bool] = Converter("truthy", bool)
"""`bool(value)`: any text but the empty one is true, "false" included."""
loads: Converter[Any] = Converter("loads", json.loads)
"""`json.loads(value)`."""
strip: Converter[str] = Converter("strip", lambda value: value.strip())
"""`value.strip()`."""
lower: Converter[str] = Converter("lower", lambda value: value.lower())
"""`value.lower()`."""
upper: Converter[str] = Converter("upper", lambda value: value.upper())
"""`value.upper()`."""
