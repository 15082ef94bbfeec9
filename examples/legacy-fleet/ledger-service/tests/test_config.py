import importlib

import pytest
from pydantic import ValidationError

from app.core import config
from app.core.config import Settings, get_settings


@pytest.fixture(autouse=True)
def fresh_settings():
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_env_file_for_tests():
    assert get_settings().PROJECT_NAME == "ledger-testing"


def test_settings_are_cached():
    assert get_settings() is get_settings()


def test_environment_wins_over_file(monkeypatch):
    monkeypatch.setenv("PROJECT_NAME", "books")
    get_settings.cache_clear()
    assert get_settings().PROJECT_NAME == "books"


def test_postgres_uri(monkeypatch):
    monkeypatch.setenv("POSTGRES_SERVER", "db.internal")
    settings = Settings(_env_file=None, POSTGRES_PASSWORD="s3cret")
    assert settings.SQLALCHEMY_DATABASE_URI == "postgresql+asyncpg://ledger:s3cret@db.internal:5432/ledger"


def test_rabbit_uri(monkeypatch):
    monkeypatch.setenv("RABBITMQ_URI", "amqp://rabbit/")
    assert Settings().RABBITMQ_URI == "amqp://rabbit/"


def test_cors_origins_are_json(monkeypatch):
    monkeypatch.setenv("BACKEND_CORS_ORIGINS", '["https://a.example", "https://b.example"]')
    assert Settings().BACKEND_CORS_ORIGINS == ["https://a.example", "https://b.example"]


def test_currency_is_checked():
    assert Settings(BASE_CURRENCY="chf").BASE_CURRENCY == "CHF"
    with pytest.raises(ValidationError):
        Settings(BASE_CURRENCY="euro")


def test_defaults_read_the_environment_at_import(monkeypatch):
    monkeypatch.setenv("DEBUG", "TRUE")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    fields = importlib.reload(config).Settings.model_fields
    assert fields["DEBUG"].default is True
    assert fields["LOG_LEVEL"].default == "WARNING"
    monkeypatch.undo()
    importlib.reload(config)


def test_production_hides_openapi():
    assert Settings(ENVIRONMENT="production").is_production
    assert not get_settings().is_production
