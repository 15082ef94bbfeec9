import importlib
import logging
import os
import runpy
from pathlib import Path
from unittest.mock import patch

import pytest

import catalog
from catalog import config
from catalog.extensions import db

ROOT = Path(__file__).parent.parent


@pytest.fixture
def reread(monkeypatch):
    def reload(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return importlib.reload(config)

    yield reload
    monkeypatch.undo()
    importlib.reload(config)


def test_defaults(reread):
    cfg = reread().Config
    assert (cfg.PAGE_SIZE, cfg.RESERVATION_HOURS, cfg.API_KEYS) == (20, 48.0, [""])
    assert cfg.MAX_CONTENT_LENGTH == 524288
    assert cfg.SQLALCHEMY_DATABASE_URI == "sqlite:///catalog.db"
    assert cfg.LOG_REQUESTS is True
    assert cfg.LOOKUP_URL is None


def test_variables(reread):
    cfg = reread(PAGE_SIZE="7", CONDITIONS="good bad", LOG_REQUESTS="yes", MAX_UPLOAD_KB="1").Config
    assert (cfg.PAGE_SIZE, cfg.CONDITIONS, cfg.LOG_REQUESTS) == (7, ["good", "bad"], False)
    assert cfg.MAX_CONTENT_LENGTH == 1024


def test_one_database_variable_stands_in_for_the_other(reread):
    assert reread(DATABASE_URL="sqlite:///a.db").Config.SQLALCHEMY_DATABASE_URI == "sqlite:///a.db"
    assert reread(DATABASE_URI="sqlite:///b.db").Config.SQLALCHEMY_DATABASE_URI == "sqlite:///b.db"


def test_production_is_quieter(reread):
    cfg = reread()
    assert (cfg.Config.LOG_LEVEL, cfg.Production.LOG_LEVEL) == ("INFO", "WARNING")
    assert reread(LOG_LEVEL="DEBUG").Production.LOG_LEVEL == "DEBUG"


def test_configuration_is_chosen_by_variable():
    with patch.dict(os.environ, {"CATALOG_CONFIG": "catalog.config.Testing", "USER": "robot"}):
        app = catalog.create_app()
    assert app.config["ENVIRONMENT"] == "testing"
    assert app.config["STARTED_BY"] == "robot"


def test_writing_needs_a_key(client, caplog):
    answer = client.put("/books/9780141439518", json={})
    assert answer.status_code == 401
    assert "refused PUT /books/9780141439518: no valid API key" in caplog.messages


def test_wrong_key(client):
    assert client.put("/books/9780141439518", json={}, headers={"X-Api-Key": "shop"}).status_code == 401


def test_requests_are_logged(app, client, caplog):
    client.get("/tags")
    record = caplog.records[-1]
    assert record.name == app.logger.name == "catalog"
    assert record.getMessage().startswith("GET /tags 200 in ")


def test_probes_are_not_logged(client, caplog):
    with caplog.at_level(logging.INFO):
        caplog.clear()
        client.get("/ready")
    assert caplog.messages == []


def test_request_id(client):
    assert client.get("/tags", headers={"X-Request-Id": "r1"}).headers["X-Request-Id"] == "r1"
    assert len(client.get("/tags").headers["X-Request-Id"]) == 32


def test_health(client, monkeypatch):
    monkeypatch.setenv("RELEASE", "2024-11")
    answer = client.get("/health")
    assert answer.json == {"status": "up", "version": catalog.__version__, "release": "2024-11"}


def test_health_without_database(app, client):
    with patch.object(db.session, "execute", side_effect=RuntimeError("gone")):
        with patch.object(app.logger, "error") as error:
            answer = client.get("/health")
    assert (answer.status_code, answer.json["status"]) == (503, "down")
    error.assert_called_once_with("database: gone")


def test_ready(client):
    answer = client.get("/ready")
    assert (answer.data, answer.status_code) == (b"ok", 200)


def test_metrics(client):
    client.get("/books/9780141439518")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'catalog_requests_total{endpoint="books.show",method="GET",status="404"}' in text


def test_unexpected_error(app, client, caplog):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with patch("catalog.store.tag_counts", side_effect=RuntimeError("boom")):
        answer = client.get("/tags", headers={"X-Request-Id": "r2"})
    assert answer.status_code == 500
    assert answer.json == {"error": "internal error", "request_id": "r2"}
    assert [r.exc_info[0] for r in caplog.records if r.message == "unexpected error"] == [RuntimeError]


@pytest.fixture
def gunicorn_handler():
    logger, app_logger = logging.getLogger("gunicorn.error"), logging.getLogger("catalog")
    kept = app_logger.handlers, app_logger.level
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    app_logger.handlers, app_logger.level = kept[0], logging.NOTSET
    app_logger.setLevel(kept[1])


def test_under_gunicorn(gunicorn_handler, monkeypatch):
    monkeypatch.setenv("CATALOG_CONFIG", "catalog.config.Testing")
    app = runpy.run_path(str(ROOT / "wsgi.py"), run_name="wsgi")["app"]
    assert app.logger.handlers == [gunicorn_handler]
    assert app.logger.level == logging.ERROR
    assert gunicorn_handler.formatter._fmt.startswith("[%(asctime)s]")


def test_gunicorn_settings(monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    settings = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert (settings["bind"], settings["workers"], settings["loglevel"]) == ("0.0.0.0:5000", 3, "info")


def test_commands(app, tmp_path):
    runner = app.test_cli_runner()
    assert runner.invoke(args=["init-db"]).output.endswith("tables created\n")
    file = tmp_path / "books.csv"
    file.write_text("isbn,title,author\n0141439513,P & P,Austen\n")
    assert runner.invoke(args=["import-csv", str(file)]).output.endswith("1 books imported\n")
