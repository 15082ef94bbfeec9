import logging
from unittest.mock import patch

import pytest

from notifier import audit, log


@pytest.fixture
def bare(service_logging):
    service_logging.handlers.clear()
    yield service_logging
    log.set_event_id(None)


def test_setup_adds_console_and_errors(bare):
    log.setup("DEBUG")
    assert len(bare.handlers) == 2
    assert bare.level == logging.DEBUG


def test_second_setup_only_changes_the_level(bare):
    log.setup("DEBUG")
    log.setup("ERROR")
    assert len(bare.handlers) == 2
    assert bare.level == logging.ERROR


def test_unknown_level_means_info(bare):
    log.setup("LOUD")
    assert bare.level == logging.INFO


def test_console_can_be_off(bare):
    with patch("notifier.log.config.LOG_CONSOLE", False):
        log.setup()
    assert [type(h).__name__ for h in bare.handlers] == ["LastErrors"]


def test_event_id_is_on_the_line(bare, capsys):
    log.setup("INFO")
    log.set_event_id("n-42")
    bare.info("hello %s", "there")
    assert "INFO    notifier [n-42] hello there" in capsys.readouterr().out


def test_last_errors_keeps_only_errors(bare):
    errors = log.LastErrors(size=2)
    log.setup("INFO", errors)
    for n in range(3):
        bare.error("bad %d", n)
    bare.info("fine")
    assert list(errors.lines) == ["bad 1", "bad 2"]


def test_no_time_in_kubernetes():
    with patch("os.environ", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}):
        assert "asctime" not in log.text_format()
    with patch("os.environ", {}):
        assert "asctime" in log.text_format()


def test_libraries_are_silenced(bare):
    log.setup()
    assert logging.getLogger("aiokafka").level == logging.ERROR
    assert logging.getLogger("httpx").level == logging.ERROR


def test_audit_has_fields(make):
    with patch("notifier.audit.audit") as line:
        audit.sent(make(), "email", 2)
        audit.dropped(make(), "limit")
    line.info.assert_called_once_with(
        "notification_sent", user="u-7", kind="welcome", channel="email", attempts=2
    )
    line.warning.assert_called_once_with("notification_dropped", user="u-7", kind="welcome", reason="limit")
