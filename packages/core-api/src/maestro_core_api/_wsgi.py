"""The same pass around a Flask application, as pure WSGI middleware."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from time import perf_counter
from typing import Any

from maestro_core_logging import log_context

from . import _probes
from ._identity import TraceParent, parse_traceparent, request_id_of
from ._observer import CLIENT_CLOSED_REQUEST, Observer
from ._tracing import RequestSpan, scope_of

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_OBSERVED = "maestro.observed"
# `<int:order_id>` and `<order_id>` become `{order_id}`: one spelling on every dashboard. A converter's arguments may hold colons.
_CONVERTER = re.compile(r"<(?:[^<>]+:)?([^:<>]+)>")
_NOTHING = nullcontext()


class WSGIObserver:
    """A WSGI application around the one of a Flask application."""

    def __init__(self, observer: Observer, app: WSGIApp, flask_app: Any) -> None:
        self._observer = observer
        self._app = app
        self._flask_app = flask_app

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if _OBSERVED in environ:
            return self._app(environ, start_response)
        path = environ.get("PATH_INFO", "")
        is_probe = path in self._observer.probe_paths and environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if is_probe and self._is_ours(path, environ):
            return self._answer(path, environ, start_response)
        return _Exchange(self._observer, environ, start_response, self._flask_app).run(self._app)

    def _is_ours(self, path: str, environ: Environ) -> bool:
        if _matches(self._flask_app, environ):
            return False
        is_ours = self._observer.is_ours
        if path not in is_ours:
            # Asked once per path: a dispatcher or a hook may answer what no URL rule does.
            is_ours[path] = True
            status = _status_without_rule(self._app, environ)
            if _probes.is_for_now(status):
                del is_ours[path]
                return False
            is_ours[path] = not _probes.is_an_answer(status)
        return is_ours[path]

    def _answer(self, path: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        observer = self._observer
        results = observer.readiness.results_blocking() if _probes.needs_checks(path, observer.lifecycle) else ()
        accept = environ.get("HTTP_ACCEPT")
        answer = _probes.answer(path, lifecycle=observer.lifecycle, results=results, accept=accept)
        headers = [(name.title(), value) for name, value in answer.headers]
        if observer.request_id_header is not None:
            headers.append((_titled(observer.request_id_header), _request_id(observer, environ)))
        headers += [(_titled(name), value.decode("latin-1")) for name, value in observer.security_headers]
        start_response(f"{answer.status} {'OK' if answer.status == 200 else 'Service Unavailable'}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]


class _Exchange:
    """One request through a WSGI application: who it is, and how it went."""

    def __init__(self, observer: Observer, environ: Environ, start_response: StartResponse, flask_app: Any) -> None:
        self._begun = perf_counter()
        self._observer = observer
        self._environ = environ
        self._start_response = start_response
        self._flask_app = flask_app
        metrics = observer.metrics_so_far
        self._method: str = environ["REQUEST_METHOD"]
        self._path: str = environ.get("PATH_INFO", "")
        self._status = 0
        self._is_complete = False
        self._is_reported = False
        self._tracker = _NOTHING if metrics is None else metrics.in_progress(method=self._method)
        self._trace: TraceParent | None = parse_traceparent(environ.get("HTTP_TRACEPARENT", ""))
        self._request_id = _request_id(observer, environ)
        self._context = {"request_id": self._request_id}
        if self._trace is not None:
            self._context |= {"trace_id": self._trace.trace_id, "parent_span_id": self._trace.parent_id}
        self._span: RequestSpan | None = None
        if observer.tracing is not None:
            self._span = RequestSpan(observer.tracing, scope_of(environ))
            self._trace = self._span.place
            self._context["trace_id"] = self._trace.trace_id
        environ[_OBSERVED] = True
        environ.setdefault("maestro.request_id", self._request_id)

    def run(self, app: WSGIApp) -> Iterable[bytes]:
        self._observer.lifecycle.in_flight += 1
        self._tracker.__enter__()
        try:
            with log_context(**self._context), self._span or _NOTHING:
                body = app(self._environ, self._started)
        except BaseException as failure:
            self._report(failure)
            raise
        wrapper = self._environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper):
            # The server recognises its own file object and sends it without copying; hidden in ours it could not.
            self._is_complete = True
            self._report(None)
            return body
        return _Body(self, body)

    def next_chunk(self, chunks: Iterator[bytes]) -> bytes:
        # Entered per chunk: a server may take chunks of two responses in turn, on one thread.
        try:
            with log_context(**self._context), self._span or _NOTHING:
                return next(chunks)
        except StopIteration:
            # The last byte is out. Not left to `close`: test clients read a body and forget it.
            self._is_complete = True
            self._report(None)
            raise
        except BaseException as failure:
            self._report(failure)
            raise

    def finish(self, close: Callable[[], object] | None) -> None:
        failure: BaseException | None = None
        try:
            if close is not None:
                with log_context(**self._context), self._span or _NOTHING:
                    close()
        except BaseException as raised:
            failure = raised
            raise
        finally:
            self._report(failure)

    def _started(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
        self._status = int(status[:3])
        names = {name.lower(): value for name, value in headers}
        added: list[tuple[str, str]] = []
        id_header = self._observer.request_id_header
        if id_header is not None:
            own = names.get(id_header.decode("latin-1"))
            if own is None:
                added.append((_titled(id_header), self._request_id))
            else:
                self._request_id = own
        for name, value in self._observer.security_headers:
            if name.decode("latin-1") not in names:
                added.append((_titled(name), value.decode("latin-1")))
        return self._start_response(status, [*headers, *added], *exc_info)

    def _report(self, failure: BaseException | None) -> None:
        if self._is_reported:
            return
        self._is_reported = True
        self._observer.lifecycle.in_flight -= 1
        self._tracker.__exit__(None, None, None)
        duration_s = perf_counter() - self._begun
        if self._status == 0:
            self._status = 500 if failure is not None else CLIENT_CLOSED_REQUEST
        crashed = failure is not None and not isinstance(failure, GeneratorExit)
        broke_off = crashed and not self._is_complete and self._status < 400
        status = 500 if broke_off else self._status
        route = _template(self._flask_app, self._environ)
        metrics = self._observer.request_metrics()
        if metrics is not None:
            trace_id = self._trace.trace_id if self._trace is not None and self._trace.sampled else None
            metrics.observe(method=self._method, route=route, status=status, duration_s=duration_s, trace_id=trace_id)
        if self._observer.access_log:
            self._observer.emit_access(
                status=self._status,
                method=self._method,
                path=self._path,
                route=route,
                duration_ms=round(duration_s * 1000, 3),
                client=self._environ.get("REMOTE_ADDR"),
                outcome="crashed" if crashed else "completed" if self._is_complete else "disconnected",
                **self._context | {"request_id": self._request_id},
                **({"error": type(failure).__name__} if crashed else {}),
            )
        if self._span is not None:
            self._span.finish(method=self._method, route=route, status=status, failure=failure if crashed else None)


class _Body:
    """A response body that says when it has been sent."""

    def __init__(self, exchange: _Exchange, body: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._body = body
        self._chunks = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._exchange.next_chunk(self._chunks)

    def close(self) -> None:
        """Close the application's body and report the request."""
        self._exchange.finish(getattr(self._body, "close", None))


