"""With `tracing` each request has one server span, which its logs, its exemplar and what it calls belong to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from flask import Flask, Response
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, get_current_span
from prometheus_client import CollectorRegistry

from maestro_core_api import MaestroAPI, instrument
from maestro_core_logging import current_context
from maestro_monitoring import RequestMetrics, exposition
from maestro_monitoring.tracing import Tracing, setup_tracing

Events = list[dict[str, Any]]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED, NOT_SAMPLED = (f"00-{TRACE}-00f067aa0ba902b7-{flags}" for flags in ("01", "00"))


class Traces:
    """A tracing of one test's own, and the spans that it exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing: Tracing = setup_tracing("orders", exporter=self._exporter, make_global=False)

    def exported(self) -> dict[str, ReadableSpan]:
        """Give the spans by name."""
        self.tracing.provider.force_flush()
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def traces() -> Iterator[Traces]:
    """Trace for the length of a test."""
    made = Traces()
    yield made
    made.tracing.shutdown()


def read(traces: Traces) -> dict[str, str]:
    """Call another system, as an endpoint does, and say what the log context is."""
    traces.tracing.provider.get_tracer("db").start_span("SELECT").end()
    return {**current_context(), "span": f"{get_current_span().get_span_context().span_id:016x}"}


def fail() -> None:
    raise ValueError("boom")


def of_fastapi(make: Callable[..., Any]) -> Callable[..., Any]:
    def build(traces: Traces, **options: Any) -> Any:
        app = make(tracing=traces.tracing, **options)
        app.get("/orders/{order_id}")(lambda order_id: read(traces))
        app.get("/boom")(fail)
        client = TestClient(app, raise_server_exceptions=False)
        return lambda path, **headers: client.get(path, headers=headers).text

    return build


def of_flask(traces: Traces, **options: Any) -> Any:
    app = Flask("orders")
    app.get("/orders/<int:order_id>")(lambda order_id: read(traces))
    app.get("/boom", endpoint="boom")(fail)
    instrument(app, tracing=traces.tracing, **options)
    client = app.test_client()
    return lambda path, **headers: client.get(path, headers=headers).text


FRAMEWORKS = {
    "maestro": of_fastapi(MaestroAPI),
    "fastapi": of_fastapi(lambda **options: instrument(FastAPI(), **options)),
    "flask": of_flask,
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_request_has_one_span_that_everything_else_belongs_to(framework: str, traces: Traces, events: Events) -> None:
    """Caller, server span, client span, log context and exemplar are one trace."""
    registry = CollectorRegistry()
    get = FRAMEWORKS[framework](traces, metrics=RequestMetrics(registry=registry))
    said = get("/orders/7", traceparent=SAMPLED)
    spans = traces.exported()
    server, called = spans["GET /orders/{order_id}"], spans["SELECT"]
    assert server.kind is SpanKind.SERVER
    assert f"{server.context.trace_id:032x}" == TRACE
    assert f"{server.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert called.parent.span_id == server.context.span_id
    assert dict(server.attributes) | {
        "http.request.method": "GET",
        "http.route": "/orders/{order_id}",
        "http.response.status_code": 200,
        "url.path": "/orders/7",
        "url.scheme": "http",
    } == dict(server.attributes)
    assert f'"trace_id":"{TRACE}"' in said.replace(" ", "")
    assert f"{server.context.span_id:016x}" in said
    assert TRACE.encode() in exposition("application/openmetrics-text", registry)[0]
    assert len(events) == 1


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_failed_is_kept_whatever_the_caller_decided(framework: str, traces: Traces) -> None:
    """Errors are exported with their exception; a request that went well and the probes are not."""
    get = FRAMEWORKS[framework](traces, metrics=False, access_log=False)
    for path in ("/orders/7", "/livez", "/readyz", "/boom"):
        get(path, traceparent=NOT_SAMPLED)
    (failed,) = traces.exported().values()
    assert failed.name == "GET /boom"
    assert failed.attributes["http.response.status_code"] == 500
    assert not failed.status.is_ok
    assert not get_current_span().get_span_context().is_valid


def test_a_request_without_a_caller_begins_a_trace_that_its_logs_name(traces: Traces) -> None:
    """Nobody sent a traceparent: the span's own trace is in the log context."""
    said = FRAMEWORKS["maestro"](traces)("/orders/7")
    server = traces.exported()["GET /orders/{order_id}"]
    assert server.parent is None
    assert f"{server.context.trace_id:032x}" in said


def test_streams_of_flask_and_websockets_are_traced_to_their_end(traces: Traces) -> None:
    """A chunk is made beneath the span; a made-up method or a WebSocket has a bounded name."""
    flask_app = Flask("streams")

    def chunks() -> Iterator[str]:
        yield "a"
        read(traces)
        yield "b"

    flask_app.get("/stream")(lambda: Response(chunks()))
    instrument(flask_app, tracing=traces.tracing)
    assert flask_app.test_client().get("/stream").data == b"ab"
    assert flask_app.test_client().open("/nowhere", method="BREW").data
    app = MaestroAPI(tracing=traces.tracing)

    @app.websocket("/ws")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    with TestClient(app).websocket_connect("/ws"):
        pass
    spans = traces.exported()
    assert set(spans) == {"SELECT", "GET /stream", "HTTP", "GET /ws"}
    assert spans["SELECT"].parent.span_id == spans["GET /stream"].context.span_id


def test_without_tracing_nothing_of_opentelemetry_is_imported() -> None:
    """A service that does not ask for traces does not pay for them."""
    code = (
        "import sys\nfrom flask import Flask\nfrom maestro_core_api import instrument\n"
        "app = instrument(Flask('a'))\nassert app.test_client().get('/').data\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
