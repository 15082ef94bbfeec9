"""`instrument` around what is not ours: the same object, once, with everything MaestroAPI has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import maestro_core_api
from maestro_core_api import DuplicateCheck, MaestroAPI, NotInstrumentable, instrument

Events = list[dict[str, Any]]


async def ok(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.request_id)


@pytest.mark.parametrize("make", [FastAPI, Starlette])
def test_a_starlette_like_comes_back_as_the_same_object(make: Callable[[], Any], events: Events) -> None:
    """Identity, class and routes are kept; middleware that is added afterwards still ends up inside."""
    app = make()
    routes = list(app.routes)
    assert instrument(app, service_name="s") is app
    assert type(app) is make
    assert app.routes == routes
    app.router.routes.append(Route("/", ok))
    client = TestClient(app)
    answer = client.get("/")
    assert answer.text == answer.headers["x-request-id"]
    assert client.get("/livez").json() == {"status": "ok"}
    assert [e["service"] for e in events] == ["s"]


def test_a_second_call_does_nothing_but_add_checks(events: Events) -> None:
    """Twice instrumented is once instrumented; checks of both calls are asked."""
    app = Starlette(routes=[Route("/", ok)])
    instrument(instrument(app, readiness={"a": lambda: True}), readiness={"b": lambda: False})
    client = TestClient(app)
    client.get("/")
    assert len(events) == 1
    assert client.get("/readyz").json()["failing"] == ["b"]
    with pytest.raises(DuplicateCheck):
        instrument(app, readiness={"a": lambda: True})


def test_an_application_that_already_served_can_be_instrumented(events: Events) -> None:
    """The middleware stack that exists by then is wrapped as it is."""
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("x"))])
    client = TestClient(app)
    client.get("/")
    instrument(app)
    assert "x-request-id" in client.get("/").headers
    assert len(events) == 1


def test_a_maestro_api_is_left_as_it_is(events: Events) -> None:
    """A MaestroAPI has all of it; only the checks are added."""
    app = MaestroAPI()
    assert instrument(app, readiness={"db": lambda: False}) is app
    client = TestClient(app)
    client.get("/nope")
    assert len(events) == 1
    assert client.get("/readyz").status_code == 503


def test_other_instances_of_the_class_are_untouched() -> None:
    """Instrumenting one application says nothing about the next."""
    instrument(FastAPI())
    assert TestClient(FastAPI()).get("/livez").status_code == 404


async def test_any_asgi_application_is_wrapped(events: Events, asgi_call: Callable[..., Any]) -> None:
    """A bare ASGI callable gets ids, events, and probes where it answers nothing itself."""

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        status = 200 if scope["path"] in ("/", "/metrics") else 404
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"bare"})

    app = instrument(bare)
    assert instrument(app) is app
    sent = await asgi_call(app, {"path": "/"})
    assert dict(sent[0]["headers"])[b"x-request-id"].decode() == events[0]["request_id"]
    assert (await asgi_call(app, {"path": "/livez"}))[1]["body"] == b'{"status":"ok"}'
    for _ in range(2):
        assert (await asgi_call(app, {"path": "/metrics"}))[1]["body"] == b"bare"
    assert (await asgi_call(app, {"path": "/nope"}))[0]["status"] == 404


async def test_an_asgi_object_keeps_its_attributes(asgi_call: Callable[..., Any]) -> None:
    """What the application has can still be read through the wrapper."""

    class Raw:
        version = "7"

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("raw")(scope, receive, send)

    app = instrument(Raw())
    assert app.version == "7"
    assert (await asgi_call(app, {}))[1]["body"] == b"raw"


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("make", [FastAPI, MaestroAPI])
def test_the_order_beside_opentelemetrys_instrumentation_does_not_matter(
    make: Any, is_first: bool, events: list[dict[str, Any]]
) -> None:
    """Patches that depend on their order lose one of the two silently (osparc-simcore #7750)."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app, failures = make(), []

    @app.get("/items/{i}")
    def item(i: int) -> int:
        return 1 // i

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, failure: Exception) -> PlainTextResponse:
        failures.append(failure)
        return PlainTextResponse("sorry", 500)

    steps = [lambda: instrument(app), lambda: FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)]
    for step in steps if is_first else reversed(steps):
        step()
    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/items/1").text == "1"
    broken = client.get("/items/0")
    assert (broken.status_code, broken.text, len(failures)) == (500, "sorry", 1)
    assert broken.headers["x-request-id"]
    assert [(event["route"], event["status"]) for event in events] == [("/items/{i}", 200), ("/items/{i}", 500)]
    spans = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert [span.attributes["http.route"] for span in spans] == ["/items/{i}"] * 2
    FastAPIInstrumentor.uninstrument_app(app)


def test_opentelemetrys_instrumentation_of_the_class_holds_for_ours() -> None:
    """`FastAPIInstrumentor().instrument()` replaces `fastapi.FastAPI`; an app that was made from that name had spans, and has them."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    instrumentor = FastAPIInstrumentor()
    instrumentor.instrument(tracer_provider=provider, exclude_spans=["receive", "send"])
    try:
        app = MaestroAPI(title="orders")
        app.get("/{order_id}")(lambda order_id: order_id)
        assert TestClient(app).get("/7").json() == "7"
    finally:
        instrumentor.uninstrument()
    assert [span.name for span in kept.get_finished_spans()] == ["GET /{order_id}"]
    assert isinstance(app, MaestroAPI)
    assert app.title == "orders"
    assert type(MaestroAPI()) is MaestroAPI


@pytest.mark.parametrize("thing", [object(), "app", Starlette, lambda environ, start_response: []])
def test_what_is_no_application_is_refused(thing: Any) -> None:
    """A class, a string or a bare WSGI callable gives an error that says what is wanted."""
    with pytest.raises(NotInstrumentable, match="pass a Flask, Starlette or FastAPI application"):
        instrument(thing)


def test_the_package_imports_no_framework() -> None:
    """A Flask service needs no FastAPI, and the other way round; nor is OpenTelemetry imported."""
    program = (
        "import sys, maestro_core_api\n"
        "loaded = {'fastapi', 'starlette', 'flask', 'werkzeug', 'opentelemetry', 'pydantic'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "sys.modules['fastapi'] = None\n"
        "try:\n    maestro_core_api.MaestroAPI\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'MaestroAPI needs fastapi; run: pip install "maestro-core-api[fastapi]"'


def test_names_that_do_not_exist_are_attribute_errors() -> None:
    """The lazy loading of one name does not hide the absence of others; every public name can be loaded."""
    with pytest.raises(AttributeError, match="no attribute 'Maestro'"):
        maestro_core_api.Maestro  # noqa: B018
    assert all(getattr(maestro_core_api, name) is not None for name in maestro_core_api.__all__)
    assert maestro_core_api.__all__ == sorted(maestro_core_api.__all__)
