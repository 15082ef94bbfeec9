import os

os.environ["TESTING"] = "1"

import pytest  # noqa: E402
from httpx import ASGITransport, AsyncClient  # noqa: E402
from jose import jwt  # noqa: E402
from loguru import logger  # noqa: E402
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine  # noqa: E402
from sqlalchemy.pool import StaticPool  # noqa: E402

from app.core.config import get_settings  # noqa: E402
from app.db.models import Account, AccountKind, Base  # noqa: E402
from app.db.session import get_db  # noqa: E402
from app.main import app  # noqa: E402


class RecordingEvents:
    is_connected = True

    def __init__(self):
        self.sent = []

    async def connect(self):
        pass

    async def publish(self, routing_key, body):
        self.sent.append((routing_key, body))
        return True

    async def close(self):
        pass


@pytest.fixture
async def sessions():
    engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


@pytest.fixture
async def db(sessions):
    async with sessions() as session:
        yield session


@pytest.fixture
async def chart(sessions):
    """A small chart of accounts."""
    async with sessions() as session:
        session.add_all(
            [
                Account(code="1000", name="Bank", kind=AccountKind.ASSET, currency="EUR"),
                Account(code="1010", name="Till", kind=AccountKind.ASSET, currency="EUR"),
                Account(code="1900", name="Bank USD", kind=AccountKind.ASSET, currency="USD"),
                Account(code="4000", name="Sales", kind=AccountKind.INCOME, currency="EUR"),
                Account(code="6000", name="Rent", kind=AccountKind.EXPENSE, currency="EUR"),
            ]
        )
        await session.commit()


@pytest.fixture
def events():
    original, app.state.events = app.state.events, RecordingEvents()
    yield app.state.events
    app.state.events = original


def mint(sub="ada", roles=("bookkeeper",), **claims):
    settings = get_settings()
    payload = {"sub": sub, "roles": list(roles), "aud": settings.TOKEN_AUDIENCE, **claims}
    return jwt.encode(payload, settings.SECRET_KEY, algorithm=settings.ALGORITHM)


@pytest.fixture
async def client(sessions, events):
    async def override():
        async with sessions() as session:
            yield session

    app.dependency_overrides[get_db] = override
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(
        transport=transport, base_url="http://ledger", headers={"Authorization": f"Bearer {mint()}"}
    ) as http:
        yield http
    app.dependency_overrides.clear()


@pytest.fixture
def logs():
    """Loguru records written during the test."""
    records = []
    sink = logger.add(lambda message: records.append(message.record), level=0)
    yield records
    logger.remove(sink)
