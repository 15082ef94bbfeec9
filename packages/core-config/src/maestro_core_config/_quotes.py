"""Errors of a service's own code that quote a secret: the same errors, with a mask in its place.

A validator may raise anything, with anything in its text. What it raised keeps its class, its traceback and the rest of
its words, so that the programmer's mistake is still to be found; only the values of secret fields go.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from ._live import MASK
from ._places import models_of, names_of
from ._secrecy import holds_secret, is_secret_type, opened_in, telling, texts_in, without_secret_inputs


def without_secrets(
    exc: Exception, settings_cls: Any, sources: tuple[Any, ...], arguments: dict[str, Any]
) -> Exception:
    """Return what building or assigning raised, with what was given for secret fields masked; the same if it has none of it."""
    texts = _secret_texts(settings_cls, sources, arguments)
    if isinstance(exc, ValidationError):
        return without_secret_inputs(exc, settings_cls, texts)
    return without_quotes(exc, texts)


def without_quotes(exc: Exception, texts: Iterable[str]) -> Exception:
    """Return an error, what caused it and what it happened in with secrets masked; the same one if it quotes none."""
    spelled = {spelling for text in texts for spelling in (text, repr(text)[1:-1], json.dumps(text)[1:-1])}
    result = _masked(exc, sorted(spelled, key=len, reverse=True), {})  # the longest first: one may hold another
    assert isinstance(result, Exception)
    return result


def _secret_texts(settings_cls: Any, sources: tuple[Any, ...], arguments: dict[str, Any]) -> set[str]:
    """Collect what the sources and arguments of a load give for secret fields, live ones included."""
    documents = [arguments]
    for source in sources:
        with contextlib.suppress(Exception):  # the load has failed already, and may have because of this source
            documents.append(source())
    found = {text for document in documents for text in (*_in_fields(settings_cls, document), *opened_in(document))}
    for field in settings_cls.__live_fields__.values():
        with contextlib.suppress(Exception):
            found |= set(texts_in(field.raw()[1])) if field.is_secret else set()
    return telling(found)


def _in_fields(model: Any, document: Any) -> Iterator[str]:
    known: set[str] = set()
    for name, field in model.model_fields.items():
        known.update(names_of(field, name))
        if not holds_secret(field.annotation):
            continue
        inner = [] if is_secret_type(field.annotation) else list(models_of(field.annotation))
        for value in (document[key] for key in names_of(field, name) if key in document):
            if isinstance(value, BaseModel):
                yield from _in_fields(type(value), vars(value))
            elif isinstance(value, dict) and len(inner) == 1:
                yield from _in_fields(inner[0], value)
            else:
                yield from texts_in(value)
    if holds_secret(model):  # a misspelt name may be a secret's
        yield from texts_in([value for key, value in document.items() if key not in known])


def _masked(exc: BaseException, texts: list[str], seen: dict[int, BaseException]) -> BaseException:
    if id(exc) in seen:
        return seen[id(exc)]
    made = seen[id(exc)] = _rebuilt(exc, texts) if _quotes(exc, texts) else exc
    for link in ("__cause__", "__context__"):
        below = getattr(exc, link)
        if below is not None:
            suppressed = exc.__suppress_context__
            setattr(made, link, _masked(below, texts, seen))
            made.__suppress_context__ = suppressed  # which setting a cause has changed
    return made


def _quotes(exc: BaseException, texts: list[str]) -> bool:
    parts = [*map(repr, exc.args), *map(repr, vars(exc).values()), _said(exc), repr(exc)]
    parts += [] if not isinstance(exc, BaseExceptionGroup) else [repr(inner) for inner in exc.exceptions]
    inside = isinstance(exc, BaseExceptionGroup) and any(_quotes(inner, texts) for inner in exc.exceptions)
    return inside or any(text in part for part in parts for text in texts)


def _rebuilt(exc: BaseException, texts: list[str]) -> BaseException:
    arguments = [_without(argument, texts) for argument in exc.args]
    try:
        made = type(exc)(*arguments)
        made.__dict__.update({name: _without(value, texts) for name, value in vars(exc).items()})
        if _quotes(made, texts):
            raise ValueError  # its text is of its own making
    except Exception:  # noqa: BLE001 - a class with other arguments
        kind = ValueError if isinstance(exc, ValueError) else RuntimeError
        made = kind(f"{type(exc).__name__}: {_without(_said(exc), texts)}")
    return made.with_traceback(exc.__traceback__)


def _without(value: Any, texts: list[str]) -> Any:
    if isinstance(value, str):
        for text in texts:
            value = value.replace(text, MASK)
        return value
    if isinstance(value, BaseException):
        return _masked(value, texts, {})
    if isinstance(value, list | tuple):
        return type(value)(_without(part, texts) for part in value)
    return MASK if any(text in repr(value) for text in texts) else value


def _said(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception:  # noqa: BLE001 - an error of the service's own, whose text may fail
        return ""
