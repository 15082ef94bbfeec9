"""Spans of real clients, databases and brokers, switched on together, each against the real system."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import aio_pika
import asyncpg
import confluent_kafka
import httpx
import psycopg
import pytest
import redis
import requests
import sqlalchemy
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from maestro_monitoring._instrumentation import INSTRUMENTED
from maestro_monitoring.tracing import attach, detach, setup_tracing

SERVICES = Path(__file__).resolve().parents[4] / "scripts" / "services"


def url_of(server: str) -> str:
    started = subprocess.run(
        [sys.executable, str(SERVICES), "up", server, "--json"], capture_output=True, text=True, check=False
    )
    if started.returncode != 0:
        pytest.fail(f"this test needs {server}: {started.stderr}")
    return json.loads(started.stdout)[server]["url"]


class Request:
    """One traced request of a service whose libraries are instrumented, and the spans that it made."""

    def __init__(self, tracing, exporter: InMemorySpanExporter) -> None:
        self._tracing = tracing
        self._exporter = exporter

    def __enter__(self):
        self._span, context = self._tracing.start({"type": "http", "method": "GET", "path": "/", "headers": []})
        self._token = attach(context)
        return self

    def __exit__(self, *_: object) -> None:
        detach(self._token)
        self._span.finish(method="GET", route="/", status=200)
        self._tracing.provider.force_flush()

    @property
    def trace_id(self) -> int:
        return self._span.get_span_context().trace_id

    def spans(self, kind: SpanKind = SpanKind.CLIENT) -> list:
        """Give the spans of one kind that belong to the request's trace; every one is somebody's child."""
        mine = [s for s in self._exporter.get_finished_spans() if s.context.trace_id == self.trace_id]
        assert all(span.parent for span in mine if span.kind is not SpanKind.SERVER)
        return [span for span in mine if span.kind is kind]


@pytest.fixture
def request_of_service():
    """Everything is instrumented for one test, and nothing after it."""
    exporter = InMemorySpanExporter()
    tracing = setup_tracing("orders", exporter=exporter, make_global=True)
    assert set(tracing.instrument()) == set(INSTRUMENTED)
    yield Request(tracing, exporter)
    tracing.shutdown()


@pytest.fixture(autouse=True)
def _own_provider(monkeypatch):
    """The process may have one provider only; the test's goes with the test."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", type(trace._TRACER_PROVIDER_SET_ONCE)())


@pytest.fixture
def web():
    """A server on loopback that answers 503, and the headers it was sent."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["traceparent"])
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/stock", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("client", ["httpx", "httpx async", "requests"])
def test_a_call_by_http_is_a_span_and_carries_the_trace(request_of_service, web, client):
    """The other service is told the trace; the span has the status and is an error."""
    address, seen = web

    async def by_asyncio() -> int:
        async with httpx.AsyncClient() as session:
            return (await session.get(address)).status_code

    with request_of_service as request:
        if client == "requests":
            assert requests.get(address, timeout=10).status_code == 503
        elif client == "httpx":
            with httpx.Client() as session:  # `httpx.get` is a span with contrib 0.48b0 and later
                assert session.get(address).status_code == 503
        else:
            assert asyncio.run(by_asyncio()) == 503
    (span,) = request.spans()
    assert seen == [f"00-{request.trace_id:032x}-{span.context.span_id:016x}-01"]
    assert 503 in span.attributes.values()
    assert span.status.status_code.name == "ERROR"


def test_a_query_through_sqlalchemy_is_a_span(request_of_service, tmp_path):
    """Statement and system are there, the parameters are not; a failed statement is an error."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'orders.db'}")
    with request_of_service as request, engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT :token"), {"token": "secret"})
        with pytest.raises(sqlalchemy.exc.OperationalError):
            connection.execute(sqlalchemy.text("SELECT nothing"))
    engine.dispose()
    good, bad = [span for span in request.spans() if span.name.startswith("SELECT")]
    assert good.attributes["db.system"] == "sqlite"
    assert good.attributes["db.statement"] == "SELECT ?"
    assert "secret" not in good.to_json()
    assert bad.status.status_code.name == "ERROR"


