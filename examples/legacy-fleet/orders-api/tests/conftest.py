import os

os.environ["JWT_SECRET"] = "tests-only-tests-only-tests-only-tests-only"
os.environ["DATABASE_URL"] = "sqlite://"

from unittest.mock import MagicMock, patch  # noqa: E402

import pytest  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402
from sqlalchemy import create_engine  # noqa: E402
from sqlalchemy.orm import sessionmaker  # noqa: E402
from sqlalchemy.pool import StaticPool  # noqa: E402

from orders import service  # noqa: E402
from orders.database import Base, get_db  # noqa: E402
from orders.main import app  # noqa: E402
from orders.security import create_token  # noqa: E402


@pytest.fixture
def db():
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    Base.metadata.create_all(engine)
    session = sessionmaker(bind=engine, expire_on_commit=False)()
    yield session
    session.close()
    engine.dispose()


@pytest.fixture(autouse=True)
def channel():
    """A broker that takes everything; gives the channel that was published to."""
    from orders.events import publisher

    publisher._connection = publisher._channel = None
    with patch("orders.events.pika.BlockingConnection") as connect:
        connect.return_value = MagicMock(is_open=True)
        yield connect.return_value.channel.return_value
    publisher._connection = publisher._channel = None


@pytest.fixture
def client(db):
    app.dependency_overrides[get_db] = lambda: db
    yield TestClient(app, raise_server_exceptions=False)
    app.dependency_overrides.clear()


@pytest.fixture
def ada():
    return {"Authorization": "Bearer " + create_token("ada", "customer")}


@pytest.fixture
def staff():
    return {"Authorization": "Bearer " + create_token("sam", "staff")}


@pytest.fixture
def basket():
    return {
        "country": "GB",
        "lines": [
            {"sku": "TEA-ASSAM", "quantity": 2, "unit_cents": 650},
            {"sku": "TEA-SENCHA", "quantity": 1, "unit_cents": 900},
        ],
    }


@pytest.fixture
def user(db):
    return service.add_user(db, "ada", "earl-grey")
