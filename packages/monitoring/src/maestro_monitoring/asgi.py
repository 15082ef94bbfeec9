"""Request metrics and the server span around any ASGI application, in one pass.

`maestro_core_api` does the same in its own middleware; this is for applications that do not use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ._requests import SWITCHING_PROTOCOLS, RequestMetrics
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
    application. An exception passes through unchanged, and counts as 500 unless the answer was out. A WebSocket counts as
    one request of status 101, or of the status of its refusal.
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
        self._route_of = route_of
        self._routes = StarletteRoutes(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        method: str = scope.get("method", "GET")
        path: str = scope.get("path", "")
        progress = nullcontext() if self._requests is None else self._requests.in_progress(method=method)
        answer = _Answer(send)
        span, token = self._begin(scope)
        try:
            with progress:
                await self._app(scope, receive, answer.send)
        except BaseException as raised:
            answer.error = raised
            raise
        finally:
            self._end(scope, method, path, answer, span, token)

    def _begin(self, scope: Scope) -> tuple[ServerSpan | None, object]:
        if self._tracing is None:
            return None, None
        from .tracing import attach

        span, context = self._tracing.start(scope)
        return span, attach(context)

    def _end(
        self, scope: Scope, method: str, path: str, answer: _Answer, span: ServerSpan | None, token: object
    ) -> None:
        # How long a WebSocket was open is no matter of speed, also when it ended in a failure.
        duration_s = None if answer.status == SWITCHING_PROTOCOLS else answer.duration_s
        route = self._routes.template(scope, path) if self._route_of is None else self._route_of(scope)
        trace_id = None
        if span is not None:
            from .tracing import detach

            detach(token)
            error = None if answer.is_abandoned else answer.error
            span.finish(method=method, route=route, status=answer.settled_status, error=error)
            context = span.get_span_context()
            trace_id = f"{context.trace_id:032x}" if context.trace_flags.sampled else None
        if self._requests is not None:
            self._requests.observe(
                method=method, route=route, status=answer.settled_status, duration_s=duration_s, trace_id=trace_id
            )


class _Answer:
    """What is known of an answer that is being sent."""

    __slots__ = ("_ended", "_send", "_started", "error", "has_client_left", "is_complete", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = perf_counter()
        self._ended: float | None = None
        self.status = 0
        self.is_complete = False
        self.has_client_left = False
        self.error: BaseException | None = None

    async def send(self, message: Message) -> None:
        self.status = _status(message, self.status)
        try:
            await self._send(message)
        except OSError:
            # Servers say so that the connection is gone.
            self.has_client_left = True
            raise
        if message["type"] in _LAST and not message.get("more_body", False):
            # Background tasks come after it, and are no part of how long the client waited.
            self.is_complete = True
            self._ended = perf_counter()

    @property
    def duration_s(self) -> float:
        """Seconds until the last byte, or until now."""
        return (self._ended or perf_counter()) - self._started

    @property
    def is_abandoned(self) -> bool:
        """Whether the client went away: its doing, so no server error."""
        return self.has_client_left or isinstance(self.error, asyncio.CancelledError)

    @property
    def settled_status(self) -> int:
        """The status as the client has seen it, and 500 for an answer that broke off; 499, as nginx has it, when nobody waited."""
        if self.is_abandoned:
            return self.status or 499
        if self.error is not None and not self.is_complete and self.status < 400:
            return 500
        # Nothing was sent: the server answers 500 for the application.
        return self.status or 500


_LAST = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})


def _status(message: Message, known: int) -> int:
    kind = message["type"]
    if kind in {"http.response.start", "websocket.http.response.start"}:
        return int(message["status"])
    if kind == "websocket.accept":
        return 101
    if kind == "websocket.close" and known == 0:
        return 403  # what servers answer when a WebSocket is closed before it is accepted
    return known
