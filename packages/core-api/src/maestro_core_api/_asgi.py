"""One pass around an ASGI application: identity, context, headers, access event, metrics, probes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext

from maestro_core_logging import log_context
from maestro_monitoring.asgi import StarletteRoutes

from . import _probes
from ._exchange import OBSERVED, ASGIApp, Exchange, HTTPExchange, Scope, WebSocketExchange
from ._headers import with_missing
from ._identity import request_id_of
from ._lifecycle import Message, Receive, Send
from ._observer import Observer
from ._readiness import CheckResult

_NOTHING = nullcontext()
SWITCHING_PROTOCOLS = 101


class ASGIObserver:
    """Serves an ASGI application and everything that is added around it."""

    __slots__ = ("_observer", "_routes")

    def __init__(self, observer: Observer, app: object) -> None:
        self._observer = observer
        self._routes = StarletteRoutes(app)

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope with the application given; it is given each time so that no cycle keeps it alive."""
        kind = scope["type"]
        if kind == "lifespan":
            self._observer.lifecycle.state = scope.get("state")
            receive, send = self._observer.lifecycle.watched(receive, send)
            await app(scope, receive, send)
        elif kind not in ("http", "websocket") or OBSERVED in scope:
            await app(scope, receive, send)
        elif kind == "websocket":
            await self._exchange(app, WebSocketExchange(self._observer, scope, send), receive)
        elif self._is_probe(scope):
            await self._probe(app, scope, receive, send)
        else:
            await self._exchange(app, HTTPExchange(self._observer, scope, send), receive)

    async def _exchange(self, app: ASGIApp, exchange: Exchange, receive: Receive) -> None:
        scope, observer = exchange.scope, self._observer
        metrics = observer.metrics_so_far
        method: str = scope.get("method", "GET")  # a WebSocket's scope has none, but a GET it is
        tracker = _NOTHING if metrics is None else metrics.in_progress(method=method)
        observer.lifecycle.in_flight += 1
        with log_context(**exchange.context), tracker, exchange.span or _NOTHING:
            try:
                await app(scope, receive, exchange.send)
            except BaseException as failure:
                exchange.failure = failure
                raise
            finally:
                observer.lifecycle.in_flight -= 1
                route = self._routes.template(scope, exchange.path)
                exchange.close()
                metrics = observer.request_metrics()
                if metrics is not None:
                    trace = exchange.trace
                    metrics.observe(
                        method=method,
                        route=route,
                        status=exchange.counted_status,
                        # How long a WebSocket was open is no matter of speed, also when it ended in a failure.
                        duration_s=None if exchange.status == SWITCHING_PROTOCOLS else exchange.duration_s,
                        trace_id=trace.trace_id if trace is not None and trace.sampled else None,
                    )
                if observer.access_log:
                    exchange.report(route)
                if exchange.span is not None:
                    status = exchange.counted_status
                    exchange.span.finish(method=method, route=route, status=status, failure=exchange.crash)

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
        if self._routes.claims(scope):
            await self._exchange(app, HTTPExchange(observer, scope, send), receive)
            return
        if path not in observer.is_ours:
            # Asked once per path: while the question is open, and after it, the answer is ours unless it was theirs.
            observer.is_ours[path] = True
            theirs = await _answer_of_their_own(app, scope, receive)
            if theirs:
                del observer.is_ours[path]
                if not _probes.is_for_now(_status_of(theirs)):
                    observer.is_ours[path] = False
                await self._exchange(_replaying(theirs), HTTPExchange(observer, scope, send), receive)
                return
        if not observer.is_ours[path]:
            await self._exchange(app, HTTPExchange(observer, scope, send), receive)
            return
        await self._answer(scope, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        observer = self._observer
        path = "/" + scope["path"].rpartition("/")[2]
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        # On trio (rare) a probe may hold the loop for as long as the slowest check.
        is_on_asyncio = _is_on_asyncio()
        results: Sequence[CheckResult] = ()
        if _probes.needs_checks(path, observer.lifecycle):
            readiness = observer.readiness
            results = await readiness.results() if is_on_asyncio else readiness.results_blocking()
        if path == _probes.METRICS and is_on_asyncio:
            # Ten thousand series, or the files of other workers, must not hold up requests.
            answer = await asyncio.to_thread(_probes.metrics, accept)
        else:
            answer = _probes.answer(path, lifecycle=observer.lifecycle, results=results, accept=accept)
        headers = [(name.encode(), value.encode()) for name, value in answer.headers]
        id_header = observer.request_id_header
        if id_header is not None:
            given = next((value.decode("latin-1") for name, value in scope["headers"] if name == id_header), None)
            headers.append((id_header, request_id_of(given).encode("latin-1")))
        headers = with_missing(headers, observer.security_headers)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})


def _is_on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _answer_of_their_own(app: ASGIApp, scope: Scope, receive: Receive) -> list[Message]:
    """Give the messages with which the application answers a path that no route of it claims; none if it does not.

    A middleware may answer, or rewrite the path to a route's; so may a handler of 404, or what a wrapper dispatches to.
    """
    trial = {**scope, "state": dict(scope.get("state") or {}), OBSERVED: True}
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    try:
        await app(trial, receive, keep)
    except Exception:  # noqa: BLE001  # this path has no route there: whatever broke was not meant to answer it
        return []
    return messages if _probes.is_an_answer(_status_of(messages)) else []


def _status_of(messages: list[Message]) -> int:
    return next((int(m["status"]) for m in messages if m["type"] == "http.response.start"), 0)


def _replaying(messages: list[Message]) -> ASGIApp:
    async def replay(_: Scope, __: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return replay
