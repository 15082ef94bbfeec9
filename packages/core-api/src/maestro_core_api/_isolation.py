"""Context variables on one side of a middleware stay on that side."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class within(Generic[T]):  # noqa: N801  # reads as the preposition that it is: `await within(context, coroutine)`
    """Await a coroutine with every step of it taken in a context of its own, in the same task."""

    __slots__ = ("_context", "_coroutine")

    def __init__(self, context: Context, coroutine: Coroutine[Any, Any, T]) -> None:
        self._context = context
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        """Drive the coroutine; what it waits for goes to the event loop, and what comes back goes to it."""
        steps = self._coroutine.__await__()
        run = self._context.run
        try:
            asked = run(steps.send, None)
            while True:
                try:
                    answer = yield asked
                except GeneratorExit:
                    run(steps.close)
                    raise
                except BaseException as failure:  # noqa: BLE001  # a cancellation is the coroutine's to see
                    asked = run(steps.throw, failure)
                else:
                    asked = run(steps.send, answer)
        except StopIteration as end:
            result: T = end.value
            return result
