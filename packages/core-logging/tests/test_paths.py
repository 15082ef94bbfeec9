"""An event goes to bytes without a record when only our sink listens, and the line is the one that a record gives."""

import io
import json
import logging
import time
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from maestro_core_logging import EventFormatter, NoRedaction, Redaction, configure_logging, get_logger, log_context

NAMES = st.sampled_from([
    "order_id", "name", "message", "level", "event", "logger", "timestamp", "service", "exception", "stack", "name_",
    "password", "note", "asctime", "lineno", "taskName", "a b", "", "é",
])  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["password=abcdef", "AKIAQQQQQQQQQQQQQQQQ", 4111111111111111, b"\xff", {1, 2}, {"token": "x"}])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
FIELDS = st.dictionaries(NAMES, VALUES, max_size=4)
MESSAGES = st.sampled_from(
    [
        ("plain", ()), ("n=%d", (3,)), ("%s and %r", ("a", "b")), ("%(k)s", ({"k": 1},)), ("100%", ()), ("%d", ("x",)),
        (ValueError("odd"), ()), (7, ()), ("", ()), ("two\nlines", ()), ("password=abcdef", ()), ("%s", ({},)),
        ("\ud800", ()), ("%s %s", (1,)),
    ]
)  # fmt: skip


def line_of(listener, redact, format_, message, fields, extra, context, exception, level):
    """Log one call twice (the second finds what the first remembered) and give the second line."""
    stream = io.StringIO()
    configure_logging(
        stream=stream,
        service_name="orders",
        fields={"order_id": 0, "region": "eu"},
        format=format_,
        level="DEBUG",
        redact=redact,
        force=True,
    )
    log = get_logger("svc.pay")
    if listener:
        log.addHandler(listener)
    keywords = {**fields, **({"extra": extra} if extra else {}), **({"exc_info": exception} if exception else {})}
    with log_context(**context):
        for _ in range(2):
            stream.truncate(0)
            stream.seek(0)
            try:
                log._log(level, message[0], message[1], **keywords)
            except KeyError as error:
                return repr(error)
    if listener:
        log.removeHandler(listener)
    return stream.getvalue()


@contextmanager
def stopped_clock():
    """Stop both clocks that records are stamped by: Python 3.13 reads the second one."""
    with (
        patch("time.time", return_value=1_790_000_000.123456),
        patch("time.time_ns", return_value=1_790_000_000_123_456_000),
    ):
        yield


@settings(max_examples=400)
@given(
    st.sampled_from([Redaction(), NoRedaction()]),
    st.sampled_from(["json", "ecs", "console", "logfmt"]),
    MESSAGES,
    FIELDS,
    FIELDS,
    st.dictionaries(st.sampled_from(["request_id", "tenant", "order_id", "name"]), st.text(max_size=5), max_size=2),
    st.sampled_from([None, True, ValueError("odd"), (None, None, None)]),
    st.sampled_from([10, 20, 30, 40, 50, 25]),
)
def test_both_paths_write_the_same_line(redact, format_, message, fields, extra, context, exception, level):
    """For any redaction, format, message, arguments, fields, extra, context, exception and level."""
    with stopped_clock():
        call = (redact, format_, message, fields, extra, context, exception, level)
        assert line_of(None, *call) == line_of(logging.NullHandler(), *call)


def test_a_float_does_not_vouch_for_the_card_number_that_equals_it():
    """Harmless values are remembered, and a float is equal to the number that a card has."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    log = get_logger("svc")
    for value in (4111111111111111.0, 4111111111111111.0, 4111111111111111):
        log.info("x", n=value)
    assert [json.loads(line)["n"] for line in stream.getvalue().splitlines()] == [
        4111111111111111.0, 4111111111111111.0, "[redacted:card]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("epoch_s", "written"),
    [
        (-0.5, "1969-12-31T23:59:59.500000Z"),
        (-1.0, "1969-12-31T23:59:59.000000Z"),
        (-86400.25, "1969-12-30T23:59:59.750000Z"),
    ],
)
def test_a_clock_before_1970_is_written_alike_on_both_paths(epoch_s, written):
    """Tests stop the clock at birthdays."""
    stream, listener = io.StringIO(), logging.NullHandler()
    configure_logging(stream=stream)
    log = get_logger("svc")
    with patch("time.time", return_value=epoch_s), patch("time.time_ns", return_value=int(epoch_s * 1_000_000_000)):
        for listeners in ([], [listener]):
            log.handlers[:] = listeners
            log.info("x", n=1)
            log.info("x", n=[1])
    log.handlers.clear()
    assert [json.loads(line)["timestamp"] for line in stream.getvalue().splitlines()] == [written] * 4


def test_a_field_that_is_in_extra_too_is_written_beside_it():
    """On both paths the record's attribute keeps its name, and the field gets an underscore."""
    call = (Redaction(), "json", ("x", ()), {"order_id": 2}, {"order_id": 1}, {}, None, 20)
    with stopped_clock():
        direct = line_of(None, *call)
        assert direct == line_of(logging.NullHandler(), *call)
    assert (json.loads(direct)["order_id"], json.loads(direct)["order_id_"]) == (1, 2)


