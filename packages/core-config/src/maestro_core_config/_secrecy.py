"""What counts as secret, and how values and errors are shown without it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, get_args, get_origin, get_type_hints

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from ._live import MASK
from ._places import names_of
from .crypto import Opened

# Pydantic's generic `Secret[T]` came with 2.7.
_SECRET_TYPES: tuple[type, ...] = (SecretStr, SecretBytes)
try:
    from pydantic import Secret
except ImportError:
    pass
else:
    _SECRET_TYPES = (*_SECRET_TYPES, Secret)

# A shorter text is in too many sentences by chance, and no secret.
_SHORTEST_SECRET: Final = 4
_PASSWORD_IN_URL: Final = re.compile(r"""(://[^/\s:@'"]*:)[^/\s'"]+@""")
_KNOWN_TYPES: Final = frozenset(get_args(core_schema.ErrorType))


def is_secret_type(annotation: Any, _above: frozenset[Any] = frozenset()) -> bool:
    """Say whether a type, or any part of a generic one, is one of pydantic's secret types."""
    kind = get_origin(annotation) or annotation  # `Secret` of `Secret[int]`
    if isinstance(kind, type) and issubclass(kind, _SECRET_TYPES):
        return True
    return _any_part(is_secret_type, annotation, _above)


def holds_secret(annotation: Any, _above: frozenset[Any] = frozenset()) -> bool:
    """Say whether a value of this type has a secret in it, however deep: in a list of models, in a dataclass."""
    if is_secret_type(annotation):
        return True
    if isinstance(annotation, type) and annotation not in _above:
        above = _above | {annotation}
        return any(holds_secret(part, above) for part in (*_types_of_fields(annotation), *get_args(annotation)))
    return _any_part(holds_secret, annotation, _above)


def _any_part(ask: Callable[[Any, frozenset[Any]], bool], annotation: Any, above: frozenset[Any]) -> bool:
    """Ask about a generic type's arguments, and about what a name stands for; a name that holds itself is asked about once."""
    if any(ask(part, above) for part in get_args(annotation)):
        return True
    # Of `type Name = …` and its backport, and of `NewType`.
    named = getattr(annotation, "__value__", None) or getattr(annotation, "__supertype__", None)
    name = getattr(annotation, "__name__", "")
    return named is not None and (name, id(named)) not in above and ask(named, above | {(name, id(named))})


def opened_in(value: Any) -> Iterator[Opened]:
    """List the texts in a source's value that stood in envelopes."""
    if isinstance(value, Opened):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from opened_in(part)


def shown_value(value: Any, *, secret: bool) -> str:
    """Return a value's repr as it may be shown: a secret as a mask, a URL without its password."""
    return repr(MASK) if secret and value is not None else without_passwords(repr(value))


def without_passwords(text: str) -> str:
    """Mask the passwords of the URLs in a text."""
    return _PASSWORD_IN_URL.sub(rf"\1{MASK}@", text)


def without_secret_inputs(exc: ValidationError, model: Any, given: AbstractSet[str] = frozenset()) -> ValidationError:
    """Return the same validation error with the inputs of secret fields masked, in `errors()` as well.

    A message that quotes such an input or one of the texts `given`, as those of a class's own validators may, is replaced.
    """
    errors = exc.errors(include_url=False)
    holds = holds_secret(model)
    secret = [
        (holds and _may_be_secret(model, error)) or any(text in repr(error["input"]) for text in given)
        for error in errors
    ]
    if not any(secret) and not any(text in repr(errors) for text in given):
        return exc
    masked_errors = (error for error, masked in zip(errors, secret, strict=True) if masked)
    texts = given | telling(text for error in masked_errors for text in _secret_texts(model, error))
    details = [_detail(error, masked=masked, texts=texts) for error, masked in zip(errors, secret, strict=True)]
    return ValidationError.from_exception_data(exc.title, details, hide_input=True)


def telling(texts: Iterable[str]) -> set[str]:
    """Leave out the texts that are too short to be told from ordinary words."""
    return {text for text in texts if len(text) >= _SHORTEST_SECRET}


def forget_document(exc: BaseException) -> None:
    """Take the text that could not be parsed out of an error's cause, which tools that collect errors may show."""
    if isinstance(exc.__cause__, json.JSONDecodeError):
        exc.__cause__.doc = ""


def _types_of_fields(kind: type) -> tuple[Any, ...]:
    if issubclass(kind, BaseModel):
        return tuple(field.annotation for field in kind.model_fields.values())
    if any(hasattr(kind, mark) for mark in ("__dataclass_fields__", "__total__", "_fields")):  # typed dict, named tuple
        try:
            return tuple(get_type_hints(kind).values())
        except Exception:  # noqa: BLE001 - a name known to the type checker only
            return ()
    return ()


def _may_be_secret(model: Any, error: Any) -> bool:
    # The root's input is the whole document, and a name that is not known may be a secret's, misspelt.
    if not error["loc"] or error["type"] == "extra_forbidden":
        return True
    fields = [field for name, field in model.model_fields.items() if error["loc"][0] in names_of(field, name)]
    return not fields or any(holds_secret(field.annotation) for field in fields)


def _secret_texts(model: Any, error: Any) -> Iterator[str]:
    given = error["input"]
    if error["loc"]:
        yield from texts_in(given)
        return
    parts = given if isinstance(given, dict) else getattr(given, "__dict__", {})
    for name, field in model.model_fields.items():
        if holds_secret(field.annotation):
            yield from texts_in([parts[key] for key in names_of(field, name) if key in parts])


def texts_in(value: Any) -> Iterator[str]:
    """List the texts that a value is made of, secret ones unwrapped."""
    if isinstance(value, _SECRET_TYPES):
        value = value.get_secret_value()  # type: ignore[attr-defined]  # all of them have it
    if isinstance(value, dict):
        value = list(value.values())
    elif isinstance(value, BaseModel):
        value = list(value.__dict__.values())
    if isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from texts_in(part)
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif isinstance(value, str | int | float):
        yield str(value)


def _detail(error: Any, *, masked: bool, texts: AbstractSet[str]) -> InitErrorDetails:
    detail = InitErrorDetails(type=_type_of(error), loc=error["loc"], input=MASK if masked else error["input"])
    said = f"{error['msg']}{error.get('ctx', '')}"
    if any(text in said for text in texts):
        detail["type"] = PydanticCustomError(error["type"], "the message quotes a secret, so it is not shown")
    elif "ctx" in error and isinstance(detail["type"], str):
        detail["ctx"] = error["ctx"]
    return detail


def _type_of(error: Any) -> str | PydanticCustomError:
    if error["type"] in _KNOWN_TYPES:
        return str(error["type"])
    return PydanticCustomError(error["type"], "{text}", {"text": error["msg"]})
