"""`instrument(app)`: the same additions around an application that is not ours."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from maestro_monitoring import RequestMetrics

from ._asgi import ASGIObserver
from ._exchange import ASGIApp, Scope
from ._lifecycle import Receive, Send
from ._observer import Observer
from ._readiness import ReadinessCheck
from .errors import NotInstrumentable

if TYPE_CHECKING:
    from maestro_monitoring.tracing import Tracing

A = TypeVar("A")

_OBSERVER = "_maestro_observer"


def instrument(
    app: A,
    *,
    service_name: str | None = None,
    readiness: Mapping[str, ReadinessCheck] | None = None,
    request_id_header: str | None = "X-Request-ID",
    access_log: bool = True,
    metrics: bool | RequestMetrics = True,
    security_headers: bool | Mapping[str, str] = True,
    probes: bool = True,
    tracing: Tracing | None = None,
) -> A:
    """Put request ids, access events, metrics, security headers and health around an application.

    A Flask, Starlette or FastAPI application comes back as the same object; any other ASGI application comes back
    wrapped. Routes, error bodies and test clients stay as they are. A second call adds its readiness checks
    and changes nothing else.

    Raises:
        NotInstrumentable: the object is neither.
        DuplicateCheck: a readiness check of another call has the same name.
    """
    known: Observer | None = getattr(app, _OBSERVER, None)
    if known is not None:
        for name, check in (readiness or {}).items():
            known.readiness.add(name, check)
        return app
    observer = Observer(
        service_name=service_name,
        request_id_header=request_id_header,
        access_log=access_log,
        metrics=metrics,
        security_headers=security_headers,
        probes=probes,
        tracing=tracing,
        readiness=readiness,
    )
    installed: A = _installed(app, observer)
    return installed


def _installed(app: Any, observer: Observer) -> Any:
    if hasattr(app, "wsgi_app") and hasattr(app, "url_map"):
        from ._wsgi import WSGIObserver

        app.wsgi_app = WSGIObserver(observer, app.wsgi_app, app)
    elif hasattr(app, "build_middleware_stack") and hasattr(app, "router"):
        _install_in_starlette(app, observer)
    elif _is_asgi(app):
        app = ObservedASGI(app, ASGIObserver(observer, app))
    else:
        raise NotInstrumentable(app)
    setattr(app, _OBSERVER, observer)
    return app


def _install_in_starlette(app: Any, observer: Observer) -> None:
    asgi = ASGIObserver(observer, app)
    build = app.build_middleware_stack

    def observed_stack() -> Any:
        observed = ObservedASGI(build(), asgi)
        if app.build_middleware_stack is observed_stack:
            return observed
        # Somebody put theirs around ours, as OpenTelemetry's instrumentation of FastAPI does; it works on nothing but what Starlette
        # itself would build. The errors have been answered further in, so this one has nothing to say.
        from starlette.middleware.errors import ServerErrorMiddleware

        return ServerErrorMiddleware(observed)

    # On the instance: the class belongs to other applications too. Starlette builds the stack at the first
    # request, so middleware that is added later still ends up inside.
    app.build_middleware_stack = observed_stack
    if app.middleware_stack is not None:
        app.middleware_stack = ObservedASGI(app.middleware_stack, asgi)


class ObservedASGI:
    """An ASGI application and what was put around it; other attributes are the application's."""

    def __init__(self, app: ASGIApp, asgi: ASGIObserver) -> None:
        self.app = app
        self._asgi = asgi

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        await self._asgi.serve(self.app, scope, receive, send)

    def __getattr__(self, name: str) -> Any:
        if name in ("app", "_asgi", _OBSERVER):
            raise AttributeError(name)
        return getattr(self.app, name)


def _is_asgi(app: object) -> bool:
    if inspect.isclass(app) or not callable(app):
        return False
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)
