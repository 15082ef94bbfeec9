"""Promises of the traces."""

import ast
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry import baggage, trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from maestro_monitoring.errors import TracingError
from maestro_monitoring.tracing import Tracing, attach, detach, setup_tracing

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


def scope(*headers: tuple[str, str], **more) -> dict:
    return {
        "type": "http",
        "method": "GET",
        "path": "/orders/3",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("10.0.0.1", 5000),
        "server": ("10.0.0.2", 80),
        **more,
    }


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def make(exporter):
    """Make tracing that is not the process's own, and shut it down."""
    made = []

    def with_settings(**settings) -> Tracing:
        made.append(setup_tracing("orders", exporter=exporter, make_global=False, **settings))
        return made[-1]

    yield with_settings
    for tracing in made:
        tracing.shutdown()


def spans(tracing: Tracing, exporter: InMemorySpanExporter):
    tracing.provider.force_flush()
    return exporter.get_finished_spans()


def test_a_server_span_says_what_was_asked_and_answered(make, exporter):
    """Name, kind, parent and attributes are those of the semantic conventions."""
    tracing = make(version="2.3.0")
    span, _ = tracing.start(scope(("traceparent", PARENT), ("user-agent", "curl")))
    span.finish(method="GET", route="/orders/{id}", status=200)
    (got,) = spans(tracing, exporter)
    assert (got.name, got.kind, got.status.status_code.name) == ("GET /orders/{id}", trace.SpanKind.SERVER, "UNSET")
    assert f"{got.context.trace_id:032x}" == TRACE_ID
    assert got.parent.span_id == 0xB7AD6B7169203331
    assert got.parent.is_remote
    assert got.resource.attributes["service.name"] == "orders"
    assert dict(got.attributes) == {
        "url.scheme": "http",
        "url.path": "/orders/3",
        "network.protocol.version": "1.1",
        "client.address": "10.0.0.1",
        "server.address": "10.0.0.2",
        "server.port": 80,
        "user_agent.original": "curl",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/orders/{id}",
    }


def test_query_strings_are_not_recorded(make, exporter):
    """Tokens travel in query strings."""
    tracing = make()
    tracing.start(scope(query_string=b"token=secret"))[0].finish(method="GET", route="/", status=200)
    assert "secret" not in str(spans(tracing, exporter)[0].to_json())


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (200, None, "UNSET"),
        (404, None, "UNSET"),
        (500, None, "ERROR"),
        (503, None, "ERROR"),
        (500, ValueError("x"), "ERROR"),
    ],
)
def test_only_server_errors_are_errors(make, exporter, status, error, expected):
    """A client's 404 is no error of the server (semantic conventions for HTTP spans)."""
    tracing = make()
    tracing.start(scope())[0].finish(method="GET", route="/", status=status, error=error)
    (got,) = spans(tracing, exporter)
    assert got.status.status_code.name == expected
    if error is not None:
        assert got.attributes["error.type"] == "ValueError"
        assert got.events[0].attributes["exception.message"] == "x"


def test_the_span_is_a_span_to_application_code(make, exporter):
    """What instrumented code does with the current span works: attributes, events, links, name, status."""
    tracing = make()
    span, context = tracing.start(scope())
    token = attach(context)
    try:
        current = trace.get_current_span()
        assert current is span
        current.set_attributes({"order.id": 3})
        current.add_event("paid", {"currency": "EUR"})
        current.add_link(trace.SpanContext(1, 2, is_remote=True))
        current.update_name("pay")
        current.set_status(trace.StatusCode.ERROR, "declined")
        with tracing.provider.get_tracer("t").start_as_current_span("query"):
            pass
    finally:
        detach(token)
    span.finish(method="POST", route="/orders", status=200)
    span.set_attribute("late", 1)
    span.end()
    child, got = spans(tracing, exporter)
    assert child.parent.span_id == got.context.span_id
    assert (got.name, got.status.description) == ("pay", "declined")
    assert got.attributes["order.id"] == 3
    assert "late" not in got.attributes
    assert got.events[0].name == "paid"
    assert got.links[0].context.trace_id == 1


