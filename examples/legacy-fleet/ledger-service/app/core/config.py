import os
import secrets
from functools import lru_cache
from typing import Literal

from pydantic import PostgresDsn, computed_field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env.testing" if os.getenv("TESTING") else ".env",
        env_file_encoding="utf-8",
        case_sensitive=True,
        extra="ignore",
    )

    PROJECT_NAME: str = "ledger-service"
    API_PREFIX: str = "/api/v1"
    ENVIRONMENT: Literal["local", "staging", "production"] = "local"
    DEBUG: bool = os.getenv("DEBUG", "False").lower() == "true"

    # logging
    LOG_LEVEL: str = os.getenv("LOG_LEVEL", "INFO").upper()
    LOG_JSON: bool = os.getenv("LOG_JSON", "no") in ("true", "t", "yes", "y")
    QUIET_LOGGERS: str = "aiormq,aio_pika,sqlalchemy.engine.Engine"

    # security
    SECRET_KEY: str = secrets.token_urlsafe(32)
    ALGORITHM: str = "HS256"
    TOKEN_AUDIENCE: str = "ledger"
    ACCESS_TOKEN_EXPIRE_MINUTES: int = 60
    BACKEND_CORS_ORIGINS: list[str] = []

    # database
    DATABASE_URL: str | None = None
    POSTGRES_SERVER: str = "localhost"
    POSTGRES_PORT: int = 5432
    POSTGRES_USER: str = "ledger"
    POSTGRES_PASSWORD: str = "ledger"
    POSTGRES_DB: str = "ledger"

    # events
    RABBITMQ_URI: str = "amqp://guest:guest@localhost:5672/"
    RABBITMQ_EXCHANGE: str = "ledger.events"

    # bookkeeping
    BASE_CURRENCY: str = "EUR"
    MAX_LINES_PER_ENTRY: int = 50

    @field_validator("BASE_CURRENCY")
    @classmethod
    def _upper_currency(cls, value: str) -> str:
        if len(value) != 3:
            raise ValueError("BASE_CURRENCY must be a three-letter code")
        return value.upper()

    @computed_field
    @property
    def SQLALCHEMY_DATABASE_URI(self) -> str:
        if self.DATABASE_URL:
            return self.DATABASE_URL
        return str(
            PostgresDsn.build(
                scheme="postgresql+asyncpg",
                username=self.POSTGRES_USER,
                password=self.POSTGRES_PASSWORD,
                host=self.POSTGRES_SERVER,
                port=self.POSTGRES_PORT,
                path=self.POSTGRES_DB,
            )
        )

    @property
    def is_production(self) -> bool:
        return self.ENVIRONMENT == "production"


@lru_cache
def get_settings() -> Settings:
    return Settings()