@pytest.mark.service
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_a_query_to_postgresql_is_a_span(request_of_service, driver):
    """Both drivers, against a real server."""
    url = url_of("postgresql")

    async def by_asyncpg() -> int:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SELECT 40 + $1::int", 2)
        finally:
            await connection.close()

    with request_of_service as request:
        if driver == "asyncpg":
            assert asyncio.run(by_asyncpg()) == 42
        else:
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT 40 + %s::int", (2,)).fetchone() == (42,)
    (span,) = [span for span in request.spans() if span.name.startswith("SELECT")]
    assert span.attributes["db.system"] == "postgresql"


@pytest.mark.service
def test_a_command_to_redis_is_a_span(request_of_service):
    """Names of commands are recorded; keys and values are not."""
    key = f"token:{uuid4().hex}"
    with request_of_service as request, redis.Redis.from_url(url_of("redis")) as client:
        client.set(key, "secret", ex=60)
        assert client.get(key) == b"secret"
    written, read = [span for span in request.spans() if span.name in {"SET", "GET"}]
    assert (written.attributes["db.system"], read.name) == ("redis", "GET")
    assert "secret" not in written.to_json()


@pytest.mark.service
def test_a_message_through_rabbitmq_keeps_the_trace(request_of_service):
    """What publishes and what consumes are spans of one trace."""
    url, queue_name = url_of("rabbitmq"), f"orders-{uuid4().hex}"

    async def send_and_receive() -> bytes:
        got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def consume(message) -> None:
            async with message.process():
                got.set_result(message.body)

        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name, auto_delete=True)
            await queue.consume(consume)
            await channel.default_exchange.publish(aio_pika.Message(b"3"), routing_key=queue_name)
            async with asyncio.timeout(30):
                return await got

    with request_of_service as request:
        assert asyncio.run(send_and_receive()) == b"3"
    (sent,), (received,) = request.spans(SpanKind.PRODUCER), request.spans(SpanKind.CONSUMER)
    assert received.parent.span_id == sent.context.span_id
    assert sent.attributes["messaging.system"] == "rabbitmq"


def test_a_message_through_kafka_carries_the_trace(request_of_service):
    """Over the wire protocol, with the broker that librdkafka brings for tests."""
    quiet = {"logger": logging.getLogger("test.kafka")}
    broker = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0} | quiet)
    addresses = ",".join(f"{b.host}:{b.port}" for b in broker.list_topics(timeout=10).brokers.values())
    producer = confluent_kafka.Producer({"bootstrap.servers": addresses} | quiet)
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": addresses, "group.id": "stock", "auto.offset.reset": "earliest"} | quiet
    )
    consumer.subscribe(["orders"])
    with request_of_service as request:
        producer.produce("orders", b"3")
        assert producer.flush(30) == 0

    def polled() -> confluent_kafka.Message:
        # Until the topic is known everywhere there are errors to read before the message.
        while (message := consumer.poll(30)) is not None and message.error():
            pass
        return message

    # Old contrib leaves the message's span current until the next message comes.
    message = copy_context().run(polled)
    consumer.close()
    (sent,) = request.spans(SpanKind.PRODUCER)
    assert (
        dict(message.headers())["traceparent"] == f"00-{request.trace_id:032x}-{sent.context.span_id:016x}-01".encode()
    )


def test_web_frameworks_are_left_alone(request_of_service):
    """Their instrumentations are installed here and would double every server span."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    assert not FastAPIInstrumentor().is_instrumented_by_opentelemetry


def test_what_somebody_else_switched_on_is_left_to_them():
    """It is neither instrumented twice nor switched off at the end."""
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

    theirs = HTTPXClientInstrumentor()
    theirs.instrument()
    try:
        tracing = setup_tracing("orders", exporter=InMemorySpanExporter(), make_global=False)
        assert "httpx" not in tracing.instrument()
        assert "requests" in tracing.instrument()
        tracing.shutdown()
        assert theirs.is_instrumented_by_opentelemetry
    finally:
        theirs.uninstrument()
