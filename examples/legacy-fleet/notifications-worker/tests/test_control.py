import logging
from unittest.mock import patch

import pytest

from notifier import control
from notifier.settings import Settings, settings


@pytest.fixture(autouse=True)
def restore():
    before = settings.model_dump()
    yield
    for key, value in before.items():
        setattr(settings, key, value)


def test_names_come_from_keys():
    variables = {"NOTIFIER_MAX_ATTEMPTS": "5", "NOTIFIER_RETRY_DELAY": "0.25", "NOTIFIER_LOG_SUMMARY": "ON"}
    with patch("os.environ", variables):
        assert control.load() == {"max_attempts": 5, "retry_delay": 0.25, "log_summary": True}


def test_nothing_set_changes_nothing():
    with patch("os.environ", {}):
        assert control.reload_rules() == {}


def test_reload_changes_the_singleton(monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="notifier")
    monkeypatch.setenv("NOTIFIER_MAX_ATTEMPTS", "9")
    control.reload_rules()
    assert settings.MAX_ATTEMPTS == 9
    [record] = caplog.records
    assert record.getMessage() == "Rules changed: max_attempts"
    assert record.rules == {"max_attempts": 9}


def test_bad_number_is_a_warning(monkeypatch, caplog):
    monkeypatch.setenv("NOTIFIER_MAX_ATTEMPTS", "many")
    assert control.reload_rules() == {}
    assert caplog.records[0].levelname == "WARNING"
    assert caplog.records[0].name == "notifier.control"


def test_rules_have_a_prefix(monkeypatch):
    monkeypatch.setenv("RULES_QUIET_FROM", "21")
    monkeypatch.setenv("QUIET_UNTIL", "9")
    fresh = Settings()
    assert (fresh.QUIET_FROM, fresh.QUIET_UNTIL) == (21, 7)
