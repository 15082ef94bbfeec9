"""Fields that belong to a piece of work: bound once, written on every line until the work ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, ParamSpec, TypeVar, cast

from structlog import contextvars as structlog_context

_P = ParamSpec("_P")
_R = TypeVar("_R")
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


class log_context:  # noqa: N801  # read as a function
    """
    Write `fields` on every line logged inside the block.

    Blocks nest, the inner value wins, and what was there before is back afterwards. The fields follow the code into
    awaited coroutines, tasks, task groups and `asyncio.to_thread`, and stay out of everything running beside it.
    Also a decorator, for functions and coroutine functions, but not for generators: `@log_context(job="nightly")`.
    """

    def __init__(self, /, **fields: object) -> None:
        self._fields = fields
        self._tokens: list[Token[Mapping[str, object]]] = []

    def __enter__(self) -> None:
        """Bind the fields."""
        self._tokens.append(FIELDS.set(BoundFields({**FIELDS.get(), **self._fields})))

    def __exit__(self, *_raised: object) -> None:
        """Take them back."""
        try:
            FIELDS.reset(self._tokens.pop())
        except ValueError:  # a generator that is closed from another context has nothing of ours to take back
            left = {key: value for key, value in FIELDS.get().items() if key not in self._fields}
            FIELDS.set(BoundFields(left))

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Bind the fields for each call of `function`, and for a coroutine function while it is awaited."""
        fields = self._fields
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: _P.args, **kwargs: _P.kwargs) -> object:
                with log_context(**fields):
                    return await function(*args, **kwargs)

            return cast("Callable[_P, _R]", awaited)

        @wraps(function)
        def called(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with log_context(**fields):
                return function(*args, **kwargs)

        return called


def current_context() -> Mapping[str, object]:
    """Give the fields that `log_context` and structlog's `bind_contextvars` have bound here."""
    fields = FIELDS.get()
    for variable in (*STRUCTLOG_VARS.values(),):  # a copy: other threads bind new keys
        if variable.get(...) is not ...:  # what structlog sets when a key is unbound
            bound = structlog_context.get_contextvars()
            return {**bound, **fields} if bound else fields
    return fields
