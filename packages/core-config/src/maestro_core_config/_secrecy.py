"""What counts as secret, and how values and errors are shown without it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from ._live import MASK

# Pydantic's generic `Secret[T]` came with 2.7.
_SECRET_TYPES: tuple[type, ...] = (SecretStr, SecretBytes)
try:
    from pydantic import Secret
except ImportError:
    pass
else:
    _SECRET_TYPES = (*_SECRET_TYPES, Secret)


def is_secret_type(annotation: Any) -> bool:
    """Say whether a type, or any part of a generic one, is one of pydantic's secret types."""
    if isinstance(annotation, type):
        origin = getattr(annotation, "__pydantic_generic_metadata__", {}).get("origin") or annotation
        if isinstance(origin, type) and issubclass(origin, _SECRET_TYPES):
            return True
    return any(is_secret_type(part) for part in get_args(annotation))


def is_secret_path(model: Any, path: Iterable[Any]) -> bool:
    """Say whether a path such as `("db", "password")` leads to, or holds, a secret."""
    step, *rest = (*path, None)
    field = model.model_fields.get(step) if isinstance(model, type) and issubclass(model, BaseModel) else None
    if field is None:
        return _is_secret_alias(model, step)
    if is_secret_type(field.annotation):
        return True
    models = [part for part in (field.annotation, *get_args(field.annotation)) if _is_model(part)]
    return any(is_secret_path(part, rest[:-1]) if rest[:-1] else holds_secret(part) for part in models)


def holds_secret(model: Any) -> bool:
    """Say whether a model has a secret field, however deep."""
    return any(is_secret_path(model, (name,)) for name in model.model_fields)


def without_secret_inputs(exc: ValidationError, model: Any) -> ValidationError:
    """Return the same validation error with the inputs of secret fields masked, in `errors()` as well."""
    errors = exc.errors(include_url=False)
    # An error at the root of the model carries the whole input, every secret in it.
    secret = [not error["loc"] or is_secret_path(model, error["loc"]) for error in errors]
    if not any(secret):
        return exc
    details: list[InitErrorDetails] = []
    for error, masked in zip(errors, secret, strict=True):
        detail = InitErrorDetails(type=_type_of(error), loc=error["loc"], input=MASK if masked else error["input"])
        if "ctx" in error and isinstance(detail["type"], str):
            detail["ctx"] = error["ctx"]
        details.append(detail)
    return ValidationError.from_exception_data(exc.title, details, hide_input=True)


def _type_of(error: Any) -> str | PydanticCustomError:
    if error["type"] in _KNOWN_TYPES:
        return str(error["type"])
    return PydanticCustomError(error["type"], "{text}", {"text": error["msg"]})


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _is_secret_alias(model: Any, alias: Any) -> bool:
    # An alias may be one of several choices or a path; a doubtful one counts as secret if any field could be meant.
    return any(
        is_secret_type(field.annotation) or (_is_model(field.annotation) and holds_secret(field.annotation))
        for field in getattr(model, "model_fields", {}).values()
        if alias in (field.alias, field.validation_alias) or not isinstance(field.validation_alias, str | None)
    )


_KNOWN_TYPES = frozenset(get_args(core_schema.ErrorType))
