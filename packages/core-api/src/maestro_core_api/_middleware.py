"""
Middleware for a place of one's own choosing: what services write by hand, as classes that are told their parameters.

The pass around a whole application needs none of these. They are for what has a place: behind CORS, inside a gate, only when a setting says
so, with the context variable and the header that this service has always had. Like a `BaseHTTPMiddleware`, and unlike most ASGI
middleware, each keeps context variables that are set inside it from the code outside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, copy_context
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

from maestro_core_logging import log_context

from ._exchange import OBSERVED, ASGIApp, Scope
from ._headers import RawHeaders, with_values
from ._identity import new_request_id
from ._isolation import within
from ._lifecycle import Message, Receive, Send


class _Place:
    """An ASGI middleware that sees HTTP responses begin; everything else passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError

    async def _pass(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, values: Callable[[], Mapping[str, str]]
    ) -> None:
        """Run the application in a context of its own, and set the header values of the moment when its response begins."""
        outside = copy_context()
        is_open = False

        async def send_with_values(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or bool(message.get("more_body", False))
            if message["type"] == "http.response.start":
                present: RawHeaders = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
                message = {**message, "headers": with_values(present, values())}
            await send(message)

        async def send_outside(message: Message) -> None:
            await within(outside.copy(), send_with_values(message))

        async def served() -> None:
            try:
                await app(scope, receive, send_outside)
            except Exception:
                if is_open and _ends_broken_responses():
                    await send_outside({"type": "http.response.body", "body": b"", "more_body": False})
                raise

        await within(copy_context(), served())


@cache
def _ends_broken_responses() -> bool:
    """Whether Starlette's `BaseHTTPMiddleware` ends a response that breaks off as if it were whole: it does since 0.46."""
    try:
        major, minor, *_ = version("starlette").split(".")
    except PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= (0, 46)


class RequestId(_Place):
    """
    Give each request an id: the caller's, or a new one.

    `header` is read (unless `trusts_caller` is False) and written (unless `echoes` is False). The id is put into the `ContextVar`
    given as `variable`, under the name `state` on `request.state`, and into the log context. With `resets=False` the variable keeps its
    value for the code outside, such as the handler of unexpected errors. `takes_empty` accepts a header without text as an id.
    With `echoes_state` the header is what `request.state` holds when the response begins. `context` may open a context manager for the
    time of the request. Pass the parameters where the middleware is added, or derive a class that says them and, if need be, its own `new`:

    `class OrderIds(RequestId): header = "X-Order-ID"`
    """

    header: str = "X-Request-ID"
    variable: ContextVar[Any] | None = None
    state: str | None = None
    trusts_caller: bool = True
    takes_empty: bool = False
    echoes: bool = True
    echoes_state: bool = False
    resets: bool = True

    def __init__(
        self,
        app: ASGIApp,
        *,
        new: Callable[[], str] | None = None,
        context: Callable[[str], AbstractContextManager[object]] | None = None,
        **parameters: Any,
    ) -> None:
        """Take the application inside, and the parameters that the class does not say already.

        Raises:
            TypeError: a parameter is none of the class's.
        """
        super().__init__(app)
        self._take(parameters)
        chosen = {"new": new, "context": context}
        vars(self).update({name: value for name, value in chosen.items() if value is not None})

    def _take(self, parameters: Mapping[str, Any]) -> None:
        known = list(RequestId.__annotations__)
        for name, value in parameters.items():
            if name not in known:
                raise TypeError(f"RequestId has no parameter {name!r}; it has {', '.join(['new', 'context', *known])}")
            setattr(self, name, value)

    def new(self) -> str:
        """Make an id for a request that came without one."""
        return new_request_id()

    def context(self, request_id: str) -> AbstractContextManager[object]:  # noqa: ARG002  # for classes that derive
        """Open what is to be open for as long as the request is served inside."""
        return nullcontext()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self._identified(scope)
        state = scope.setdefault("state", {})
        if state.get("request_id", "") == scope.get(OBSERVED):
            # The pass outside made one up before it could know better: from here on there is one id.
            state["request_id"] = request_id
        if self.state is not None:
            state[self.state] = request_id
        if self.variable is not None and not self.resets:
            self.variable.set(request_id)

        async def identified(scope: Scope, receive: Receive, send: Send) -> None:
            if self.variable is not None:
                self.variable.set(request_id)
            with log_context(request_id=request_id), self.context(request_id):
                await self.app(scope, receive, send)

        def written() -> Mapping[str, str]:
            if not self.echoes:
                return {}
            is_in_state = self.echoes_state and self.state is not None
            return {self.header: state[self.state] if is_in_state else request_id}

        await self._pass(identified, scope, receive, send, values=written)

    def _identified(self, scope: Scope) -> str:
        wanted = self.header.lower().encode("latin-1")
        given = (
            next((value for name, value in scope["headers"] if name == wanted), None) if self.trusts_caller else None
        )
        if given or (given is not None and self.takes_empty):
            return bytes(given).decode("latin-1")
        return self.new()


class ResponseHeaders(_Place):
    """
    Set headers on every response that passes, whatever the application had set.

    Pass `headers` where the middleware is added, or derive a class that says them. Override `chosen` where they depend on something that
    changes; it is asked once for each response.
    """

    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(app)
        if headers is not None:
            self.headers = headers

    def chosen(self) -> Mapping[str, str]:
        """Give the headers of the response that is about to begin."""
        return self.headers

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._pass(self.app, scope, receive, send, values=self.chosen)


class ResponseTime(_Place):
    """
    Say in a response header how long the application took until its response began.

    Pass `header`, `clock` and `text` where the middleware is added, or derive a class that says or overrides them.
    """

    header: str = "X-Process-Time"

    def __init__(
        self,
        app: ASGIApp,
        *,
        header: str | None = None,
        clock: Callable[[], float] | None = None,
        text: Callable[[float], str] | None = None,
    ) -> None:
        super().__init__(app)
        chosen = {"header": header, "clock": clock, "text": text}
        vars(self).update({name: value for name, value in chosen.items() if value is not None})

    def clock(self) -> float:
        """Read the clock, in seconds."""
        return time.perf_counter()

    def text(self, seconds: float) -> str:
        """Write a duration as the header's value."""
        return str(seconds)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = self.clock()

        def taken() -> Mapping[str, str]:
            return {self.header: self.text(self.clock() - begun)}

        await self._pass(self.app, scope, receive, send, values=taken)