CONTEXTS = {
    "nothing": [],
    "no fields": [(log_context, {})],
    "ours": [(log_context, {"request_id": "r", "tenant": "t"})],
    "structlog's": [(bound_contextvars, {"request_id": "r"})],
    "both, of one name": [(bound_contextvars, {"request_id": "r", "a": 1}), (log_context, {"request_id": "s"})],
    "a secret": [(log_context, {"password": "hunter22"})],
    "a text like a secret": [(log_context, {"note": "AKIAQQQQQQQQQQQQQQQQ"})],
    "a list": [(log_context, {"items": [1]})],
    "a number that is too large": [(log_context, {"n": 2**70})],
    "a name that lines change": [(log_context, {"level": 3, "service": "s"})],
}


@pytest.mark.parametrize("fields", [{}, {"order_id": 1}, {"request_id": 1}])
@pytest.mark.parametrize("context", CONTEXTS)
def test_what_is_bound_is_on_the_lines_of_both_paths(context, fields):
    """Again and again, beside a field of the same name, and wherever it was bound; nothing of it is left over."""
    with bound_contextvars(seen="once"):  # structlog's table of variables is never empty again
        pass
    stream, listener = io.StringIO(), logging.NullHandler()
    configure_logging(stream=stream, service_name="orders")
    log = get_logger("svc")
    with stopped_clock():
        for listeners in ([], [listener]):
            log.handlers[:] = listeners
            log.info("before", **fields)
            with ExitStack() as bound:
                for bind, what in CONTEXTS[context]:
                    bound.enter_context(bind(**what))
                for _ in range(2):
                    log.info("inside", **fields)
                    log.info("inside")
            log.info("after", **fields)
    log.handlers.clear()
    lines = stream.getvalue().splitlines()
    assert lines[:6] == lines[6:]
    assert all(map(json.loads, lines))


def test_what_is_bound_is_masked_by_each_redaction_in_its_own_way():
    """Bytes that one formatter wrote for bound fields are not another's."""
    streams = [io.StringIO(), io.StringIO()]
    with log_context(note="AKIAQQQQQQQQQQQQQQQQ"):
        for redact, stream in zip((NoRedaction(), Redaction()), streams, strict=True):
            configure_logging(stream=stream, redact=redact, force=True)
            for _ in range(3):
                get_logger("svc").info("x")
    assert [stream.getvalue().count("AKIAQQ") for stream in streams] == [3, 0]


@pytest.fixture
def records_made(monkeypatch):
    """Count the records that are made, without being seen as a patch of a record's way."""
    made = []
    original = logging.LogRecord.__init__

    def counted(self, *args, **kwargs):
        made.append(self)
        original(self, *args, **kwargs)

    monkeypatch.setattr(logging.LogRecord, "__init__", counted)
    return made


