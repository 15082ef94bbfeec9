"""Events leave over OTLP straight from the pipeline."""

import datetime as dt
import http.server
import io
import json
import logging
import os
import subprocess
import sys
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


class Collector(http.server.ThreadingHTTPServer):
    """A collector on loopback: keeps what it is sent, answers with `status`, and only while it is `awake`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Request)
        self.status, self.awake, self.bodies = 200, threading.Event(), []
        self.awake.set()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}/v1/logs"

    def records(self):
        """Give the log records that arrived."""
        requests = [ExportLogsServiceRequest.FromString(body) for _path, body in self.bodies]
        return [
            record
            for request in requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


class Request(http.server.BaseHTTPRequestHandler):
    """What one export sends."""

    def do_POST(self):
        """Keep the body and answer."""
        self.server.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.awake.wait(30)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def collector():
    """A running collector."""
    with Collector() as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.awake.set()
        server.shutdown()
        serving.join()


def test_no_value_of_a_field_spoils_the_batch(collector):
    """Half characters, numbers of any size, sets, bytes: everything arrives, and as the line has it."""
    events = OtlpEvents(endpoint=collector.endpoint)
    configure_logging(stream=io.StringIO(), consumers=[events])
    log = get_logger("svc.\udc80")
    values = [
        "\ud800",
        b"\xff",
        {1},
        2**100,
        float("inf"),
        {"\ud800": {1: None}},
        [1, "a", None],
        object(),
        "a\0b",
        None,
    ]
    for value in values:
        log.info("x", value=value)
    log.info("\ud800")
    log.info("x", when=dt.datetime(2026, 11, 23, 5, 0, tzinfo=dt.UTC), **{"\ud800": 1})
    assert events.flush()
    records = collector.records()
    assert len(records) == len(values) + 2
    assert (records[0].attributes[0].value.string_value, records[-2].body.string_value) == ("\\ud800", "\\ud800")
    assert records[-1].attributes[0].value.string_value == "2026-11-23T05:00:00+00:00"
    events.close()


@pytest.mark.parametrize(
    ("level", "severity"), [(5, 1), (10, 5), (20, 9), (25, 9), (30, 13), (35, 13), (40, 17), (50, 21), (60, 21)]
)
def test_every_level_has_a_severity(exported, level, severity):
    """Levels of one's own, named or not, count as the standard one below them."""
    logging.addLevelName(25, "NOTICE")
    get_logger("svc").setLevel(1)
    try:
        get_logger("svc").log(level, "x")
    finally:
        del logging._levelToName[25], logging._nameToLevel["NOTICE"]
    assert [record.severity_number.value for record in exported()] == [severity]


def test_what_a_collector_refuses_is_counted_and_told(collector):
    """`flush` is no yes-sayer; the lines themselves are written."""
    stream = io.StringIO()
    events = OtlpEvents(endpoint=collector.endpoint)
    configure_logging(stream=stream, consumers=[events])
    collector.status = 400
    get_logger("svc").info("x")
    assert not events.flush()
    assert events.lost == 1
    collector.status = 200
    get_logger("svc").info("y")
    assert events.flush()
    assert events.lost == 1
    assert '"event":"x"' in stream.getvalue()
    events.close()


def test_what_a_slow_collector_leaves_no_room_for_is_counted_and_told_once(collector, monkeypatch):
    """Every event has arrived or is counted; afterwards there is room again, and none after the end."""
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "5")
    stream = io.StringIO()
    events = OtlpEvents(endpoint=collector.endpoint)
    configure_logging(stream=stream, consumers=[events])
    log = get_logger("svc")
    collector.awake.clear()
    for number in range(50):
        log.info("x", number=number)
    assert events.lost == 40
    assert stream.getvalue().count("find no room") == 1
    collector.awake.set()
    assert events.flush(30)
    log.info("y")
    assert events.flush(30)
    assert [record.body.string_value for record in collector.records()] == ["x"] * 10 + ["y"]
    events.close()
    log.info("too late")
    assert events.lost == 41
    assert stream.getvalue().count('"svc"') == 52


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_room_for_its_own_events(collector, monkeypatch):
    """What waits in the parent is the parent's to send."""
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "2")
    monkeypatch.setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2")
    events = OtlpEvents(endpoint=collector.endpoint)
    configure_logging(stream=io.StringIO(), consumers=[events])
    collector.awake.clear()
    get_logger("svc").info("parent")
    get_logger("svc").info("parent")
    child = os.fork()
    if child == 0:
        get_logger("svc").info("child")
        os._exit(events.lost)
    assert os.waitpid(child, 0)[1] == 0
    collector.awake.set()
    assert events.flush(30)
    assert len(collector.records()) == 2
    events.close()


def test_an_export_that_is_switched_off_loses_nothing(collector, monkeypatch):
    """`OTEL_SDK_DISABLED`: nothing is sent, and nothing complains."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_BLRP_MAX_QUEUE_SIZE", "1")
    monkeypatch.setenv("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "1")
    events = OtlpEvents(endpoint=collector.endpoint)
    configure_logging(stream=io.StringIO(), consumers=[events])
    for _ in range(3):
        get_logger("svc").info("x")
    assert events.flush()
    assert (events.lost, collector.bodies) == (0, [])
    events.close()


def test_flush_waits_no_longer_than_it_was_told(collector):
    """A collector that answers nothing holds nobody up; what it takes later is not lost."""
    events = OtlpEvents(endpoint=collector.endpoint)
    configure_logging(stream=io.StringIO(), consumers=[events])
    collector.awake.clear()
    get_logger("svc").info("x")
    assert not events.flush(0.01)
    collector.awake.set()
    assert events.flush(30)
    assert (events.lost, len(collector.records())) == (0, 1)
    events.close()


def test_close_gives_up_when_its_time_is_over(collector):
    """What is not sent by then is counted."""
    events = OtlpEvents(endpoint=collector.endpoint)
    configure_logging(stream=io.StringIO(), consumers=[events])
    get_logger("svc").info("x")
    events.close(timeout_s=0)
    assert events.lost == 1
    assert collector.bodies == []


def test_exit_sends_what_is_batched(collector):
    """Without `close`, in a process of its own; and a second process whose collector is gone ends by itself."""
    code = (
        "import io, sys; from maestro_core_logging import *\n"
        "from maestro_core_logging.integrations.otlp import OtlpEvents\n"
        "configure_logging(stream=io.StringIO(), consumers=[OtlpEvents(endpoint=sys.argv[1])])\n"
        "get_logger('svc').info('last words')\n"
    )
    for endpoint in (collector.endpoint, "http://127.0.0.1:9/v1/logs"):
        done = subprocess.run([sys.executable, "-c", code, endpoint], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    assert [record.body.string_value for record in collector.records()] == ["last words"]


def test_it_speaks_otlp_over_http(collector):
    """The bytes that a collector gets, parsed with OTLP's own schema."""
    events = OtlpEvents(service_name="orders", endpoint=collector.endpoint, headers={"x-tenant": "t"})
    configure_logging(stream=io.StringIO(), consumers=[events])
    get_logger("svc").info("paid", order_id=1)
    assert events.flush()
    events.close()
    ((path, body),) = collector.bodies
    request = ExportLogsServiceRequest.FromString(body)
    resource = {item.key: item.value.string_value for item in request.resource_logs[0].resource.attributes}
    scope = request.resource_logs[0].scope_logs[0]
    assert path == "/v1/logs"
    assert resource["service.name"] == "orders"
    assert scope.scope.name == "svc"
    assert scope.log_records[0].body.string_value == "paid"
    assert scope.log_records[0].attributes[0].value.int_value == 1
