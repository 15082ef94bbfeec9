"""Promises of the middleware around any ASGI application."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
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

    asked = []

    async def receive():
        if asked:
            await asyncio.Event().wait()  # the client stays
        asked.append(True)
        return {"type": "http.request", "body": b""} if kind == "http" else {"type": "websocket.connect"}

    async def send(message) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
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


async def broken_stream(request):
    async def parts():
        yield b"a"
        raise ValueError("broken")

    return StreamingResponse(parts())


async def long_stream(request):
    async def parts():
        for _ in range(100):
            yield b"a"

    return StreamingResponse(parts())


async def with_task(request):
    return PlainTextResponse("early", background=BackgroundTask(request.app.state.task))


async def test_an_answer_that_breaks_off_is_a_server_error(registry):
    """Its status was sent before, but nobody has been served."""
    app = ObservedApp(Starlette(routes=[Route("/s", broken_stream)]), requests=RequestMetrics(registry=registry))
    with pytest.raises((ValueError, ExceptionGroup)):  # the latter from old Starlette with new anyio
        await call(app, "/s")
    assert registry.get_sample_value("http_requests_total", {"method": "GET", "route": "/s", "status": "500"}) == 1


async def test_background_tasks_are_no_part_of_the_answer(registry, tracing, exporter):
    """Neither their time nor their failure is the client's; the trace shows both."""
    began, go_on = asyncio.Event(), asyncio.Event()

    async def task() -> None:
        began.set()
        await go_on.wait()
        await asyncio.sleep(0.2)
        raise ValueError("broken")

    inner = Starlette(routes=[Route("/t", with_task)])
    inner.state.task = task
    serving = asyncio.create_task(
        call(ObservedApp(inner, requests=RequestMetrics(registry=registry), tracing=tracing), "/t")
    )
    await began.wait()
    go_on.set()
    with pytest.raises(ValueError, match="broken"):
        await serving
    labels = {"method": "GET", "route": "/t"}
    assert registry.get_sample_value("http_requests_total", labels | {"status": "200"}) == 1
    tracing.provider.force_flush()
    (span,) = exporter.get_finished_spans()
    answered_s = registry.get_sample_value("http_request_duration_seconds_sum", labels)
    assert answered_s + 0.19 < (span.end_time - span.start_time) / 1e9
    assert span.events[0].attributes["exception.type"] == "ValueError"


async def test_a_stream_of_a_hundred_parts_is_one_span(registry, tracing, exporter):
    """The contrib instrumentation makes one for each ASGI message (litestar #4533, contrib #2695)."""
    app = ObservedApp(Starlette(routes=[Route("/s", long_stream)]), tracing=tracing)
    assert len(await call(app, "/s")) > 100
    tracing.provider.force_flush()
    assert [span.name for span in exporter.get_finished_spans()] == ["GET /s"]


async def test_a_connection_that_breaks_is_no_server_error(registry, tracing, exporter):
    """Servers say it with an `OSError` from `send`; the status stays the one that was sent."""

    async def gone(message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    app = ObservedApp(Starlette(routes=ROUTES), requests=RequestMetrics(registry=registry), tracing=tracing)
    scope = {"type": "http", "method": "GET", "path": "/items/3", "headers": [], "query_string": b"", "root_path": ""}
    with pytest.raises(OSError, match="gone"):
        await app(scope, None, gone)
    labels = {"method": "GET", "route": "/items/{i}", "status": "200"}
    assert registry.get_sample_value("http_requests_total", labels) == 1
    tracing.provider.force_flush()
    assert exporter.get_finished_spans()[0].status.is_unset


async def test_lifespan_passes_untouched(registry):
    """Start-up and shutdown are not requests."""
    seen = []

    async def inner(scope, receive, send) -> None:
        seen.append((scope, receive, send))

    scope = {"type": "lifespan"}
    await ObservedApp(inner, requests=RequestMetrics(registry=registry))(scope, None, None)
    assert seen == [(scope, None, None)]
    assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) is None
