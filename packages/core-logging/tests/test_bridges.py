"""loguru's calls and structlog's own set-ups write lines of ours."""

import io
import json
import logging
import subprocess
import sys

import pytest
import structlog
from loguru import logger

from maestro_core_logging import EventFormatter, log_context, loguru_sink, structlog_renderer


@pytest.fixture(autouse=True)
def own_loguru():
    """Begin without sinks, as after `logger.remove()`, and end without this test's."""
    logger.remove()
    yield
    logger.remove()


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def with_sink(**options):
    stream = io.StringIO()
    logger.add(loguru_sink(stream, EventFormatter(**options)), level="DEBUG")
    return stream


def test_a_call_of_loguru_s_is_one_line_with_its_fields():
    """What is bound, contextualized or given as a keyword is a field; the message is formatted as loguru does."""
    stream = with_sink(service_name="orders")
    with log_context(request_id="r1"), logger.contextualize(user="ann"):
        logger.bind(tenant="acme").success("paid {} of {order}", 3, order=7)
    (line,) = lines_of(stream)
    assert line.pop("timestamp")
    assert line == {
        "level": "success",
        "logger": __name__,
        "event": "paid 3 of 7",
        "service": "orders",
        "request_id": "r1",
        "user": "ann",
        "tenant": "acme",
        "order": 7,
    }


def test_what_loguru_writes_is_redacted():
    """By key and by shape, in messages as well."""
    stream = with_sink()
    logger.info("got postgres://u:hunter2@db/x", password="hunter2")
    assert "hunter2" not in stream.getvalue()
    assert lines_of(stream)[0]["password"] == "[redacted]"


def test_tracebacks_of_loguru_s_show_no_locals():
    """Its `diagnose`, which is on unless told otherwise, prints the values of variables."""
    stream = with_sink()

    def fail(secret):
        raise ValueError(len(secret))

    try:
        fail("hunter" + "2")
    except ValueError:
        logger.exception("failed")
    (line,) = lines_of(stream)
    assert line["event"] == "failed"
    assert str(line["exception"]).endswith("ValueError: 7")
    assert "hunter2" not in stream.getvalue()


def test_the_place_of_a_loguru_call_is_on_the_line_where_asked_for():
    """Every attribute that standard records can be asked for has its counterpart, but the name of the task."""
    asked = ["lineno", "funcName", "filename", "pathname", "module", "process", "processName", "thread", "threadName"]
    stream = with_sink(record_fields=[*asked, "levelno", "created", "msecs", "relativeCreated", "taskName"])
    place = sys._getframe()
    logger.warning("here")
    (line,) = lines_of(stream)
    by_logging = logging.makeLogRecord({"thread": line["thread"], "process": line["process"]})
    assert line["funcName"] == place.f_code.co_name
    assert line["lineno"] == place.f_lineno - 4
    assert line["pathname"] == place.f_code.co_filename
    assert (line["filename"], line["module"]) == ("test_bridges.py", "test_bridges")
    assert (line["processName"], line["threadName"]) == (by_logging.processName, "MainThread")
    assert line["levelno"] == 30
    assert line["taskName"] is None
    assert isinstance(line["created"], float)
    assert isinstance(line["msecs"], float)
    assert isinstance(line["relativeCreated"], float)


def test_loguru_decides_on_levels_and_filters():
    """As for any sink."""
    stream = io.StringIO()
    logger.add(loguru_sink(stream), level="INFO", filter=lambda record: "noise" not in record["message"])
    logger.debug("low")
    logger.info("noise")
    logger.info("kept")
    assert [line["event"] for line in lines_of(stream)] == ["kept"]


def test_a_stream_that_fails_raises_nothing_into_loguru_s_caller(capsys):
    """Even with `catch=False`, where loguru lets a sink's error through."""
    stream = io.StringIO()
    stream.close()
    logger.add(loguru_sink(stream), catch=False)
    logger.info("lost")
    assert "lines are counted and lost" in capsys.readouterr().err


