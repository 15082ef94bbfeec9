import os

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """The rules of delivery. Operators may change these at run time, see control.py."""

    MAX_ATTEMPTS: int = 3
    RETRY_DELAY: float = 0.5
    MAX_PER_USER_PER_HOUR: int = 20
    QUIET_FROM: int = 22
    QUIET_UNTIL: int = 7
    QUIET_CHANNELS: list[str] = ["sms"]
    POLL_TIMEOUT_MS: int = 1000
    LOG_SUMMARY: bool = os.getenv("LOG_SUMMARY", "True").lower() == "true"

    class Config:
        env_prefix = "RULES_"
        env_file = ".env"
        extra = "ignore"


settings = Settings()
