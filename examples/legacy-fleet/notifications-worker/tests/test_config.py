import importlib
import json
import logging
import os
from unittest.mock import MagicMock, patch

import pytest

from notifier import config, secret_store


@pytest.fixture
def reload(monkeypatch):
    def again(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return importlib.reload(config)

    yield again
    monkeypatch.undo()
    importlib.reload(config)


def test_defaults(reload):
    fresh = reload()
    assert fresh.KAFKA_GROUP == "notifier-testing"
    assert fresh.DEAD_LETTER_TOPIC == "notifications.dead"
    assert fresh.MAIL_BLOCKED_DOMAINS == ["spam.example", "void.example"]


@pytest.mark.parametrize(
    "variables, level",
    [
        ({}, "INFO"),
        ({"LOG_LEVEL": "ERROR"}, "ERROR"),
        ({"LOG_LEVEL": "ERROR", "NOTIFIER_LOG_LEVEL": "DEBUG"}, "DEBUG"),
    ],
)
def test_own_log_level_wins(reload, monkeypatch, variables, level):
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    assert reload(**variables).LOG_LEVEL == level


def test_redis_port_is_text_from_the_environment(reload):
    assert reload().REDIS_PORT == 6379
    assert reload(REDIS_PORT="6400").REDIS_PORT == "6400"


def test_remote_statsd_has_another_port(reload):
    assert reload().STATSD_PORT == 8125
    assert reload(STATSD_HOST="metrics.internal").STATSD_PORT == 9125


@pytest.mark.parametrize("text, value", [("true", True), ("Y", True), ("1", True), ("on", False), ("", False)])
def test_dry_run_words(reload, text, value):
    assert reload(DRY_RUN=text).DRY_RUN is value


def test_prefixes_are_json(reload):
    assert reload(SMS_PREFIXES='{"+33": "fr"}').SMS_PREFIXES == {"+33": "fr"}


def test_platform_file_replaces_variables(reload, tmp_path):
    path = tmp_path / "platform.json"
    platform = {
        "kafka": {"brokers": [{"hostname": "k1", "port": 9093}], "topics": {"notifications": "platform.notify"}},
        "redis": {"hostname": "cache", "port": 6380},
    }
    path.write_text(json.dumps(platform))
    fresh = reload(PLATFORM_CONFIG=str(path), KAFKA_BROKERS="ignored:1")
    assert fresh.KAFKA_BROKERS == ["k1:9093"]
    assert fresh.DEAD_LETTER_TOPIC == "platform.notify.dead"
    assert fresh.REDIS_PORT == 6380


def test_token_from_file(reload, tmp_path):
    path = tmp_path / "token"
    path.write_text("tok-1\n")
    assert reload(MAIL_TOKEN_FILE=str(path)).MAIL_TOKEN == "tok-1"


def test_token_and_file_exclude_each_other(reload, tmp_path):
    with pytest.raises(ValueError, match="mutually exclusive"):
        reload(MAIL_TOKEN="tok", MAIL_TOKEN_FILE=str(tmp_path / "token"))


def test_sms_needs_a_key(reload):
    with pytest.raises(Exception, match="Missing env variable SMS_KEY_PATH"):
        reload(SMS_ENABLED="yes")


def test_log_config_masks_secrets():
    logger = MagicMock()
    with patch("notifier.config.MAIL_TOKEN", "tok-1"):
        config.log_config(logger)
    shown = {call.args[1]: call.args[2] for call in logger.info.call_args_list}
    assert shown["MAIL_TOKEN"] == "***"
    assert shown["APP_NAME"] == "notifier"
    assert "_platform" not in shown


def test_secrets_reach_the_environment(tmp_path, caplog):
    (tmp_path / "mail_token").write_text("tok-2\n")
    (tmp_path / ".hidden").write_text("no")
    caplog.set_level(logging.INFO)
    with patch.dict(os.environ, {"SECRETS_DIR": str(tmp_path)}):
        assert secret_store.export() == ["MAIL_TOKEN"]
        assert os.environ["MAIL_TOKEN"] == "tok-2"
    assert caplog.messages == ["Exported 1 secrets"]
