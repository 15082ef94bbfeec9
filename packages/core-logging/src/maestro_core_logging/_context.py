"""Fields that belong to a piece of work: bound once, written on every line until the work ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from structlog import contextvars as structlog_context

_NOTHING: Mapping[str, object] = MappingProxyType({})
# The mapping is replaced, never changed: a task or thread that copied the context keeps what it saw.
_FIELDS: ContextVar[Mapping[str, object]] = ContextVar("maestro_log_context", default=_NOTHING)
# structlog keeps one variable a key, and listing them copies the context. Its table of variables says in one look
# whether anybody uses them at all; without the table (it is private) we always ask.
_STRUCTLOG_VARS: Mapping[str, object] | None = getattr(structlog_context, "_CONTEXT_VARS", None)


@contextmanager
def log_context(**fields: object) -> Iterator[None]:
    """
    Write `fields` on every line logged inside the block.

    Blocks nest, the inner value wins, and what was there before is back afterwards. The fields follow the code into
    awaited coroutines, tasks, task groups and `asyncio.to_thread`, and stay out of everything running beside it.
    Also a decorator, for functions that run to their end when called: `@log_context(job="nightly")`.
    """
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        try:
            _FIELDS.reset(token)
        except ValueError:  # a generator that is closed from another context has nothing of ours to take back
            _FIELDS.set({key: value for key, value in _FIELDS.get().items() if key not in fields})


def current_context() -> Mapping[str, object]:
    """Give the fields that `log_context` and structlog's `bind_contextvars` have bound here."""
    fields = _FIELDS.get()
    if _STRUCTLOG_VARS is None or _STRUCTLOG_VARS:
        bound = structlog_context.get_contextvars()
        return {**bound, **fields} if bound else fields
    return fields