def test_attributes_and_events_are_bounded(make, exporter):
    """A loop that annotates for ever does not fill the memory."""
    tracing = make()
    span, _ = tracing.start(scope())
    for number in range(1000):
        span.set_attribute(f"k{number}", number)
        span.add_event("again")
    span.finish(method="GET", route="/", status=200)
    (got,) = spans(tracing, exporter)
    assert len(got.attributes) <= 140
    assert len(got.events) == 128


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("traceparent", "")],
        [("traceparent", "00-" + "0" * 32 + "-b7ad6b7169203331-01")],
        [("traceparent", f"00-{TRACE_ID}-" + "0" * 16 + "-01")],
        [("traceparent", f"ff-{TRACE_ID}-b7ad6b7169203331-01")],
        [("traceparent", PARENT + "-more")],
        [("traceparent", PARENT.upper())],
        [("traceparent", PARENT[:-1])],
        [("traceparent", f"00-{TRACE_ID[:-1]}-b7ad6b7169203331-01")],
        [("traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-0g")],
        [("traceparent", PARENT), ("traceparent", PARENT)],
        [("traceparent", "é" * 55)],
        [("tracestate", "a=1")],
    ],
)
def test_an_invalid_traceparent_restarts_the_trace(make, headers):
    """The cases of the W3C trace-context test suite: a new trace, no error, no state taken over."""
    span, _ = make().start(scope(*headers))
    context = span.get_span_context()
    assert context.is_valid
    assert f"{context.trace_id:032x}" != TRACE_ID
    assert not context.trace_state


@pytest.mark.parametrize(
    "traceparent", [PARENT, f"cc-{TRACE_ID}-b7ad6b7169203331-01-what-the-future-brings", f" {PARENT}\t"]
)
def test_a_valid_traceparent_is_continued(make, traceparent):
    """Also of a later version, whose further fields are ignored."""
    span, _ = make(sample_ratio=0).start(
        scope(("traceparent", traceparent), ("tracestate", "a=1"), ("tracestate", "b=2"))
    )
    context = span.get_span_context()
    assert f"{context.trace_id:032x}" == TRACE_ID
    assert context.trace_flags.sampled
    assert dict(context.trace_state) == {"a": "1", "b": "2"}


