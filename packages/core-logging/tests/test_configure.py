"""`configure_logging` is `logging.basicConfig` that writes structured lines."""

import io
import json
import logging
import logging.config
import warnings

import pytest

from maestro_core_logging import EventFormatter, configure_logging, emit_event, get_logger, log_context, root_logger


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_logger_event_service_and_fields():
    """The first line that anybody sees, whole."""
    stream = io.StringIO()
    configure_logging(service_name="orders", stream=stream)
    get_logger("svc").info("paid %s", "now", order_id=1, extra={"tenant": "acme"})
    (line,) = lines_of(stream)
    timestamp = line.pop("timestamp")
    assert timestamp[10] == "T"
    assert timestamp.endswith("Z")
    assert len(timestamp) == 27
    assert line == {
        "level": "info",
        "logger": "svc",
        "event": "paid now",
        "service": "orders",
        "tenant": "acme",
        "order_id": 1,
    }


def test_it_does_nothing_where_the_root_already_has_handlers():
    """As `basicConfig`: pytest's handlers, or a server's, stay alone, and so does the level."""
    theirs = logging.NullHandler()
    logging.getLogger().addHandler(theirs)
    configure_logging(level="DEBUG")
    configure_logging(level="no such level")
    assert logging.getLogger().handlers == [theirs]
    assert logging.getLogger().level == logging.WARNING


def test_twice_is_once():
    """The second call changes nothing."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    configure_logging(stream=stream, level="DEBUG")
    assert len(logging.getLogger().handlers) == 1
    assert logging.getLogger().level == logging.INFO


def test_force_replaces_and_closes_what_was_there(tmp_path):
    """As `basicConfig(force=True)`."""
    configure_logging(filename=tmp_path / "old.log")
    (old,) = logging.getLogger().handlers
    get_logger("svc").info("one")
    stream = io.StringIO()
    configure_logging(stream=stream, force=True)
    get_logger("svc").info("two")
    assert old.stream is None
    assert [line["event"] for line in lines_of(stream)] == ["two"]
    assert json.loads((tmp_path / "old.log").read_text())["event"] == "one"


def test_standard_error_is_the_default_stream(capsys):
    """As `basicConfig`."""
    configure_logging()
    get_logger("svc").info("x")
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "x"


@pytest.mark.parametrize("level", [logging.DEBUG, "DEBUG", "WARN", "CRITICAL", 0, 25, "NOTSET"])
def test_levels_are_those_that_basic_config_accepts(level):
    """Numbers and the names of the standard library, custom ones included."""
    configure_logging(level=level, stream=io.StringIO())
    assert logging.getLogger().level == logging.Handler(level).level


@pytest.mark.parametrize("level", ["info", "LOUD", "", 3.5, (), b"INFO"])
def test_a_wrong_level_is_the_error_that_basic_config_raises(level):
    """Same class, same words, and nothing is installed."""
    with pytest.raises((ValueError, TypeError)) as theirs:
        logging.getLogger("x").setLevel(level)
    with pytest.raises(type(theirs.value)) as ours:
        configure_logging(level=level)
    assert str(ours.value) == str(theirs.value)
    assert logging.getLogger().handlers == []


def test_level_none_leaves_the_root_s_level():
    """What `basicConfig()` without a level does."""
    configure_logging(level=None, stream=io.StringIO())
    assert logging.getLogger().level == logging.WARNING


def test_only_the_root_s_level_changes():
    """Levels of other loggers are theirs."""
    logging.getLogger("svc").setLevel(logging.ERROR)
    configure_logging(level="DEBUG", stream=io.StringIO())
    assert logging.getLogger("svc").level == logging.ERROR


@pytest.mark.parametrize(
    ("template", "options"),
    [
        ("%(levelname)s %(message)s", {}),
        ("%(levelname)s:%(name)s:%(funcName)s %(message)s", {}),
        ("%(asctime)s %(message)s", {"datefmt": "%Y"}),
        ("{levelname}|{message}", {"style": "{"}),
        ("$levelname|$message", {"style": "$"}),
    ],
)
def test_a_template_prints_what_basic_config_prints(template, options):
    """Tools whose standard error people read keep their text, tracebacks included."""
    printed = []
    for configure, word in [(logging.basicConfig, "format"), (configure_logging, "template")]:
        stream = io.StringIO()
        configure(stream=stream, level="INFO", force=True, **{word: template}, **options)
        log = logging.getLogger("tool") if configure is logging.basicConfig else get_logger("tool")
        for number in range(2):
            log.info("step %d", number, extra={"k": 1})
            try:
                raise ValueError("odd")
            except ValueError:
                log.exception("failed")
        printed.append(stream.getvalue())
    assert printed[0] == printed[1]
    assert "step 1" in printed[0]


@pytest.mark.parametrize(
    "options",
    [
        {"stream": io.StringIO(), "filename": "x"},
        {"handlers": [], "stream": io.StringIO()},
        {"handlers": [], "filename": "x"},
        {"format": "xml"},
        {"template": "%(message)s", "style": "#"},
    ],
)
def test_wrong_combinations_are_refused(options):
    """With the class that `basicConfig` raises."""
    with pytest.raises(ValueError):
        configure_logging(**options)
    assert logging.getLogger().handlers == []


def test_handlers_get_our_lines_only_when_they_have_no_formatter():
    """As `basicConfig(handlers=…)`."""
    first, second = (logging.StreamHandler(io.StringIO()) for _ in range(2))
    second.setFormatter(logging.Formatter("theirs %(message)s"))
    configure_logging(handlers=[first, second])
    get_logger("svc").info("x")
    assert json.loads(first.stream.getvalue())["event"] == "x"
    assert second.stream.getvalue() == "theirs x\n"


def test_a_formatter_set_later_is_honoured():
    """`for h in log.handlers: h.setFormatter(f)` is seen in services."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logging.Formatter("mine %(message)s"))
    get_logger("svc").info("x")
    assert stream.getvalue() == "mine x\n"


