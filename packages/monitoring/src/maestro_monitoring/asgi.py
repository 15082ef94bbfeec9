"""Request metrics and the server span around any ASGI application, in one pass.

`maestro_core_api` does the same in its own middleware; this is for applications that do not use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._requests import RequestMetrics, bounded_method
from ._starlette import StarletteRoutes

if TYPE_CHECKING:
    from .tracing import ServerSpan, Tracing

__all__ = ["ObservedApp", "StarletteRoutes"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ObservedApp:
    """An ASGI application with its requests counted, timed and traced.

    `route_of` gives the template of a served request from its scope, or None when nothing matched; it is called after the
    application. An exception passes through unchanged and counts as 500. A WebSocket counts as one request of
    status 101, or of the status of its refusal.
    """

    def __init__(
        self,
        app: App,
        *,
        requests: RequestMetrics | None = None,
        tracing: Tracing | None = None,
        route_of: Callable[[Scope], str | None] | None = None,
    ) -> None:
        self._app = app
        self._requests = requests
        self._tracing = tracing
        self._route_of = route_of or StarletteRoutes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        method: str = scope.get("method", "GET")
        progress = nullcontext() if self._requests is None else self._requests.in_progress(method=method)
        status = 0
        error: BaseException | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            status = _status(message, status)
            await send(message)

        started = perf_counter()
        span, token = self._begin(scope)
        try:
            with progress:
                await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            # The client went away: its doing, so no server error. The number is nginx's.
            status = status or 499
            raise
        except BaseException as raised:
            error = raised
            raise
        finally:
            duration_s = perf_counter() - started
            # Nothing was sent: the server answers 500 for the application.
            self._end(
                scope,
                method,
                500 if error is not None and status < 400 else status or 500,
                duration_s,
                span,
                token,
                error,
            )

    def _begin(self, scope: Scope) -> tuple[ServerSpan | None, object]:
        if self._tracing is None:
            return None, None
        from .tracing import attach

        span, context = self._tracing.start(scope)
        return span, attach(context)

    def _end(
        self,
        scope: Scope,
        method: str,
        status: int,
        duration_s: float,
        span: ServerSpan | None,
        token: object,
        error: BaseException | None,
    ) -> None:
        route = self._route_of(scope)
        trace_id = None
        if span is not None:
            from .tracing import detach

            detach(token)
            span.finish(method=bounded_method(method), route=route, status=status, error=error)
            context = span.get_span_context()
            trace_id = f"{context.trace_id:032x}" if context.trace_flags.sampled else None
        if self._requests is not None:
            self._requests.observe(method=method, route=route, status=status, duration_s=duration_s, trace_id=trace_id)


def _status(message: Message, known: int) -> int:
    kind = message["type"]
    if kind in {"http.response.start", "websocket.http.response.start"}:
        return int(message["status"])
    if kind == "websocket.accept":
        return 101
    if kind == "websocket.close" and known == 0:
        return 403  # what servers answer when a WebSocket is closed before it is accepted
    return known
