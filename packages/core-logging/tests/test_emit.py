"""`emit_event` writes to our sinks and to nobody else."""

import io
import json
import logging

from maestro_core_logging import configure_logging, emit_event, log_context


def test_it_writes_one_line_with_context_and_service():
    """The same keys as any line, without a record."""
    stream = io.StringIO()
    configure_logging(service_name="orders", stream=stream)
    with log_context(request_id="r1"):
        emit_event("http.request", logger="maestro.access", status=200, name="x", level=logging.WARNING)
    line = json.loads(stream.getvalue())
    del line["timestamp"]
    assert line == {
        "level": "warning",
        "logger": "maestro.access",
        "event": "http.request",
        "service": "orders",
        "request_id": "r1",
        "status": 200,
        "name": "x",
    }


def test_handlers_of_others_see_nothing(caplog):
    """Neither with our sink beside them nor without it."""
    logging.getLogger().addHandler(caplog.handler)
    logging.getLogger().setLevel(logging.DEBUG)
    emit_event("http.request", status=200)
    stream = io.StringIO()
    configure_logging(stream=stream, force=True)
    logging.getLogger().addHandler(caplog.handler)
    emit_event("http.request", status=200)
    assert caplog.records == []
    assert json.loads(stream.getvalue())["status"] == 200


def test_levels_of_logger_and_sink_decide():
    """Silencing the logger silences its events."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    logging.getLogger("maestro.access").setLevel(logging.ERROR)
    emit_event("http.request", logger="maestro.access")
    emit_event("debug", level=logging.DEBUG)
    logging.getLogger().handlers[0].setLevel(logging.ERROR)
    emit_event("low")
    assert stream.getvalue() == ""


def test_an_exception_is_text():
    """With its traceback and without locals."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    try:
        raise ValueError("odd")
    except ValueError as error:
        emit_event("failed", exception=error, level=logging.ERROR)
    assert json.loads(stream.getvalue())["exception"].endswith("ValueError: odd")


def test_text_templates_get_no_events():
    """A tool's own text format has no place for them."""
    stream = io.StringIO()
    configure_logging(stream=stream, template="%(message)s")
    emit_event("x")
    assert stream.getvalue() == ""


def test_a_closed_stream_does_not_raise(monkeypatch):
    """As the standard library's handlers: reported on standard error, never raised."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    stream.close()
    emit_event("x")
