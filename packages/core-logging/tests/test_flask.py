"""Flask's `app.logger` ends in our handler, as ADR 7 says: Flask adds a handler of its own only where there is none yet."""

import io
import json

import pytest

from maestro_core_logging import configure_logging, get_logger

flask = pytest.importorskip("flask", reason="Flask is no dependency of this package; the workspace has it for core-api")


def test_the_app_s_logger_writes_our_line_once():
    """Configured before the first use of `app.logger`, Flask finds a handler on the way up and adds none."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    app = flask.Flask("shop")
    with app.app_context():
        flask.current_app.logger.info("ready %s", 1, extra={"order": 2})
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["logger"], line["event"], line["order"]) == ("shop", "ready 1", 2)
    assert app.logger.handlers == []
    assert app.logger is get_logger("shop")


def test_without_a_set_up_flask_writes_by_itself(capsys):
    """What the finding `flask-handler` warns of: Flask's handler comes first, and ours second."""
    app = flask.Flask("shop")
    app.logger.warning("early")
    assert "early" in capsys.readouterr().err
    stream = io.StringIO()
    configure_logging(stream=stream)
    app.logger.warning("late")
    assert "late" in capsys.readouterr().err
    assert json.loads(stream.getvalue())["event"] == "late"


def test_in_debug_mode_the_app_s_logger_lets_everything_through():
    """Flask sets the level of its own logger then; records below the root's level are written as before."""
    stream = io.StringIO()
    configure_logging(stream=stream, level="ERROR")
    app = flask.Flask("shop")
    app.debug = True
    app.logger.debug("seen")
    assert json.loads(stream.getvalue())["event"] == "seen"
