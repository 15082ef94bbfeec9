import importlib
import logging
import os
from unittest.mock import patch

import pytest
from fastapi.testclient import TestClient

from orders import config
from orders.main import app


@pytest.fixture
def reloaded():
    """Read the configuration again from other variables."""
    kept = dict(os.environ)

    def reload(**variables):
        os.environ.update(variables)
        return importlib.reload(config)

    yield reload
    os.environ.clear()
    os.environ.update(kept)
    importlib.reload(config)


def test_defaults(reloaded):
    cfg = reloaded()
    assert cfg.SERVICE_NAME == "orders-api"
    assert cfg.VAT_RATE == 0.2
    assert cfg.PUBLISH_ATTEMPTS == 2
    assert cfg.MAX_LINES == 40
    assert cfg.SHIPPING_CENTS["DE"] == 695
    assert cfg.CORS_ORIGINS == ["http://localhost:3000"]


def test_numbers_and_lists(reloaded):
    cfg = reloaded(MAX_LINES="3", VAT_RATE="0.07", SHIPPING_CENTS='{"NO": 1200}', CORS_ORIGINS="a,b")
    assert (cfg.MAX_LINES, cfg.VAT_RATE, cfg.SHIPPING_CENTS, cfg.CORS_ORIGINS) == (3, 0.07, {"NO": 1200}, ["a", "b"])


def test_empty_list_variable(reloaded):
    assert reloaded(CORS_ORIGINS="", QUIET_LOGGERS="").CORS_ORIGINS == [""]
    assert config.QUIET_LOGGERS == []


@pytest.mark.parametrize("text, value", [("true", True), ("TRUE", True), ("yes", False), ("1", False)])
def test_debug(reloaded, text, value):
    assert reloaded(DEBUG=text).DEBUG is value


@pytest.mark.parametrize("text, value", [("yes", True), ("Y", True), ("1", False), ("off", False)])
def test_events_switch(reloaded, text, value):
    assert reloaded(EVENTS_ENABLED=text).EVENTS_ENABLED is value


def test_echo_switch_knows_case(reloaded):
    assert reloaded(DB_ECHO="yes").DB_ECHO is True
    assert reloaded(DB_ECHO="YES").DB_ECHO is False


def test_production(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT", "production")
    try:
        importlib.reload(config)
        assert config.IS_PRODUCTION is True
    finally:
        monkeypatch.undo()
        importlib.reload(config)
    assert config.IS_PRODUCTION is False


def test_bad_number_stops_the_service(reloaded):
    with pytest.raises(ValueError, match="invalid literal for int"):
        reloaded(TOKEN_TTL_MINUTES="an hour")


@pytest.fixture
def root_logger():
    root = logging.getLogger()
    kept = root.level, list(root.handlers)
    yield root
    root.setLevel(kept[0])
    root.handlers[:] = kept[1]


def test_start_and_stop(db, root_logger, monkeypatch):
    monkeypatch.setattr("orders.config.QUIET_LOGGERS", ["chatty.library"])
    with TestClient(app) as client:
        assert client.get("/version").json()["version"] == "2.4.0"
        assert root_logger.level == logging.INFO
        assert logging.getLogger("chatty.library").level == logging.WARNING


def test_request_id_is_kept_or_made(client):
    assert client.get("/version", headers={"X-Request-ID": "mine"}).headers["X-Request-ID"] == "mine"
    assert len(client.get("/version").headers["X-Request-ID"]) == 32


def test_access_log(client, caplog):
    caplog.set_level(logging.INFO, logger="orders.access")
    client.get("/version")
    lines = [r for r in caplog.records if r.name == "orders.access"]
    assert [r.getMessage() for r in lines] == ["GET /version 200"]
    assert lines[0].status == 200


def test_slow_requests_are_told(client, monkeypatch):
    monkeypatch.setattr("orders.config.SLOW_REQUEST_SECONDS", -1.0)
    with patch("orders.middleware.logger.warning") as warning:
        client.get("/version")
    assert warning.call_args.args[:2] == ("slow request: %s took %.1f s", "/version")


def test_security_headers(client, monkeypatch):
    answer = client.get("/version")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Strict-Transport-Security" not in answer.headers
    monkeypatch.setattr("orders.config.IS_PRODUCTION", True)
    assert client.get("/version").headers["Strict-Transport-Security"].startswith("max-age=")


def test_unexpected_error(client, caplog):
    with patch("orders.routes.health.platform.python_version", side_effect=RuntimeError("boom")):
        answer = client.get("/version")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "internal error"
    assert "unhandled error in GET /version" in caplog.messages


def test_health(client):
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "service": "orders-api", "checks": {"database": "ok"}}


def test_health_without_database(client):
    with patch("orders.routes.health.ping", return_value=False), patch("orders.routes.health.logger.error") as error:
        answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "error"}
    error.assert_called_once_with("health check failed: database")


def test_version_names_the_commit(client):
    with patch.dict("os.environ", {"GIT_COMMIT": "abc123"}):
        assert client.get("/version").json()["commit"] == "abc123"


def test_metrics_by_route(client, ada):
    client.get("/orders/4711", headers=ada)
    text = client.get("/metrics").text
    assert 'orders_http_requests_total{method="GET",path="/orders/{order_id}",status="404"}' in text
    assert "4711" not in text