def test_context_and_baggage_go_on_to_the_next_service(make):
    """What came in is there for a client to inject."""
    span, context = make().start(
        scope(("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "tenant=acme,plan=gold"))
    )
    assert baggage.get_all(context) == {"tenant": "acme", "plan": "gold"}
    onward: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(onward, context)
    assert onward == {"traceparent": f"00-{TRACE_ID}-{span.get_span_context().span_id:016x}-01", "tracestate": "a=1"}


def test_unsampled_traces_of_failed_requests_are_kept_whole(make, exporter):
    """Head sampling at 0 %: the failed request arrives with its children, the good one does not."""
    tracing = make(sample_ratio=0)
    tracer = tracing.provider.get_tracer("t")
    for status in (200, 500):
        span, context = tracing.start(scope())
        with tracer.start_as_current_span(f"query {status}", context=context):
            pass
        span.finish(method="GET", route="/", status=status)
    got = spans(tracing, exporter)
    assert [one.name for one in got] == ["query 500", "GET /"]
    assert all(one.context.trace_flags.sampled for one in got)
    assert len({one.context.trace_id for one in got}) == 1


@pytest.mark.parametrize("ratio", [0, 1])
def test_spans_keep_the_attributes_they_begin_with(make, exporter, ratio):
    """The SDK takes them from the sampler's answer; drivers and brokers put all they know there."""
    tracing = make(sample_ratio=ratio)
    span, context = tracing.start(scope())
    tracer = tracing.provider.get_tracer("t")
    tracer.start_span("query", context=context, attributes={"db.system": "sqlite"}).end()
    span.finish(method="GET", route="/", status=500)
    assert dict(spans(tracing, exporter)[0].attributes) == {"db.system": "sqlite"}


def test_unsampled_traces_of_slow_requests_are_kept(make, exporter):
    """Slow is what took `slow_s` or more."""
    tracing = make(sample_ratio=0, slow_s=0.5)
    for seconds in (0.4, 0.6):
        span, _ = tracing.start(scope())
        span.started_ns -= int(seconds * 1e9)
        span.finish(method="GET", route=f"/{seconds}", status=200)
    assert [one.name for one in spans(tracing, exporter)] == ["GET /0.6"]


def test_an_open_websocket_is_not_slow(make, exporter):
    """Otherwise every chat would be kept, whatever the sampling."""
    tracing = make(sample_ratio=0, slow_s=0.5)
    span, _ = tracing.start(scope(type="websocket"))
    span.started_ns -= int(3600e9)
    span.finish(method="GET", route="/chat", status=101)
    assert spans(tracing, exporter) == ()


def test_keeping_can_be_turned_off(make, exporter):
    """Without `slow_s` the head sampler alone decides, and children are not even recorded."""
    tracing = make(sample_ratio=0, slow_s=None)
    span, context = tracing.start(scope())
    assert not tracing.provider.get_tracer("t").start_span("q", context=context).is_recording()
    span.finish(method="GET", route="/", status=500)
    assert spans(tracing, exporter) == ()


def test_the_share_of_sampled_traces_is_the_ratio(make):
    """By trace id, so that all services with the same ratio agree."""
    tracing = make(sample_ratio=0.25)
    sampled = sum(tracing.start(scope())[0].get_span_context().trace_flags.sampled for _ in range(4000))
    assert 850 < sampled < 1150


@pytest.mark.parametrize(
    ("path", "share"),
    [
        ("/livez", 0.0),
        ("/livez/deep", 0.5),
        ("/orders/3", 1.0),
        ("/orders/3/lines", 0.5),
        ("/files/a/b.css", 0.0),
        ("/v1.0/x", 1.0),
        ("/v1x0/x", 0.5),
    ],
)
def test_a_route_may_have_a_share_of_its_own(path, share):
    """By its template, before anything else is known of the request; the rest go by the common ratio."""
    routes = {"/livez": 0, "/orders/{id}": 1, "/files/{path:path}": 0, "/v1.0/{x:str}": 1}
    tracing = setup_tracing(
        "orders", sample_ratio=0.5, sample_routes=routes, exporter=InMemorySpanExporter(), make_global=False
    )
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    sampled = sum(tracing.start(scope)[0].get_span_context().trace_flags.sampled for _ in range(400))
    tracing.shutdown()
    assert abs(sampled / 400 - share) < (0.15 if share == 0.5 else 1e-9)


def test_unfinished_requests_do_not_fill_the_memory(make):
    """Streams that never end hold a bounded number of traces."""
    tracing = make(sample_ratio=0)
    for _ in range(5000):
        tracing.start(scope())
    assert len(tracing._tail._held) <= 2000


@pytest.mark.parametrize("settings", [{"sample_ratio": 1.5}, {"sample_ratio": -1}, {"protocol": "thrift"}])
def test_settings_that_make_no_sense_are_refused(settings):
    """The mistake shows at start-up."""
    with pytest.raises(TracingError, match="must"):
        setup_tracing("orders", make_global=False, **settings)


@pytest.fixture
def collector():
    """An OTLP/HTTP collector that keeps what it is sent."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_arrive_by_otlp(collector):
    """A collector that speaks OTLP over HTTP gets the service, the route and the status."""
    endpoint, received = collector
    tracing = setup_tracing("orders", endpoint=endpoint, make_global=False)
    tracing.start(scope(("traceparent", PARENT)))[0].finish(method="GET", route="/orders/{id}", status=503)
    tracing.shutdown(timeout_s=30)
    (resource_spans,) = received[0].resource_spans
    (sent,) = resource_spans.scope_spans[0].spans
    assert (sent.name, sent.kind, sent.status.code) == ("GET /orders/{id}", 2, 2)
    assert sent.trace_id.hex() == TRACE_ID
    assert {a.key: a.value.string_value for a in resource_spans.resource.attributes}["service.name"] == "orders"


@pytest.mark.parametrize("is_listening", [True, False])
def test_a_collector_that_is_down_or_silent_costs_nothing_but_the_spans(is_listening):
    """Ten thousand requests and the exit go through while nobody answers; the queue is bounded."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if is_listening:
            silent.listen()
        tracing = setup_tracing("orders", endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", make_global=False)
        threads = threading.active_count()
        for _ in range(10_000):
            span, context = tracing.start(scope())
            detach(attach(context))
            span.finish(method="GET", route="/", status=500)
        assert threading.active_count() <= threads + 1
        tracing.shutdown(timeout_s=0.2)
    for thread in threading.enumerate():
        if thread.name == "tracing-shutdown":
            thread.join(60)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("imported", "may"),
    [
        ("maestro_monitoring, maestro_monitoring.asgi", set()),
        ("maestro_monitoring.tracing", {"opentelemetry.sdk"}),
    ],
)
def test_importing_imports_nothing_optional(imported, may):
    """Off costs nothing: no SDK, no exporter, no driver and no instrumentation is imported before it is used."""
    program = (
        f"import sys, {imported};"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.instrumentation', 'grafana_foundation_sdk',"
        " 'click', 'yaml', 'grpc', 'starlette', 'fastapi', 'requests', 'httpx', 'sqlalchemy', 'asyncpg', 'psycopg', 'redis',"
        " 'aio_pika', 'confluent_kafka');"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert set(ast.literal_eval(ran.stdout)) == may
