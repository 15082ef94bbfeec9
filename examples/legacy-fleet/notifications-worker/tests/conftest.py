import os

os.environ["ENVIRONMENT"] = "testing"
os.environ["SECRETS_DIR"] = "/nonexistent"
os.environ["MAIL_BLOCKED_DOMAINS"] = "spam.example,void.example"

import logging  # noqa: E402
from types import SimpleNamespace  # noqa: E402
from unittest.mock import AsyncMock, MagicMock, patch  # noqa: E402

import pytest  # noqa: E402

from notifier.models import Notification  # noqa: E402


class FakeRedis:
    def __init__(self):
        self.values = {}
        self.published = []
        self.expires = {}

    async def set(self, key, value, nx=False, ex=None):
        if nx and key in self.values:
            return None
        self.values[key] = value
        self.expires[key] = ex
        return True

    async def delete(self, key):
        self.values.pop(key, None)

    async def incr(self, key):
        self.values[key] = self.values.get(key, 0) + 1
        return self.values[key]

    async def expire(self, key, seconds):
        self.expires[key] = seconds

    async def publish(self, channel, message):
        self.published.append((channel, message))
        return 1


@pytest.fixture(autouse=True)
def statsd():
    with patch("notifier.metrics._client", MagicMock()) as client:
        yield client


@pytest.fixture(autouse=True)
def redis():
    with patch("notifier.store.r", FakeRedis()) as fake:
        yield fake


@pytest.fixture(autouse=True)
def service_logging():
    """Tests may set up logging; each starts from scratch."""
    log = logging.getLogger("notifier")
    handlers, level = log.handlers[:], log.level
    yield log
    log.handlers[:] = handlers
    log.setLevel(level)


@pytest.fixture
def make():
    def build(**changes):
        values = {
            "id": "n-1",
            "kind": "welcome",
            "user_id": "u-7",
            "contact": {"email": "ada@example.com", "phone": "+4479000000"},
            "context": {"name": "Ada"},
            "created_at": "2024-05-01T12:00:00Z",
        }
        return Notification.model_validate({**values, **changes})

    return build


@pytest.fixture
def message():
    def build(value, offset=1):
        return SimpleNamespace(value=value, offset=offset)

    return build


@pytest.fixture
def channel():
    def build(name="email", **send):
        return SimpleNamespace(name=name, send=AsyncMock(**send))

    return build