def test_no_record_is_made_when_only_our_sink_listens(records_made):
    """For a child, for the root, with fields, with arguments, for an adapter and with an exception."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    get_logger("svc.pay").info("x", a=1)
    get_logger().warning("x %s", 1)
    get_logger("svc").bind(a=1).error("x", exc_info=True)
    logging.getLogger("svc").info("x", extra={"k": 1})
    assert records_made == []
    assert len(stream.getvalue().splitlines()) == 4


LISTENERS = {
    "a handler on the logger": lambda log: log.addHandler(logging.NullHandler()),
    "a handler on its parent": lambda log: log.parent.addHandler(logging.NullHandler()),
    "a second handler on the root": lambda log: logging.getLogger().addHandler(logging.NullHandler()),
    "a filter on the logger": lambda log: log.addFilter(lambda record: True),
    "a filter on our sink": lambda log: logging.getLogger().handlers[0].addFilter(lambda record: True),
    "another formatter": lambda log: logging.getLogger().handlers[0].setFormatter(logging.Formatter()),
    "a subclass of our formatter": lambda log: logging.getLogger()
    .handlers[0]
    .setFormatter(type("Mine", (EventFormatter,), {})()),
    "a record factory": lambda log: logging.setLogRecordFactory(lambda *a, **k: logging.LogRecord(*a, **k)),
    "a patched method of the logger": lambda log: setattr(log, "handle", type(log).handle.__get__(log)),
    "a patched method of the sink": lambda log: setattr(
        logging.getLogger().handlers[0], "emit", logging.NullHandler().emit
    ),
    "a handler in the place of the sink's": lambda log: setattr(
        logging.getLogger().handlers[0], "handle", logging.NullHandler().emit
    ),
    "a logger that does not propagate": lambda log: (
        setattr(log, "propagate", False),
        log.addHandler(logging.NullHandler()),
    ),
}


@pytest.mark.parametrize("listener", LISTENERS)
def test_whoever_else_listens_gets_a_record(records_made, listener):
    """The direct path is left at once."""
    configure_logging(stream=io.StringIO())
    log = get_logger("svc.pay")
    get_logger("svc")
    log.info("x", a=1)
    assert records_made == []
    LISTENERS[listener](log)
    log.info("x", a=1)
    assert len(records_made) == 1


@pytest.mark.parametrize("name", ["makeRecord", "handle", "callHandlers", "filter", "_log"])
def test_whoever_patches_the_standard_library_s_class_is_called(name):
    """`patch.object(logging.Logger, "handle")` sees every call."""
    configure_logging(stream=io.StringIO())
    log = get_logger("svc")
    with patch.object(logging.Logger, name, autospec=True, side_effect=getattr(logging.Logger, name)) as patched:
        log.info("x")
    patched.assert_called_once()


def test_another_way_to_merge_messages_is_asked():
    """The usual recipe for messages in braces."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    with patch.object(logging.LogRecord, "getMessage", lambda record: record.msg.format(*record.args)):
        get_logger("svc").info("paid {}", 7)
    assert json.loads(stream.getvalue())["event"] == "paid 7"


def test_frozen_time_is_seen_on_both_paths():
    """Tests that patch `time.time` see it in the lines."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    log = get_logger("svc")
    with patch.object(time, "time", return_value=0.5):
        log.info("x")
        log.info("x")
    assert [json.loads(line)["timestamp"] for line in stream.getvalue().splitlines()] == [
        "1970-01-01T00:00:00.500000Z"
    ] * 2


def test_a_renamed_level_is_renamed_on_both_paths():
    """`addLevelName` after the first line counts."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    log = get_logger("svc")
    logging.addLevelName(21, "NOTICE")
    try:
        log.log(21, "x")
        log.addHandler(logging.NullHandler())
        log.log(21, "x")
    finally:
        del logging._levelToName[21], logging._nameToLevel["NOTICE"]
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == ["notice", "notice"]


def test_a_level_renamed_after_its_lines_were_remembered_is_renamed():
    """The beginning of a line that comes again and again is made once for each name of its level."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    log = get_logger("svc")
    for _ in range(3):
        log.info("x")
    logging.addLevelName(20, "NOTE")
    try:
        log.info("x")
    finally:
        logging.addLevelName(20, "INFO")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == ["info"] * 3 + ["note"]


def test_a_disabled_logger_makes_no_record_even_if_it_was_enabled_before(records_made):
    """`dictConfig` disables loggers that were in use; extra that clashes is then no error either."""
    configure_logging(stream=io.StringIO())
    log = get_logger("svc")
    log.info("x")
    log.disabled = True
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)("x", extra={"name": "clash"})
    assert records_made == []


def test_a_sink_s_level_is_kept():
    """A handler level above the logger's holds lines back on the direct path too."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    logging.getLogger().handlers[0].setLevel(logging.ERROR)
    get_logger("svc").info("x")
    assert stream.getvalue() == ""