def _request_id(observer: Observer, environ: Environ) -> str:
    header = observer.request_id_header
    key = "HTTP_" + header.decode("latin-1").upper().replace("-", "_") if header else ""
    return request_id_of(environ.get(key))


def _template(flask_app: Any, environ: Environ) -> str | None:
    # Asked again, since Flask forgets its request when it has answered; so a 405 has its rule, too.
    rule = _rule_of_any_method(flask_app, environ)
    return None if rule is None else _CONVERTER.sub(r"{\1}", rule.rule)


def _rule_of_any_method(flask_app: Any, environ: Environ) -> Any:
    from werkzeug.exceptions import HTTPException, MethodNotAllowed

    # Redirects and hosts that cannot be read are HTTP exceptions too: no rule then.
    with suppress(HTTPException):
        urls = _bound_urls(flask_app, environ)
        try:
            return urls.match(return_rule=True)[0]
        except MethodNotAllowed as refused:
            method = next(iter(refused.valid_methods or ("GET",)))
            return urls.match(method=method, return_rule=True)[0]
    return None


def _matches(flask_app: Any, environ: Environ) -> bool:
    from werkzeug.exceptions import HTTPException, NotFound

    try:
        endpoint, _ = _bound_urls(flask_app, environ).match()
    except NotFound:
        return False
    except HTTPException:
        # A redirect to a rule with a slash, or another method: the path is the application's.
        return True
    # With `static_url_path=""` every path has Flask's own rule for files, whether there is such a file or not.
    return str(endpoint).rpartition(".")[2] != "static"


def _bound_urls(flask_app: Any, environ: Environ) -> Any:
    """Bind the rules as Flask does, which knows the server's name and whether subdomains matter."""
    from flask import Request

    return flask_app.create_url_adapter(Request(environ, populate_request=False))


def _status_without_rule(app: WSGIApp, environ: Environ) -> int:
    statuses: list[str] = []

    def keep(status: str, *_: object) -> Callable[[bytes], object]:
        statuses.append(status)
        return lambda _: None

    trial = {**environ, _OBSERVED: True}
    try:
        body = app(trial, keep)
        for _ in body:
            break
        close = getattr(body, "close", None)
        if close is not None:
            close()
    except Exception:  # noqa: BLE001  # this path has no rule there: whatever broke was not meant to answer it
        return 0
    return int(statuses[-1][:3]) if statuses else 0


def _titled(name: bytes) -> str:
    return name.decode("latin-1").title()
