from datetime import timedelta
from unittest.mock import patch

import pytest
from jose import JWTError, jwt

from app.core import security
from app.core.config import get_settings
from app.db.models import Operator
from tests.conftest import mint

TOKEN_URL = "/api/v1/auth/token"


@pytest.fixture
async def grace(sessions):
    async with sessions() as session:
        session.add(
            Operator(
                username="grace", hashed_password=security.get_password_hash("cobol"), roles="reader,bookkeeper"
            )
        )
        await session.commit()


async def test_login_gives_a_token(client, grace):
    response = await client.post(TOKEN_URL, data={"username": "grace", "password": "cobol"})
    assert response.status_code == 200
    settings = get_settings()
    claims = jwt.decode(
        response.json()["access_token"], settings.SECRET_KEY, algorithms=["HS256"], audience=settings.TOKEN_AUDIENCE
    )
    assert claims["sub"] == "grace"
    assert claims["roles"] == ["reader", "bookkeeper"]
    assert claims["exp"] - claims["iat"] == 3600


async def test_wrong_password(client, grace, logs):
    response = await client.post(TOKEN_URL, data={"username": "grace", "password": "fortran"})
    assert response.status_code == 400
    record = next(r for r in logs if r["message"] == "Login failed")
    assert record["extra"]["username"] == "grace"
    assert record["level"].name == "WARNING"


async def test_no_token_is_401(client):
    del client.headers["Authorization"]
    assert (await client.get("/api/v1/accounts")).status_code == 401


async def test_expired_token(client):
    token = security.create_access_token("ada", [], timedelta(seconds=-1))
    response = await client.get("/api/v1/accounts", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_other_audience_is_refused():
    with pytest.raises(security.InvalidToken):
        security.decode_access_token(mint(aud="payroll"))


def test_decode_error_is_logged():
    with (
        patch("app.core.security.jwt.decode", side_effect=JWTError("broken")),
        patch("app.core.security.logger") as logger,
        pytest.raises(security.InvalidToken, match="broken"),
    ):
        security.decode_access_token("x")
    assert logger.warning.call_args.args[0] == "Rejected token: {}"
