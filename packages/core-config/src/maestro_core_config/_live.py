"""Live fields: attributes of a settings class that read the environment at the moment of access.

This is what code that said `os.getenv(...)` inside a function relies on, and what its tests rely on when they set a
variable and call again. `os.environ` is looked up through the module each time, because tests replace the object.
"""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, overload

from ._converters import is_pure, name_of
from ._glance import encoded_text, glancing, standard_environment
from .errors import FieldDefinitionError, MissingVariable

D = TypeVar("D")
T = TypeVar("T")

MASK: Final = "**********"
_IMMUTABLE: Final = frozenset({str, int, float, bool, bytes, type(None), type(pathlib.Path())})


class _Required:
    """The default of a field that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


@dataclass(frozen=True, slots=True, repr=False)
class Override:
    """A value assigned to a live field, and what the field said when it was first assigned.

    It sits in the instance's `__dict__` and has no repr of its own, since the value may be a secret.
    """

    value: Any
    instead_of: Any = field(compare=False)


class LiveField(property):
    """One environment variable as an attribute: read, parsed and possibly overridden.

    It is a `property`, since that is the one kind of attribute beside fields that pydantic lets be assigned.
    """

    def __init__(
        self,
        variable: str,
        default: Any = REQUIRED,
        *,
        fallback: str | LiveField | None = None,
        parse: Callable[[Any], Any] | None = None,
        empty_is_missing: bool = False,
        secret: bool = False,
        description: str = "",
    ) -> None:
        if isinstance(fallback, str):
            fallback = LiveField(fallback, default, empty_is_missing=empty_is_missing)
            default = REQUIRED
        elif fallback is not None and default is not REQUIRED:
            raise FieldDefinitionError(f"{variable}: the default belongs to the field given as fallback")
        self.variable = variable
        self.default = default
        self.fallback = fallback
        self.parse = parse
        self.empty_is_missing = empty_is_missing
        self.secret = secret
        self.description = description
        self.annotation: Any = None
        self.name = variable
        self.owner: type | None = None
        self._overridden = False
        self._cacheable = is_pure(parse) and fallback is None and not empty_is_missing
        self.__doc__ = description or f"The environment variable {variable}, read at access."
        self._set, self._delete = self._override, self._restore
        self._getters: tuple[Callable[[Any], Any], ...] = (self.slow_get,)
        self._read_by(self.slow_get)

    def __set_name__(self, owner: type, name: str) -> None:
        if self.owner is None:
            self.owner, self.name = owner, name

    def variables(self) -> tuple[str, ...]:
        """List the variables that can decide the value, first one first."""
        return (self.variable, *(self.fallback.variables() if self.fallback else ()))

    @property
    def is_secret(self) -> bool:
        """Whether the value is masked wherever it is shown."""
        return self.secret or (self.fallback is not None and self.fallback.is_secret)

    @property
    def final_default(self) -> Any:
        """The default of the last variable in the chain, or REQUIRED."""
        return self.fallback.final_default if self.fallback else self.default

    def raw(self) -> tuple[str | None, Any]:
        """Read without parsing: the name of the variable that decided (None for the default) and its text.

        Raises:
            MissingVariable: when neither a variable nor a default has a value.
        """
        text = os.environ.get(self.variable)
        if text is not None and not (self.empty_is_missing and text == ""):
            return self.variable, text
        if self.fallback is not None:
            variable, value = self.fallback.raw()
            return variable, self.fallback.convert(value)
        return None, self._default()

    def convert(self, value: Any) -> Any:
        """Parse what was read; a parse error keeps its class, and its message too unless the field is secret."""
        if self.parse is None:
            return value
        if not self.is_secret:
            return self.parse(value)
        try:
            return self.parse(value)
        except Exception as exc:  # noqa: BLE001 - whatever the parser raises, its message may hold the secret
            silent = self._without_value(exc)
        raise silent

    def read(self) -> Any:
        """Evaluate the field now, overrides aside.

        Raises:
            MissingVariable: when a required variable is not set.
        """
        return self.convert(self.raw()[1])

    def overridden_value(self, instance: Any) -> Any:
        """Return the `Override` that an instance holds, or None."""
        found = instance.__dict__.get(self.name)
        return found if isinstance(found, Override) else None

    def mark_overridden(self) -> None:
        """Leave the fast path for good: from now on some instance may hold a value of its own."""
        self._overridden = True
        self._read_by(self.slow_get)

    @property
    def qualified_name(self) -> str:
        """`Class.attribute`, for messages."""
        return f"{self.owner.__name__}.{self.name}" if self.owner else self.name

    def __repr__(self) -> str:
        kind = "secret" if self.secret else "env"
        parts = [repr(self.variable)]
        if self.default is not REQUIRED:
            parts.append(MASK if self.secret and self.default is not None else repr(self.default))
        if self.fallback:
            parts.append(f"fallback={self.fallback!r}")
        if self.parse is not None:
            parts.append(f"parse={name_of(self.parse)}")
        return f"{kind}({', '.join(parts)})"

    def slow_get(self, instance: Any) -> Any:
        """Read the attribute of an instance, and let the next reading glance where a value may be kept."""
        if self._overridden and self.name in instance.__dict__:
            held = instance.__dict__[self.name]
            return held.value if isinstance(held, Override) else held
        environment = standard_environment()
        if environment is None or not self._cacheable or self._overridden:
            return self.read()
        # The value is made of the very text that the getter will look for, so that a change in between cannot matter.
        encoded = encoded_text(environment, self.variable)
        value = self.convert(self._default() if encoded is None else environment.decodevalue(encoded))
        # A default is handed out as it is, so it may be cached whatever it is; a parsed value only if nobody can
        # change it, because the expression it stands for made a fresh one each time.
        if type(value) in _IMMUTABLE or (encoded is None and self.parse is None):

            self._glance(glancing(self, environment=environment, encoded=encoded, value=value))
        return value

    def _glance(self, get: Callable[[Any], Any]) -> None:
        self._read_by(get)
        if self._overridden:  # another thread assigned a value meanwhile
            self._read_by(self.slow_get)

    def _read_by(self, get: Callable[[Any], Any]) -> None:
        # A property may be initialised again, which swaps its getter in one step. A thread may be inside the getter
        # that is replaced, so the last one is kept alive besides.
        self._getters = (self._getters[-1], get)
        super().__init__(get, self._set, self._delete, self.__doc__)

    def _override(self, instance: Any, value: Any) -> None:
        self.mark_overridden()
        if isinstance(value, Override):  # `mock.patch` puts back what it found in `__dict__`
            instance.__dict__[self.name] = value
            return
        held = instance.__dict__.get(self.name)
        if isinstance(held, Override):
            # `monkeypatch.setattr` undoes by assigning what it read before; that must not pin the old value.
            if type(held.instead_of) is type(value) and held.instead_of == value:
                del instance.__dict__[self.name]
                return
            instance.__dict__[self.name] = Override(value, held.instead_of)
            return
        instance.__dict__[self.name] = Override(value, self._value_or_nothing())

    def _restore(self, instance: Any) -> None:
        if instance.__dict__.pop(self.name, None) is None:
            raise AttributeError(f"{self.qualified_name} has no assigned value to delete")

    def _default(self) -> Any:
        if self.default is REQUIRED:
            raise MissingVariable(self.variable, read_by=self.qualified_name)
        return self.default

    def _value_or_nothing(self) -> Any:
        try:
            return self.read()
        except Exception:  # noqa: BLE001 - an assignment must work although the reading it replaces fails
            return REQUIRED

    def _without_value(self, exc: Exception) -> Exception:
        message = f"cannot read {self.variable} for {self.qualified_name}: the value is secret and not shown"
        if isinstance(exc, json.JSONDecodeError):
            return json.JSONDecodeError(message, "", 0)
        try:
            return type(exc)(message)
        except Exception:  # noqa: BLE001 - a class with other arguments; ValueError is what parsers raise
            return ValueError(message)


@overload
def env(
    variable: str, *, fallback: str | None = None, empty_is_missing: bool = False, description: str = ""
) -> str: ...
@overload
def env(
    variable: str, default: D, *, fallback: str | None = None, empty_is_missing: bool = False, description: str = ""
) -> str | D: ...
@overload
def env(
    variable: str,
    default: Any = ...,
    *,
    parse: Callable[[Any], T],
    fallback: object = None,
    empty_is_missing: bool = False,
    description: str = "",
) -> T: ...
@overload
def env(variable: str, *, fallback: D, empty_is_missing: bool = False, description: str = "") -> str | D: ...
def env(variable: str, default: Any = REQUIRED, **options: Any) -> Any:
    """Declare an attribute that is `parse(os.environ.get(variable, default))`, evaluated at every access.

    Without a default the variable is required: reading the attribute, not building the settings, raises
    `MissingVariable`, which is a `KeyError`. The default is handed out as it is when `parse` is absent.
    `fallback` names a second variable, or is another `env(...)`; with `empty_is_missing` an empty text counts as
    not set (`os.getenv("A") or …`). `parse` is any callable; converters of this package let the value be cached.

    Raises:
        FieldDefinitionError: when both a default and a fallback field are given.
    """
    return LiveField(variable, default, **options)


@overload
def secret(variable: str, *, fallback: str = ..., empty_is_missing: bool = False, description: str = "") -> str: ...
@overload
def secret(
    variable: str, default: D, *, fallback: str | None = None, empty_is_missing: bool = False, description: str = ""
) -> str | D: ...
@overload
def secret(
    variable: str,
    default: Any = ...,
    *,
    parse: Callable[[Any], T],
    fallback: object = None,
    empty_is_missing: bool = False,
    description: str = "",
) -> T: ...
@overload
def secret(variable: str, *, fallback: D, empty_is_missing: bool = False, description: str = "") -> str | D: ...
def secret(variable: str, default: Any = REQUIRED, **options: Any) -> Any:
    """Declare what `env` declares, for a value that no repr, dump, explanation or error may show.

    Raises:
        FieldDefinitionError: when both a default and a fallback field are given.
    """
    return LiveField(variable, default, secret=True, **options)
