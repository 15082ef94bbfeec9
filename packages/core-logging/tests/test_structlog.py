"""structlog's own loggers end in the same sinks, and its processors are the pipeline."""

import io
import json
import logging

import structlog

from maestro_core_logging import configure_logging, get_logger, log_context


def lines_of(stream):
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    for line in lines:
        del line["timestamp"]
    return lines


def test_structlog_s_loggers_write_the_same_lines():
    """Fields, bound fields, context and levels."""
    stream = io.StringIO()
    configure_logging(stream=stream, service_name="orders")
    with log_context(request_id="r1"):
        structlog.get_logger("svc").bind(tenant="acme").info("paid", order_id=1)
        get_logger("svc").info("paid", tenant="acme", order_id=1)
        structlog.get_logger("svc").debug("off")
    first, second = lines_of(stream)
    assert first == second
    assert first["request_id"] == "r1"


def test_the_logger_is_named_after_its_module():
    """As `structlog.stdlib` does."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    structlog.get_logger().info("x")
    assert lines_of(stream)[0]["logger"] == __name__


def test_exceptions_of_structlog_s_loggers_are_text():
    """Without locals, unlike structlog's `dict_tracebacks`."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    try:
        raise ValueError("odd")
    except ValueError:
        structlog.get_logger("svc").exception("failed")
    assert lines_of(stream)[0]["exception"].endswith("ValueError: odd")


def test_handlers_see_records_of_structlog_s_loggers(caplog):
    """Named after the caller's place in the code."""
    configure_logging(stream=io.StringIO())
    logging.getLogger().addHandler(caplog.handler)
    structlog.get_logger("svc").info("paid %s", "now", order_id=1)
    (record,) = caplog.records
    assert (record.name, record.getMessage(), record.order_id) == ("svc", "paid now", 1)
    assert record.funcName == "test_handlers_see_records_of_structlog_s_loggers"


def test_an_application_that_configured_structlog_keeps_it():
    """Ours is a default, not a decree."""
    stream = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(stream))
    configure_logging(stream=io.StringIO())
    structlog.get_logger("svc").info("x")
    assert "x" in stream.getvalue()


def test_processors_see_every_event_before_redaction():
    """They add, change and drop; what they add is redacted."""

    def add(_logger, name, event):
        return {**event, "method": name, "password": "hunter2"}

    def drop(_logger, _name, event):
        if event["event"] == "noise":
            raise structlog.DropEvent
        return event

    stream = io.StringIO()
    configure_logging(stream=stream, processors=[add, drop])
    get_logger("svc").info("x")
    get_logger("svc").info("noise")
    get_logger("svc").addHandler(logging.NullHandler())
    get_logger("svc").info("noise")
    (line,) = lines_of(stream)
    assert (line["method"], line["password"]) == ("info", "[redacted]")


def test_consumers_get_redacted_events():
    """What export hangs on."""
    seen = []
    configure_logging(stream=io.StringIO(), consumers=[seen.append])
    get_logger("svc").info("x", password="hunter2", order_id=1)
    (event,) = seen
    assert (event["password"], event["order_id"]) == ("[redacted]", 1)


def test_structlog_s_capture_logs_still_works():
    """Tests of services that use structlog's own testing."""
    configure_logging(stream=io.StringIO())
    with structlog.testing.capture_logs() as logs:
        structlog.get_logger("svc").info("x", order_id=1)
    assert logs[0]["order_id"] == 1