def test_loguru_s_queue_brings_lines_to_the_sink():
    """With `enqueue` they are written by loguru's thread, which knows no context; `complete` waits for it."""
    stream = io.StringIO()
    logger.add(loguru_sink(stream), enqueue=True)
    with log_context(request_id="r1"):
        logger.info("queued", n=1)
        logger.complete()
    (line,) = lines_of(stream)
    assert (line["event"], line["n"]) == ("queued", 1)
    assert "request_id" not in line


def test_a_message_without_a_module_still_is_a_line():
    """loguru has no name for code that `exec` runs in a bare namespace."""
    stream = with_sink()
    exec("log.info('x')", {"log": logger})
    assert lines_of(stream)[0]["logger"] is None


def test_importing_the_library_imports_no_loguru():
    """It is the service's, and nobody else needs it."""
    code = "import sys, maestro_core_logging; sys.exit('loguru' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def rendered(*processors, formatter=None):
    stream = io.StringIO()
    structlog.configure(
        processors=[*processors, structlog_renderer(formatter)], logger_factory=structlog.PrintLoggerFactory(stream)
    )
    return stream, structlog.get_logger()


def test_the_renderer_writes_what_the_processors_left():
    """The same fields as structlog's JSON renderer writes, redacted."""
    stream, log = rendered(structlog.contextvars.merge_contextvars, structlog.processors.add_log_level)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        log.warning("paid", order_id=1, password="hunter2")
    assert lines_of(stream) == [
        {"level": "warning", "event": "paid", "request_id": "r1", "order_id": 1, "password": "[redacted]"}
    ]


def test_the_renderer_agrees_with_structlog_s_own_on_plain_fields():
    """Nothing is added that no processor put there, and nothing is left out."""
    given = {"event": "e", "a": 1, "b": [1, {"c": None}], "name": "ann", "event_": "x", "level": "info"}
    theirs = json.loads(structlog.processors.JSONRenderer()(None, "info", dict(given)))
    ours = json.loads(structlog_renderer()(None, "info", dict(given)))
    assert ours == theirs


def test_fields_of_log_context_join_structlog_s():
    """What the event says itself wins."""
    stream, log = rendered()
    with log_context(request_id="r1", tenant="acme"):
        log.info("paid", tenant="other")
    assert lines_of(stream) == [{"event": "paid", "request_id": "r1", "tenant": "other"}]


def test_contextvars_of_structlog_s_need_its_own_processor():
    """A service that does not merge them does not get them."""
    stream, log = rendered()
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        log.info("paid")
    assert lines_of(stream) == [{"event": "paid"}]


@pytest.mark.parametrize("given", [True, "tuple", "error"])
def test_an_exception_that_no_processor_formatted_is_text(given):
    """Given as a flag, as what `sys.exc_info` gives or as the exception."""
    stream, log = rendered()
    try:
        raise ValueError("odd")
    except ValueError as error:
        log.info("failed", exc_info={"tuple": sys.exc_info(), "error": error}.get(str(given), given))
    (line,) = lines_of(stream)
    assert str(line["exception"]).endswith("ValueError: odd")
    assert "exc_info" not in line


def test_what_a_processor_made_of_an_exception_stays():
    """Text or a structure, redacted like any field."""
    stream, log = rendered(structlog.processors.dict_tracebacks)
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("failed")
    (line,) = lines_of(stream)
    assert line["exception"][0]["exc_value"] == "odd"


def test_the_formatter_s_processors_may_drop_an_event():
    """As structlog's own may; a level that nobody added is empty to them."""
    seen = []

    def drop(_logger, level, event):
        seen.append(level)
        raise structlog.DropEvent

    stream, log = rendered(formatter=EventFormatter(processors=[drop]))
    log.info("x")
    assert (stream.getvalue(), seen) == ("", [""])


def test_the_renderer_serves_structlog_s_formatter_of_records():
    """`ProcessorFormatter` hands standard records to the same renderer."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog_renderer(), foreign_pre_chain=[structlog.stdlib.add_log_level]
        )
    )
    log = logging.getLogger("svc")
    log.addHandler(handler)
    log.warning("old %s", "style")
    assert lines_of(stream) == [{"level": "warning", "event": "old style"}]
