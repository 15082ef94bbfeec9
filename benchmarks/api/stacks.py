"""The same small service with the same additions: none, ours, by hand, and from peers."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.middleware.base import BaseHTTPMiddleware

from maestro_core_api import MaestroAPI

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}


def bare() -> Any:
    """FastAPI and a route, nothing else."""
    return with_routes(FastAPI())


def maestro() -> Any:
    """Everything that MaestroAPI adds; its access event is written as a JSON line."""
    return with_routes(MaestroAPI())


def maestro_without_events() -> Any:
    """Ids, metrics and headers, no access event."""
    return with_routes(MaestroAPI(access_log=False))


def five_base_middlewares() -> Any:
    """Id, access line, metrics, security headers and timing, each a `BaseHTTPMiddleware`, as most services have them."""
    registry = CollectorRegistry()
    counted = Counter("http_requests", "Requests.", ["method", "route", "status"], registry=registry)
    timed = Histogram("http_request_duration_seconds", "Seconds.", ["method", "route"], registry=registry)
    log = json_logger()

    async def identify(request: Request, call_next: Callable[..., Any]) -> Response:
        request_id = request.headers.get("x-request-id") or str(uuid4())
        REQUEST_ID.set(request_id)
        response: Response = await call_next(request)
        response.headers["X-Request-ID"] = request_id
        return response

    async def write(request: Request, call_next: Callable[..., Any]) -> Response:
        begun = perf_counter()
        response: Response = await call_next(request)
        log.info(access_line(request.method, request.url.path, response.status_code, begun))
        return response

    async def measure(request: Request, call_next: Callable[..., Any]) -> Response:
        begun = perf_counter()
        response: Response = await call_next(request)
        route = request.scope["route"].path
        counted.labels(request.method, route, response.status_code).inc()
        timed.labels(request.method, route).observe(perf_counter() - begun)
        return response

    async def protect(request: Request, call_next: Callable[..., Any]) -> Response:
        response: Response = await call_next(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    async def clock(request: Request, call_next: Callable[..., Any]) -> Response:
        begun = perf_counter()
        response: Response = await call_next(request)
        response.headers["X-Process-Time"] = str(perf_counter() - begun)
        return response

    app = FastAPI()
    for dispatch in (clock, protect, measure, write, identify):
        app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    return with_routes(app)


def correlation_id() -> Any:
    """The id alone, from asgi-correlation-id."""
    from asgi_correlation_id import CorrelationIdMiddleware

    app = FastAPI()
    app.add_middleware(CorrelationIdMiddleware)
    return with_routes(app)


def instrumentator() -> Any:
    """Metrics alone, from prometheus-fastapi-instrumentator."""
    from prometheus_fastapi_instrumentator import Instrumentator

    app = with_routes(FastAPI())
    Instrumentator(registry=CollectorRegistry()).instrument(app)
    return app


def both_peers() -> Any:
    """Id and metrics from the two peers; no access line, no security headers."""
    from asgi_correlation_id import CorrelationIdMiddleware
    from prometheus_fastapi_instrumentator import Instrumentator

    app = with_routes(FastAPI())
    Instrumentator(registry=CollectorRegistry()).instrument(app)
    app.add_middleware(CorrelationIdMiddleware)
    return app


def with_routes(app: Any) -> Any:
    """Give the application the one route that is measured, and some that are passed on the way to it."""
    for number in range(5):
        app.get(f"/other{number}")(other)
    app.get("/items/{item_id}")(read)
    return app


async def read(item_id: int) -> dict[str, int]:
    """Answer the measured request."""
    return {"item_id": item_id}


async def other() -> None:
    """Answer what nobody asks here."""


def json_logger() -> logging.Logger:
    """Make a logger that writes its messages to the null device."""
    logger = logging.getLogger("benchmarks.api.by_hand")
    logger.handlers = [logging.StreamHandler(open(os.devnull, "w"))]  # noqa: SIM115  # open as long as the process runs
    logger.propagate = False
    logger.setLevel(logging.INFO)
    return logger


def access_line(method: str, path: str, status: int, begun: float) -> str:
    """Format an access line as a hand-written JSON formatter does."""
    fields = {"event": "http.request", "request_id": REQUEST_ID.get(), "method": method, "path": path}
    return json.dumps({**fields, "status": status, "duration_ms": (perf_counter() - begun) * 1000})
