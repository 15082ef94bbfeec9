"""Events leave over OTLP straight from the pipeline."""

import http.server
import io
import json
import logging
import threading

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

from maestro_core_logging import configure_logging, debug_ring, emit_event, get_logger
from maestro_core_logging.integrations.otlp import OtlpEvents


@pytest.fixture
def exported():
    """What a provider with an exporter in memory was given, as plain records."""
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    stream = io.StringIO()
    configure_logging(stream=stream, consumers=[OtlpEvents(provider)])
    yield lambda: [item.log_record for item in exporter.get_finished_logs()]
    provider.shutdown()


def test_an_event_is_a_record_with_body_severity_and_attributes(exported):
    """Fields are attributes, the time is the line's."""
    get_logger("svc").warning("paid", order_id=1, tags=["a"], big=2**70, nested={"k": None}, extra={"tenant": "t"})
    (record,) = exported()
    assert (record.body, record.severity_text, record.severity_number.value) == ("paid", "WARNING", 13)
    assert dict(record.attributes) == {
        "tenant": "t", "order_id": 1, "tags": ("a",), "big": str(2**70), "nested": {"k": None},
    }  # fmt: skip
    assert record.timestamp % 1000 == 0
    assert record.timestamp > 1_700_000_000_000_000_000


def test_secrets_do_not_leave_with_it(exported):
    """The leak of datarobot's bridge: attributes of the raw record were exported."""
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        get_logger("svc").exception("failed %s", "token=abcdef", password="hunter2", extra={"api_key": "k1"})
    emit_event("x", token="hunter2")
    text = "".join(record.to_json() if hasattr(record, "to_json") else repr(record) for record in exported())
    assert len(exported()) == 2
    assert "hunter2" not in text
    assert "abcdef" not in text
    assert '"k1"' not in text


def test_trace_and_span_are_the_call_s(exported):
    """In the record's own fields and on the line, also when a ring writes it after the span has ended."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with debug_ring() as ring:
        with tracer.start_as_current_span("s") as span:
            get_logger("svc").info("now")
            get_logger("svc").debug("later")
        ring.keep()
    context = span.get_span_context()
    assert [(record.body, record.trace_id, record.span_id) for record in exported()] == [
        ("now", context.trace_id, context.span_id),
        ("later", context.trace_id, context.span_id),
    ]
    assert "trace_id" not in exported()[0].attributes


def test_lines_carry_trace_and_span_without_any_export():
    """OpenTelemetry is looked at only when the application has imported it."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("s") as span:
        get_logger("svc").info("x")
        get_logger("svc").info("x")
    get_logger("svc").info("x")
    first, second, third = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["trace_id"] == second["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert first["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert "trace_id" not in third


def test_opentelemetry_s_own_complaints_do_not_feed_themselves(exported):
    """A failing exporter logs; that line is not exported again."""
    logging.getLogger("opentelemetry.exporter").error("cannot export")
    assert exported() == []


def test_a_consumer_that_fails_costs_no_line(capsys):
    """The line is written, the failure is told once."""

    def broken(_event):
        raise RuntimeError("no")

    stream = io.StringIO()
    configure_logging(stream=stream, consumers=[broken])
    get_logger("svc").info("x")
    get_logger("svc").info("y")
    assert len(stream.getvalue().splitlines()) == 2
    assert capsys.readouterr().err.count("RuntimeError") == 1


def test_it_speaks_otlp_over_http():
    """The bytes that a collector gets, parsed with OTLP's own schema."""
    bodies = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        events = OtlpEvents(service_name="orders", endpoint=f"http://127.0.0.1:{server.server_port}/v1/logs")
        configure_logging(stream=io.StringIO(), consumers=[events])
        get_logger("svc").info("paid", order_id=1)
        assert events.flush()
        events.close()
        server.shutdown()
        serving.join()
    ((path, body),) = bodies
    request = ExportLogsServiceRequest.FromString(body)
    resource = {item.key: item.value.string_value for item in request.resource_logs[0].resource.attributes}
    scope = request.resource_logs[0].scope_logs[0]
    assert path == "/v1/logs"
    assert resource["service.name"] == "orders"
    assert scope.scope.name == "svc"
    assert scope.log_records[0].body.string_value == "paid"
    assert scope.log_records[0].attributes[0].value.int_value == 1
