"""One request or one WebSocket: who it is, and how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from ._identity import TraceParent, is_sane, parse_traceparent, request_id_of
from ._lifecycle import Message, Receive, Send
from ._observer import CLIENT_CLOSED_REQUEST, Observer
from ._tracing import RequestSpan

Scope = MutableMapping[str, Any]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Holds the request's id on the outermost observed application's scope, so that a mounted one of ours stays silent.
OBSERVED = "maestro.observed"


class Exchange:
    """What requests and WebSockets have in common."""

    __slots__ = (
        "_begun",
        "_ended",
        "_observer",
        "_send",
        "context",
        "counted_status",
        "failure",
        "has_client_left",
        "is_complete",
        "path",
        "request_id",
        "scope",
        "span",
        "status",
        "trace",
    )

    def __init__(self, observer: Observer, scope: Scope, send: Send) -> None:
        self._begun = perf_counter()
        self._ended: float | None = None
        self._observer = observer
        self._send = send
        self.scope = scope
        self.path: str = scope["path"]
        self.status = 0
        # What metrics count: 500, too, for an answer that began well and broke off.
        self.counted_status = 0
        self.is_complete = False
        self.has_client_left = False
        self.failure: BaseException | None = None
        self.request_id, self.trace = self._identified()
        self.context: dict[str, str] = {"request_id": self.request_id}
        if self.trace is not None:
            self.context |= {"trace_id": self.trace.trace_id, "parent_span_id": self.trace.parent_id}
        self.span: RequestSpan | None = None
        if observer.tracing is not None:
            self.span = RequestSpan(observer.tracing, scope)
            self.trace = self.span.place
            self.context["trace_id"] = self.trace.trace_id
        scope[OBSERVED] = self.request_id
        state: MutableMapping[str, Any] | None = scope.get("state")
        if state is None or state is observer.lifecycle.state:
            # Servers should hand out a copy per request; where one does not, the id of one request must never be another's.
            state = scope["state"] = {**(state or {})}
        # The dict of whoever is outside, not a copy: a middleware there may hold it and read what endpoints put into it.
        state.setdefault("request_id", self.request_id)

    @property
    def duration_s(self) -> float:
        """Seconds from the first byte of the request to the last of the response."""
        return (self._ended or perf_counter()) - self._begun

    @property
    def crash(self) -> BaseException | None:
        """What the application failed with; that a client left, or the server cancelled, is no failure of its."""
        return self.failure if self._outcome() == "crashed" else None

    def _identified(self) -> tuple[str, TraceParent | None]:
        id_header = self._observer.request_id_header
        given: str | None = None
        trace: TraceParent | None = None
        for name, value in self.scope["headers"]:
            if name == id_header:
                given = value.decode("latin-1")
            elif name == b"traceparent":
                trace = parse_traceparent(value.decode("latin-1"))
        return request_id_of(given), trace

    async def send(self, message: Message) -> None:
        """Pass a message on to the server, noting what it says."""
        raise NotImplementedError

    def close(self) -> None:
        """Settle the status once the application has returned or raised."""
        raise NotImplementedError

    def report(self, route: str | None) -> None:
        """Write the access event."""
        raise NotImplementedError

    def _emit(self, route: str | None, **fields: Any) -> None:
        client = self.scope.get("client")
        failure = self.failure
        self._observer.emit_access(
            status=self.status,
            path=self.path,
            route=route,
            duration_ms=round(self.duration_s * 1000, 3),
            client=client[0] if client else None,
            outcome=self._outcome(),
            request_id=self.request_id,
            **fields,
            **({} if failure is None else {"error": type(failure).__name__}),
        )

    def _outcome(self) -> str:
        if isinstance(self.failure, asyncio.CancelledError):
            return "cancelled"
        if self.failure is not None and not self.has_client_left:
            return "crashed"
        return "completed" if self.is_complete else "disconnected"


class HTTPExchange(Exchange):
    """One request."""

    __slots__ = ()

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            message = self._decorated(message)
            self.status = message["status"]
        try:
            await self._send(message)
        except OSError:
            # Servers say so that the connection is gone; frameworks then raise exceptions of their own.
            self.has_client_left = True
            raise
        if kind == "http.response.body":
            if not message.get("more_body", False):
                self.is_complete = True
                self._ended = perf_counter()
        elif kind in ("http.response.pathsend", "http.response.zerocopysend"):
            self.is_complete = not message.get("more_body", False)

    def close(self) -> None:
        has_crashed = self.crash is not None
        if self.status == 0:
            self.status = 500 if has_crashed else CLIENT_CLOSED_REQUEST
        broke_off = has_crashed and not self.is_complete and self.status < 400
        self.counted_status = 500 if broke_off else self.status

    def report(self, route: str | None) -> None:
        self._emit(route, method=self.scope["method"])

    def _decorated(self, message: Message) -> Message:
        observer = self._observer
        id_header = observer.request_id_header
        present = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        names = {name.lower(): value for name, value in present}
        if id_header is not None:
            own = names.get(id_header)
            if own is None:
                self._take_over_state_id()
                present.append((id_header, self.request_id.encode("latin-1")))
            else:
                # The service has an id of its own making: that is the one people will search for.
                self.request_id = own.decode("latin-1")
        present.extend(pair for pair in observer.security_headers if pair[0] not in names)
        return {**message, "headers": present}

    def _take_over_state_id(self) -> None:
        """Go by the id that the service put on `request.state`, if it is one that may stand in a header."""
        own = self.scope["state"].get("request_id")
        if isinstance(own, str) and is_sane(own):
            self.request_id = own


class WebSocketExchange(Exchange):
    """One WebSocket; its status is 101 when it was accepted."""

    __slots__ = ()

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.http.response.start":
            self.status = message["status"]
        elif kind == "websocket.close" and self.status == 0:
            self.status = 403
        await self._send(message)

    def close(self) -> None:
        # A WebSocket ends when either side leaves; that the client did is not a failure.
        self.is_complete = True
        if self.status == 0:
            self.status = 500 if self.failure is not None else CLIENT_CLOSED_REQUEST
        self.counted_status = 500 if self.crash is not None and self.status < 400 else self.status

    def report(self, route: str | None) -> None:
        self._emit(route, method="WEBSOCKET")
