"""Promises of traces that cross services."""

import httpx
import pytest
from opentelemetry import baggage
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from maestro_monitoring.asgi import ObservedApp
from maestro_monitoring.tracing import setup_tracing


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def make(exporter):
    made = []

    def with_settings(service: str, **settings):
        made.append(setup_tracing(service, exporter=exporter, make_global=False, **settings))
        return made[-1]

    yield with_settings
    for tracing in made:
        tracing.shutdown()


def shop_and_stock(make, **settings) -> tuple[ObservedApp, list]:
    """Two services: a shop that asks a stock over an instrumented httpx client, and what the stock saw of the baggage."""
    tracings, seen = (make("shop", **settings), make("stock", **settings)), []

    async def count(request):
        seen.append(baggage.get_baggage("tenant"))
        return PlainTextResponse("3", status_code=int(request.query_params.get("status", 200)))

    stock = ObservedApp(Starlette(routes=[Route("/stock/{id}", count)]), tracing=tracings[1])

    async def order(request):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(stock), base_url="http://stock") as client:
            HTTPXClientInstrumentor.instrument_client(client, tracer_provider=tracings[0].provider)
            answer = await client.get("/stock/3", params=dict(request.query_params))
        return PlainTextResponse(answer.text, status_code=answer.status_code)

    shop = ObservedApp(Starlette(routes=[Route("/orders", order)]), tracing=tracings[0])
    shop.tracings = tracings
    return shop, seen


async def ask(shop: ObservedApp, exporter, path: str = "/orders", **headers: str) -> dict:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop), base_url="http://shop") as client:
        await client.get(path, headers=headers)
    for tracing in shop.tracings:
        tracing.provider.force_flush()
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_trace_is_whole_across_two_services(make, exporter):
    """Server, client and the other server are one chain; the caller's baggage arrives at its end."""
    shop, seen = shop_and_stock(make)
    spans = await ask(shop, exporter, baggage="tenant=acme")
    outer, inner = spans["GET /orders"], spans["GET /stock/{id}"]
    (client,) = (span for name, span in spans.items() if name not in {"GET /orders", "GET /stock/{id}"})
    assert outer.parent is None
    assert client.parent.span_id == outer.context.span_id
    assert inner.parent.span_id == client.context.span_id
    assert len({span.context.trace_id for span in spans.values()}) == 1
    assert [outer.resource.attributes["service.name"], inner.resource.attributes["service.name"]] == ["shop", "stock"]
    assert seen == ["acme"]


async def test_a_failure_is_kept_in_every_service_that_saw_it(make, exporter):
    """Nothing is sampled; the stock fails and so does the shop: the trace arrives whole all the same."""
    shop, _ = shop_and_stock(make, sample_ratio=0)
    assert await ask(shop, exporter) == {}
    spans = await ask(shop, exporter, path="/orders?status=503")
    assert len(spans) == 3
    assert len({span.context.trace_id for span in spans.values()}) == 1


def test_spans_can_go_by_grpc():
    """The other protocol of OTLP is an extra; nobody listening is no error here either."""
    tracing = setup_tracing("orders", protocol="grpc", endpoint="http://127.0.0.1:9", make_global=False)
    span, _ = tracing.start({"type": "http", "method": "GET", "path": "/", "headers": []})
    span.finish(method="GET", route="/", status=500)
    tracing.shutdown(timeout_s=0.2)
