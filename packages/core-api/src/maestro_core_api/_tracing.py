"""The server span of a request, where a service hands its tracing over; without one nothing of OpenTelemetry is imported."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from ._identity import TraceParent

if TYPE_CHECKING:
    from maestro_monitoring.tracing import Tracing

Environ = MutableMapping[str, Any]


class RequestSpan:
    """The span of one request: current while entered, which may be more than once, and ended by `finish`."""

    __slots__ = ("_context", "_span", "_token")

    def __init__(self, tracing: Tracing, scope: MutableMapping[str, Any]) -> None:
        self._span, self._context = tracing.start(scope)
        self._token: object = None

    @property
    def place(self) -> TraceParent:
        """Where in a trace the request is: what it calls is beneath this."""
        context = self._span.get_span_context()
        return TraceParent(f"{context.trace_id:032x}", f"{context.span_id:016x}", bool(context.trace_flags.sampled))

    def __enter__(self) -> None:
        from maestro_monitoring.tracing import attach

        self._token = attach(self._context)

    def __exit__(self, *_: object) -> None:
        from maestro_monitoring.tracing import detach

        detach(self._token)

    def finish(self, *, method: str, route: str | None, status: int, failure: BaseException | None) -> None:
        """End it with what became of the request; `failure` is what the service raised, not that a client left."""
        self._span.finish(method=method, route=route, status=status, error=failure)


def scope_of(environ: Environ) -> dict[str, Any]:
    """Say in ASGI's words what tracing reads of a WSGI request."""
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    port = str(environ.get("SERVER_PORT", ""))
    return {
        "type": "http",
        "method": environ["REQUEST_METHOD"],
        "path": environ.get("PATH_INFO", "").encode("latin-1", "replace").decode("utf-8", "replace"),
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
        "client": (environ["REMOTE_ADDR"], 0) if environ.get("REMOTE_ADDR") else None,
        "server": (environ["SERVER_NAME"], int(port)) if port.isdigit() and environ.get("SERVER_NAME") else None,
        "headers": headers,
    }