def test_dict_config_can_name_the_formatter():
    """Services that keep their `dictConfig` get our lines by naming one class."""
    stream = io.StringIO()
    logging.config.dictConfig(
        {
            "version": 1,
            "formatters": {"json": {"()": "maestro_core_logging.EventFormatter", "service_name": "orders"}},
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": stream}},
            "root": {"handlers": ["out"], "level": "INFO"},
        }
    )
    with log_context(request_id="r1"):
        logging.getLogger("svc").info("x", extra={"k": 1})
    (line,) = lines_of(stream)
    assert (line["event"], line["service"], line["request_id"], line["k"]) == ("x", "orders", "r1", 1)


def test_exceptions_are_text_without_locals():
    """The traceback is Python's own; the values of variables are not in it."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    password = "hunter2"  # noqa: F841
    try:
        raise ValueError("odd")
    except ValueError:
        get_logger("svc").exception("failed")
    (line,) = lines_of(stream)
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert line["exception"].endswith("ValueError: odd")
    assert "hunter2" not in line["exception"].replace('password = "hunter2"', "")


def test_records_are_not_changed_by_our_formatter():
    """Handlers that come after ours see the record as it was made."""
    record = logging.makeLogRecord({"msg": "x %s", "args": (1,), "exc_info": (ValueError, ValueError("v"), None)})
    before = dict(vars(record))
    EventFormatter().format(record)
    assert vars(record) == before


def test_warnings_are_captured_when_asked():
    """They become lines of the logger `py.warnings`."""
    stream = io.StringIO()
    configure_logging(stream=stream, capture_warnings=True)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", UserWarning, stacklevel=1)
    assert lines_of(stream)[0]["logger"] == "py.warnings"


class _RequestId(logging.Filter):
    def filter(self, record):
        record.request_id = "r-1"
        return record.levelno != logging.ERROR


def test_filters_are_on_our_handler_and_what_they_set_is_on_the_line():
    """A request-id filter of the service goes on working; the record path is taken, since a filter looks."""
    stream = io.StringIO()
    configure_logging(stream=stream, filters=[_RequestId()])
    get_logger("svc").info("one")
    get_logger("svc").error("dropped")
    (line,) = lines_of(stream)
    assert (line["event"], line["request_id"]) == ("one", "r-1")


@pytest.mark.parametrize("listener", [None, logging.NullHandler()], ids=["alone", "watched"])
def test_fields_and_record_fields_are_on_every_line(listener):
    """With and without anybody else listening the line says the same, but for its time."""
    stream = io.StringIO()
    configure_logging(stream=stream, fields={"env": "dev", "level": "x"}, record_fields=["funcName", "lineno"])
    if listener is not None:
        logging.getLogger("svc").addHandler(listener)
    get_logger("svc").info("one", extra={"lineno_": 1})
    (line,) = lines_of(stream)
    assert (line["env"], line["level_"], line["level"]) == ("dev", "x", "info")
    assert line["funcName"] == "test_fields_and_record_fields_are_on_every_line"
    assert line["lineno"] == 1  # the call's own field of that name wins


def test_an_unknown_record_field_is_refused_and_changes_nothing():
    """Nothing is half-done."""
    with pytest.raises(ValueError, match="unknown record_fields"):
        configure_logging(record_fields=["line"])
    assert logging.getLogger().handlers == []


def test_force_treats_named_loggers_as_dict_config_does():
    """Whatever two set-ups did before, both leave every logger in the same state."""
    states = []
    for configure in (
        lambda: logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"h": {"class": "logging.StreamHandler"}},
                "root": {"level": "ERROR", "handlers": ["h"]},
                "loggers": {"svc": {"level": "INFO"}, "svc.kept": {"level": 15}, "other": {}},
            }
        ),
        lambda: configure_logging(level="ERROR", levels={"svc": "INFO", "svc.kept": 15, "other": None}, force=True),
    ):
        for name in ("svc", "svc.a", "svc.a.b", "svc.kept", "svcx", "other", "third"):
            logger = logging.getLogger(name)
            logger.handlers[:] = [logging.NullHandler()]
            logger.setLevel(logging.CRITICAL)
            logger.propagate, logger.disabled = False, True
        configure()
        states.append(
            {
                name: (logger.level, len(logger.handlers), logger.propagate, logger.disabled)
                for name, logger in [("", logging.root), *sorted(logging.Logger.manager.loggerDict.items())]
            }
        )
    assert states[0] == states[1]
    assert states[1]["svc.a.b"] == (logging.NOTSET, 0, True, True)


def test_without_force_named_loggers_only_get_their_levels():
    """Their handlers stay."""
    own = logging.NullHandler()
    named = logging.getLogger("svc.noisy")
    named.addHandler(own)
    configure_logging(stream=io.StringIO(), levels={"svc.noisy": "ERROR", "svc": None})
    assert (named.level, named.handlers) == (logging.ERROR, [own])
    named.removeHandler(own)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_by_its_name_is_what_sys_has_then(capsys, name):
    """As `ext://sys.stdout` in a dictConfig: nobody has to import sys, and a replaced stream is found."""
    configure_logging(stream=name, handler_level="WARNING")
    get_logger("svc").info("held back")
    get_logger("svc").warning("x")
    assert json.loads(getattr(capsys.readouterr(), {"stdout": "out", "stderr": "err"}[name]))["event"] == "x"
    with pytest.raises(ValueError, match="unknown stream"):
        configure_logging(stream="stdin", force=True)


def test_a_wrong_level_of_another_logger_changes_nothing():
    """As a wrong level of the root."""
    with pytest.raises(ValueError, match="Unknown level"):
        configure_logging(levels={"svc": "LOUD"})
    assert logging.getLogger().handlers == []


def test_a_fake_in_the_place_of_getlogger_gets_only_the_calls_of_the_code(monkeypatch):
    """Tests put one there for the code's own calls; neither setting up nor the root's functions ask it."""
    asked = []
    stream = io.StringIO()
    with monkeypatch.context() as patch:  # pytest itself asks for loggers when the test ends
        patch.setattr(logging, "getLogger", lambda *name: asked.append(name) or "a fake")
        configure_logging(stream=stream, levels={"svc": "ERROR"}, force=True)
        root_logger.info("started")
        emit_event("tick")
        assert get_logger("svc") == "a fake"
    assert asked == [("svc",)]
    assert [line["event"] for line in lines_of(stream)] == ["started", "tick"]
    assert logging.getLogger("svc").level == logging.ERROR


class Terminal(io.StringIO):
    """A stream on which somebody looks."""

    def isatty(self):
        return True


@pytest.fixture
def colors(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def line_on(stream, chosen):
    configure_logging(stream=stream, format=chosen, force=True)
    get_logger("svc").error("not paid", order_id=1)
    return stream.getvalue()


def test_auto_is_for_people_on_a_terminal_and_json_elsewhere(colors, tmp_path):
    """The same service, started by hand and in a container."""
    assert "\x1b[1mnot paid\x1b[0m [svc] \x1b[36morder_id\x1b[0m=1\n" in line_on(Terminal(), "auto")
    assert json.loads(line_on(io.StringIO(), "auto"))["event"] == "not paid"
    configure_logging(filename=tmp_path / "log", format="auto", force=True)
    get_logger("svc").error("not paid")
    assert json.loads((tmp_path / "log").read_text())["event"] == "not paid"


def test_colors_are_for_terminals_that_take_them(colors):
    """A level has its own; `NO_COLOR`, `TERM=dumb` and `FORCE_COLOR` are heard; what is no console has none."""
    assert "\x1b[31mERROR   \x1b[0m" in line_on(Terminal(), "console")
    assert "\x1b" not in line_on(io.StringIO(), "console") + line_on(Terminal(), "json") + line_on(Terminal(), "logfmt")
    colors.setenv("TERM", "dumb")
    assert "\x1b" not in line_on(Terminal(), "console")
    colors.setenv("FORCE_COLOR", "1")
    assert "\x1b" in line_on(io.StringIO(), "console")
    colors.setenv("NO_COLOR", "1")
    assert "\x1b" not in line_on(Terminal(), "console")


def test_a_level_of_ones_own_has_no_color(colors):
    """It is written as it is called."""
    stream = Terminal()
    configure_logging(stream=stream, format="console", force=True)
    get_logger("svc").log(35, "seen")
    assert "\x1b[0m LEVEL 35 \x1b[1mseen" in stream.getvalue()
