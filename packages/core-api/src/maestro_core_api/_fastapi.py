"""A FastAPI that arrives with what production asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import fastapi
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from maestro_monitoring import RequestMetrics

from ._asgi import ASGIObserver
from ._observer import Observer
from ._problems import problem_handlers, problem_openapi
from ._readiness import DEFAULT_TIMEOUT_S, ReadinessCheck

if TYPE_CHECKING:
    from maestro_monitoring.tracing import Tracing


class MaestroAPI(FastAPI):
    """A `fastapi.FastAPI` with request ids, access events, metrics, security headers and health around it.

    It takes what `FastAPI` takes and answers what it answers: routes, OpenAPI document, error bodies, middleware
    order and `app.routes` are the same. The additions live outside the middleware stack, in one pass.
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Stand on what `fastapi.FastAPI` is by now: OpenTelemetry's `FastAPIInstrumentor().instrument()` puts a subclass there."""
        current: object = fastapi.FastAPI
        if not isinstance(current, type) or not issubclass(current, FastAPI) or issubclass(cls, current):
            return super().__new__(cls)
        return super().__new__(type(cls.__name__, (cls, current), {"__module__": cls.__module__}))

    def __init__(
        self,
        *args: Any,  # what FastAPI takes, whatever its version: repeating its signature would pin one
        settings: object | None = None,
        service_name: str | None = None,
        request_id_header: str | None = "X-Request-ID",
        access_log: bool = True,
        metrics: bool | RequestMetrics = True,
        security_headers: bool | Mapping[str, str] = True,
        probes: bool = True,
        tracing: Tracing | None = None,
        problem_details: bool = False,
        **kwargs: Any,  # as above
    ) -> None:
        """Make the application.

        `settings` may be any object; a `service_name` on it is used unless one is given. `request_id_header` is
        both read and written; None keeps ids out of headers. `metrics` may be a `RequestMetrics` of yours.
        `security_headers` may be a mapping, which then is the whole set. `probes` answers `/livez`, `/readyz`,
        `/startupz` and `/metrics` wherever the application has no route of its own. `tracing`
        (of `maestro_monitoring.tracing`) makes a server span of every request. `problem_details` makes error bodies
        RFC 9457 documents instead of FastAPI's.
        """
        if problem_details:
            kwargs["exception_handlers"] = {**problem_handlers(), **(kwargs.get("exception_handlers") or {})}
        super().__init__(*args, **kwargs)
        self._maestro_has_problems = problem_details
        self._maestro_observer = Observer(
            service_name=service_name or getattr(settings, "service_name", None),
            request_id_header=request_id_header,
            access_log=access_log,
            metrics=metrics,
            security_headers=security_headers,
            probes=probes,
            tracing=tracing,
        )
        self._maestro_asgi = ASGIObserver(self._maestro_observer, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if self.root_path:
            # FastAPI does the same one call further in; the probes need to know it here.
            scope["root_path"] = self.root_path
        await self._maestro_asgi.serve(super().__call__, scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Give the OpenAPI document: FastAPI's, with the error bodies that `problem_details` makes of it."""
        document = super().openapi()
        return problem_openapi(document) if self._maestro_has_problems else document

    def add_readiness_check(self, name: str, check: ReadinessCheck, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Add a callable, sync or async, without which `/readyz` answers 503; False or an exception means no.

        Raises:
            DuplicateCheck: another check has this name.
        """
        self._maestro_observer.readiness.add(name, check, timeout_s=timeout_s)

    @property
    def requests_in_flight(self) -> int:
        """Requests and WebSockets that are being served now."""
        return self._maestro_observer.lifecycle.in_flight

    def begin_drain(self) -> None:
        """Let `/readyz` answer 503 from now on, while requests are still served."""
        self._maestro_observer.lifecycle.begin_drain()
