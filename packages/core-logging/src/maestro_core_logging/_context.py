"""Fields that belong to a piece of work: bound once, written on every line until the work ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

from structlog import contextvars as structlog_context

_NOTHING: Mapping[str, object] = MappingProxyType({})


class BoundFields(dict[str, object]):
    """
    Fields that are bound somewhere, and their JSON once somebody needed it.

    The mapping is replaced, never changed: a task or thread that copied the context keeps what it saw.
    """

    __slots__ = ("encoded",)

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__(fields)
        # Who encoded them, since redactions differ, and what became of them.
        self.encoded: tuple[object, bytes] | None = None


FIELDS: Final[ContextVar[Mapping[str, object]]] = ContextVar("maestro_log_context", default=_NOTHING)
# structlog keeps one variable a key, and listing them copies the context. Its table of variables, which only grows, says
# whether anything is bound at all; without the table (it is private) we always ask.
_UNKNOWN: Final = ContextVar("structlog_unknown", default="")
STRUCTLOG_VARS: Final[Mapping[str, ContextVar[Any]]] = getattr(structlog_context, "_CONTEXT_VARS", {"": _UNKNOWN})


@contextmanager
def log_context(**fields: object) -> Iterator[None]:
    """
    Write `fields` on every line logged inside the block.

    Blocks nest, the inner value wins, and what was there before is back afterwards. The fields follow the code into
    awaited coroutines, tasks, task groups and `asyncio.to_thread`, and stay out of everything running beside it.
    Also a decorator, for functions that run to their end when called: `@log_context(job="nightly")`.
    """
    token = FIELDS.set(BoundFields({**FIELDS.get(), **fields}))
    try:
        yield
    finally:
        try:
            FIELDS.reset(token)
        except ValueError:  # a generator that is closed from another context has nothing of ours to take back
            left = {key: value for key, value in FIELDS.get().items() if key not in fields}
            FIELDS.set(BoundFields(left))


def current_context() -> Mapping[str, object]:
    """Give the fields that `log_context` and structlog's `bind_contextvars` have bound here."""
    fields = FIELDS.get()
    for variable in (*STRUCTLOG_VARS.values(),):  # a copy: other threads bind new keys
        if variable.get(...) is not ...:  # what structlog sets when a key is unbound
            bound = structlog_context.get_contextvars()
            return {**bound, **fields} if bound else fields
    return fields
