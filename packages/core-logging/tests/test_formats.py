"""The formats besides plain JSON, each as its readers expect it."""

import io
import json
import logging
import logging.config
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro_core_logging import EventFormatter, configure_logging, get_logger, log_context
from maestro_core_logging._formats import RENDERERS, render_logfmt

EVENT = {"timestamp": "2026-01-01T00:00:00.000000Z", "level": "info", "logger": "svc", "event": "paid order", "n": 1}


def test_ecs_has_its_names_first():
    """`@timestamp`, `log.level`, `message` first, as ecs-logging asks; the rest by ECS names where there are any."""
    stream = io.StringIO()
    configure_logging(stream=stream, format="ecs", service_name="orders")
    with log_context(request_id="r1"):
        try:
            raise ValueError("odd")
        except ValueError:
            get_logger("svc").exception("failed", order_id=1)
    line = json.loads(stream.getvalue())
    assert list(line)[:4] == ["@timestamp", "log.level", "message", "ecs.version"]
    assert line["log.logger"] == "svc"
    assert line["service.name"] == "orders"
    assert line["http.request.id"] == "r1"
    assert line["error.stack_trace"].endswith("ValueError: odd")
    assert line["order_id"] == 1


def test_no_field_takes_the_place_of_ecs_s_own():
    """A field called `message` replaced the message; it is beside it now."""
    stream = io.StringIO()
    configure_logging(stream=stream, format="ecs", service_name="orders")
    own = {"@timestamp": 1, "log.level": "high", "ecs.version": 2, "log.logger": "l", "service.name": "s"}
    get_logger("svc").info("order paid", message="thanks", **own)
    line = json.loads(stream.getvalue())
    assert (line["message"], line["log.level"], line["log.logger"]) == ("order paid", "info", "svc")
    assert (line["service.name"], line["ecs.version"]) == ("orders", "8.11.0")
    assert {f"{name}_": value for name, value in {"message": "thanks", **own}.items()}.items() <= line.items()


def test_console_is_for_people():
    """Time, level, message, logger, fields; a traceback below, in full."""
    line = RENDERERS["console"]({**EVENT, "note": "a b", "exception": "Traceback\nValueError: odd"}).decode()
    assert line == (
        '2026-01-01T00:00:00.000000Z INFO     paid order [svc] n=1 note="a b"\nTraceback\nValueError: odd\n'
    )


def test_logfmt_quotes_what_needs_it():
    """One line, `key=value`, JSON quoting."""
    line = render_logfmt(
        {**EVENT, "s": "a=b", "t": 'say "x"', "e": "", "x": None, "b": True, "d": {"k": [1]}, "l": "1\n2"}
    )
    assert line.decode() == (
        'timestamp=2026-01-01T00:00:00.000000Z level=info logger=svc event="paid order" n=1 s="a=b" '
        't="say \\"x\\"" e="" x=null b=true d="{\\"k\\":[1]}" l="1\\n2"\n'
    )


def test_nothing_of_others_steers_a_terminal():
    """What would move the cursor or set a color is written as text; lines and tabs stay."""
    line = RENDERERS["console"]({**EVENT, "event": "a\x1b[2J\r\tb", "exception": "E: \x9b31m\n  at x"}).decode()
    assert "a\\x1b[2J\\r\tb" in line
    assert line.endswith("E: \\x9b31m\n  at x\n")


@given(st.dictionaries(st.text(max_size=8), st.text(st.characters(codec=None)), max_size=4))
def test_logfmt_is_always_one_line_of_pairs(fields):
    """Whatever the keys and values are."""
    line = render_logfmt({**EVENT, **fields})
    assert line.count(b"\n") == 1
    assert re.fullmatch(r'(?:[^ ="]+=(?:"(?:\\.|[^"\\])*"|[^ "=]*)(?: |\n))+', line.decode())


@pytest.mark.parametrize("name", ["xml", "", 7, "JSON"])
def test_an_unknown_format_names_the_known_ones(name):
    """In the error's message."""
    with pytest.raises(ValueError, match="console, ecs, json, logfmt"):
        EventFormatter(name)


def test_bad_arguments_of_a_message_are_shown_instead_of_lost():
    """`log.info("%d", "x")` writes what was meant and what was wrong."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    get_logger("svc").info("n=%d", "x")
    assert json.loads(stream.getvalue())["event"].startswith("'n=%d' % ('x',) (TypeError")


def test_an_exception_whose_str_raises_is_still_a_line():
    """Nothing that is logged can raise."""

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no")

    stream = io.StringIO()
    configure_logging(stream=stream)
    get_logger("svc").error("failed", exc_info=Mute())
    assert "Mute" in json.loads(stream.getvalue())["exception"]


def test_records_that_come_from_elsewhere_keep_their_traceback():
    """A queue handler sends records with `exc_text` only."""
    record = logging.makeLogRecord({"msg": "x", "exc_text": "Traceback\nValueError: odd"})
    assert json.loads(EventFormatter().format(record))["exception"].endswith("odd")


INI = """
[loggers]
keys=root
[handlers]
keys=out
[formatters]
keys=line
[logger_root]
level=INFO
handlers=out
[handler_out]
class=FileHandler
args=({path!r},)
formatter=line
[formatter_line]
class=maestro_core_logging.EventFormatter
{format}
"""


@pytest.mark.parametrize(("format_", "begins"), [("", '{"timestamp":'), ("format=ecs", '{"@timestamp":')])
def test_it_is_a_class_of_formatters_for_configuration_files(tmp_path, format_, begins):
    """What servers read with `--log-config`, in the old layout and as a dictionary."""
    path = tmp_path / "app.log"
    logging.config.fileConfig(io.StringIO(INI.format(path=str(path), format=format_)))
    logging.getLogger("svc").warning("from %s", "a file")
    line = {"class": "maestro_core_logging.EventFormatter"} | dict(each.split("=") for each in format_.split())
    out = {"class": "logging.FileHandler", "filename": str(path), "formatter": "line"}
    root = {"root": {"handlers": ["out"], "level": "INFO"}, "disable_existing_loggers": False}
    logging.config.dictConfig({"version": 1, "formatters": {"line": line}, "handlers": {"out": out}} | root)
    logging.getLogger("svc").warning("from a dictionary")
    first, second = path.read_text().splitlines()
    assert (first[: len(begins)], second[: len(begins)]) == (begins, begins)
    assert ("from a file" in first, "from a dictionary" in second) == (True, True)


def test_a_layout_of_dates_or_a_template_is_refused_with_a_word():
    """A date's layout and a template are those of another formatter."""
    for arguments in [("json", "%H:%M"), ("%(message)s", None, "%")]:
        with pytest.raises(ValueError, match=r"datefmt|format"):
            EventFormatter(*arguments)
