"""Promises of the middleware around any ASGI application."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute

from maestro_monitoring import RequestMetrics
from maestro_monitoring.asgi import ObservedApp
from maestro_monitoring.tracing import setup_tracing


async def item(request):
    return PlainTextResponse(f"{trace.get_current_span().get_span_context().trace_id:032x}")


async def broken(request):
    raise ValueError("broken")


async def shared(request):
    return PlainTextResponse("twice")


async def files(scope, receive, send) -> None:
    await PlainTextResponse("a file")(scope, receive, send)


async def chat(websocket):
    await websocket.accept()
    await websocket.close()


async def refused(websocket):
    await websocket.close()


ROUTES = [
    Route("/items/{i:int}", item),
    Route("/broken", broken),
    Mount("/v1", routes=[Mount("/{tenant}", routes=[Route("/items/{i}", item, methods=["POST"])])]),
    Mount("/static", app=files),
    Route("/twice/{a}", shared),
    Route("/second/{b}", shared),
    WebSocketRoute("/chat/{room}", chat),
    WebSocketRoute("/refused", refused),
]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    made = setup_tracing("orders", exporter=exporter, make_global=False)
    yield made
    made.shutdown()


@pytest.fixture
def app(registry, tracing) -> ObservedApp:
    return ObservedApp(Starlette(routes=ROUTES), requests=RequestMetrics(registry=registry), tracing=tracing)


async def call(app, path: str, method: str = "GET", kind: str = "http") -> list:
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""} if kind == "http" else {"type": "websocket.connect"}

    async def send(message) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "path": path,
        "raw_path": path.encode(),
        "headers": [],
        "query_string": b"",
        "root_path": "",
        "http_version": "1.1",
    }
    await app(scope | ({"method": method} if kind == "http" else {"subprotocols": []}), receive, send)
    return sent


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/items/3", ("GET", "/items/{i}", "200")),
        ("GET", "/items/007", ("GET", "/items/{i}", "200")),
        ("HEAD", "/items/3", ("HEAD", "/items/{i}", "200")),
        ("DELETE", "/items/3", ("DELETE", "/items/{i}", "405")),
        ("FOOBAR1", "/items/3", ("_OTHER", "/items/{i}", "405")),
        ("POST", "/v1/acme/items/3", ("POST", "/v1/{tenant}/items/{i}", "200")),
        ("GET", "/v1/acme/items/3", ("GET", "/v1/{tenant}/items/{i}", "405")),
        ("GET", "/v1/acme/elsewhere", ("GET", "/v1/{tenant}/{path}", "404")),
        ("GET", "/static/css/site.css", ("GET", "/static/{path}", "200")),
        ("GET", "/twice/3", ("GET", "/twice/{a}", "200")),
        ("GET", "/second/3", ("GET", "/second/{b}", "200")),
        ("GET", "/nowhere/3", ("GET", "_unmatched", "404")),
    ],
)
async def test_every_request_is_counted_under_its_template(app, registry, method, path, labels):
    """Nested mounts, HEAD, 405, odd methods and 404: bounded, and right."""
    await call(app, path, method)
    assert (
        registry.get_sample_value("http_requests_total", dict(zip(("method", "route", "status"), labels, strict=True)))
        == 1
    )


async def test_routes_added_while_serving_are_found(registry):
    """Old tables are not believed for ever."""
    inner = Starlette()
    app = ObservedApp(inner, requests=RequestMetrics(registry=registry))
    for number in range(3):
        inner.router.routes.append(Route(f"/added{number}/{{i}}", lambda request, n=number: PlainTextResponse(str(n))))
        await call(app, f"/added{number}/7")
        labels = {"method": "GET", "route": f"/added{number}/{{i}}", "status": "200"}
        assert registry.get_sample_value("http_requests_total", labels) == 1


async def test_the_span_is_current_in_the_endpoint_and_is_the_exemplar(app, registry, tracing, exporter):
    """Log line, metric and trace name the same id."""
    seen = (await call(app, "/items/3"))[1]["body"].decode()
    tracing.provider.force_flush()
    (span,) = exporter.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == seen
    (family,) = (f for f in registry.collect() if f.name == "http_request_duration_seconds")
    assert {"trace_id": seen} in [s.exemplar.labels for s in family.samples if s.exemplar]
    assert not trace.get_current_span().get_span_context().is_valid


async def test_an_exception_passes_through_and_is_a_500(app, registry, tracing, exporter):
    """microbootstrap writes nothing for an endpoint that raises; here it is counted and its trace has the exception."""
    with pytest.raises(ValueError, match="broken"):
        await call(app, "/broken")
    assert registry.get_sample_value("http_requests_total", {"method": "GET", "route": "/broken", "status": "500"}) == 1
    assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) == 0
    tracing.provider.force_flush()
    assert exporter.get_finished_spans()[0].events[0].attributes["exception.type"] == "ValueError"


@pytest.mark.parametrize(
    ("path", "route", "status"), [("/chat/7", "/chat/{room}", "101"), ("/refused", "/refused", "403")]
)
async def test_a_websocket_is_one_request(app, registry, path, route, status):
    """Not one for each message: spans per ASGI event are what makes the contrib instrumentation slow."""
    await call(app, path, kind="websocket")
    assert registry.get_sample_value("http_requests_total", {"method": "GET", "route": route, "status": status}) == 1


async def test_a_client_that_goes_away_is_no_server_error(registry):
    """A cancelled request counts as 499."""

    async def hanging(scope, receive, send) -> None:
        raise asyncio.CancelledError

    app = ObservedApp(hanging, requests=RequestMetrics(registry=registry))
    with pytest.raises(asyncio.CancelledError):
        await call(app, "/")
    labels = {"method": "GET", "route": "_unmatched", "status": "499"}
    assert registry.get_sample_value("http_requests_total", labels) == 1


async def test_lifespan_passes_untouched(registry):
    """Start-up and shutdown are not requests."""
    seen = []

    async def inner(scope, receive, send) -> None:
        seen.append((scope, receive, send))

    scope = {"type": "lifespan"}
    await ObservedApp(inner, requests=RequestMetrics(registry=registry))(scope, None, None)
    assert seen == [(scope, None, None)]
    assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) is None
