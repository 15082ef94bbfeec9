"""One pass around an ASGI application: identity, context, headers, access event, metrics, probes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import nullcontext
from time import perf_counter
from typing import Any, Protocol

from maestro_core_logging import log_context

from . import _probes
from ._headers import with_missing
from ._identity import TraceParent, accepted_request_id, new_request_id, parse_traceparent
from ._lifecycle import Message, Receive, Send
from ._observer import CLIENT_CLOSED_REQUEST, Observer
from ._readiness import CheckResult

Scope = MutableMapping[str, Any]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Set on the outermost observed application's scope, so that a mounted one of ours stays silent.
_OBSERVED = "maestro.observed"
_NOTHING = nullcontext()


class Routes(Protocol):
    """What is known about an application's routes; `RouteTable` for Starlette and its kin."""

    def template(self, scope: Scope, path: str) -> str | None:
        """Give the template of the route that served this scope."""

    def claims(self, scope: Scope) -> bool:
        """Whether the application answers this path itself."""


class ASGIObserver:
    """Serves an ASGI application and everything that is added around it."""

    __slots__ = ("_observer", "_routes")

    def __init__(self, observer: Observer, routes: Routes | None) -> None:
        self._observer = observer
        self._routes = routes

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope with the application given; it is given each time so that no cycle keeps it alive."""
        kind = scope["type"]
        if kind == "lifespan":
            receive, send = self._observer.lifecycle.watched(receive, send)
            await app(scope, receive, send)
        elif kind not in ("http", "websocket") or _OBSERVED in scope:
            await app(scope, receive, send)
        elif kind == "websocket":
            await self._exchange(app, _WebSocketExchange(self._observer, scope, send), receive)
        elif self._is_probe(scope):
            await self._probe(app, scope, receive, send)
        else:
            await self._exchange(app, _HTTPExchange(self._observer, scope, send), receive)

    async def _exchange(self, app: ASGIApp, exchange: _Exchange, receive: Receive) -> None:
        scope, observer = exchange.scope, self._observer
        metrics = observer.request_metrics() if exchange.is_measured else None
        tracker = _NOTHING if metrics is None else metrics.in_progress(method=scope["method"])
        observer.lifecycle.in_flight += 1
        with log_context(**exchange.context), tracker:
            try:
                await app(scope, receive, exchange.send)
            except BaseException as failure:
                exchange.failure = failure
                raise
            finally:
                observer.lifecycle.in_flight -= 1
                route = self._routes.template(scope, exchange.path) if self._routes is not None else None
                exchange.close()
                if metrics is not None:
                    trace = exchange.trace
                    metrics.observe(
                        method=scope["method"],
                        route=route,
                        status=exchange.status,
                        duration_s=exchange.duration_s,
                        trace_id=trace.trace_id if trace is not None and trace.sampled else None,
                    )
                if observer.access_log:
                    exchange.report(route)

    def _is_probe(self, scope: Scope) -> bool:
        paths = self._observer.probe_paths
        path = scope["path"]
        if path not in paths:
            root_path = scope.get("root_path")
            if not root_path or not path.startswith(root_path) or path[len(root_path) :] not in paths:
                return False
        return scope["method"] in ("GET", "HEAD")

    async def _probe(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        observer = self._observer
        path = scope["path"]
        if self._routes is not None and self._routes.claims(scope):
            await self._exchange(app, _HTTPExchange(observer, scope, send), receive)
            return
        if path not in observer.is_ours:
            # Asked once per path: while the question is open, and after it, the answer is ours unless it was theirs.
            observer.is_ours[path] = True
            theirs = await _answer_without_router(app, scope, receive) if self._may_answer_unrouted() else None
            if theirs is not None:
                observer.is_ours[path] = False
                await self._exchange(_replaying(theirs), _HTTPExchange(observer, scope, send), receive)
                return
        if not observer.is_ours[path]:
            await self._exchange(app, _HTTPExchange(observer, scope, send), receive)
            return
        await self._answer(scope, send)

    def _may_answer_unrouted(self) -> bool:
        return bool(getattr(getattr(self._routes, "app", None), "user_middleware", True))

    async def _answer(self, scope: Scope, send: Send) -> None:
        observer = self._observer
        path = "/" + scope["path"].rpartition("/")[2]
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        results = await self._results() if _probes.needs_checks(path, observer.lifecycle) else ()
        answer = _probes.answer(path, lifecycle=observer.lifecycle, results=results, accept=accept)
        headers = [(name.encode(), value.encode()) for name, value in answer.headers]
        headers = with_missing(headers, observer.security_headers)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _results(self) -> Sequence[CheckResult]:
        readiness = self._observer.readiness
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # A server on trio: rare enough that a probe may hold its loop for as long as the slowest check.
            return readiness.results_blocking()
        return await readiness.results()


class _Exchange:
    """One request or one WebSocket: who it is, and how it went."""

    __slots__ = (
        "_begun",
        "_ended",
        "_observer",
        "_send",
        "context",
        "failure",
        "has_client_left",
        "is_complete",
        "path",
        "request_id",
        "scope",
        "status",
        "trace",
    )
    is_measured = False

    def __init__(self, observer: Observer, scope: Scope, send: Send) -> None:
        self._begun = perf_counter()
        self._ended: float | None = None
        self._observer = observer
        self._send = send
        self.scope = scope
        self.path: str = scope["path"]
        self.status = 0
        self.is_complete = False
        self.has_client_left = False
        self.failure: BaseException | None = None
        self.request_id, self.trace = self._identified()
        self.context: dict[str, str] = {"request_id": self.request_id}
        if self.trace is not None:
            self.context["trace_id"] = self.trace.trace_id
            self.context["parent_span_id"] = self.trace.parent_id
        scope[_OBSERVED] = True
        state: MutableMapping[str, Any] = scope.get("state") or {}
        if "request_id" not in state:
            # A copy: servers should hand out one per request, and the id of one request must never be another's.
            scope["state"] = {**state, "request_id": self.request_id}

    @property
    def duration_s(self) -> float:
        """Seconds from the first byte of the request to the last of the response."""
        return (self._ended or perf_counter()) - self._begun

    def _identified(self) -> tuple[str, TraceParent | None]:
        id_header = self._observer.request_id_header
        given: str | None = None
        trace: TraceParent | None = None
        for name, value in self.scope["headers"]:
            if name == id_header:
                given = value.decode("latin-1")
            elif name == b"traceparent":
                trace = parse_traceparent(value.decode("latin-1"))
        return new_request_id() if given is None else accepted_request_id(given), trace

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


class _HTTPExchange(_Exchange):
    __slots__ = ()
    is_measured = True

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
        if self.status == 0:
            crashed = self.failure is not None and self._outcome() == "crashed"
            self.status = 500 if crashed else CLIENT_CLOSED_REQUEST

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
                present.append((id_header, self.request_id.encode("latin-1")))
            else:
                # The service has an id of its own making: that is the one people will search for.
                self.request_id = own.decode("latin-1")
        present.extend(pair for pair in observer.security_headers if pair[0] not in names)
        return {**message, "headers": present}


class _WebSocketExchange(_Exchange):
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

    def report(self, route: str | None) -> None:
        self._emit(route, method="WEBSOCKET")


async def _answer_without_router(app: ASGIApp, scope: Scope, receive: Receive) -> list[Message] | None:
    """Give the messages with which a middleware of the application answered before its router, or None."""
    trial = {**scope, "state": dict(scope.get("state") or {}), _OBSERVED: True}
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    try:
        await app(trial, receive, keep)
    except Exception:  # noqa: BLE001  # this path has no route there: whatever broke was not meant to answer it
        return None
    status = next((m["status"] for m in messages if m["type"] == "http.response.start"), 0)
    return messages if 200 <= status < 300 and "router" not in trial else None


def _replaying(messages: list[Message]) -> ASGIApp:
    async def replay(_: Scope, __: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return replay
