import os
from unittest.mock import patch

import jwt
import pytest

from orders import security

SECRET = "tests-only-tests-only-tests-only-tests-only"


def test_password_round_trip():
    stored = security.hash_password("earl-grey")
    assert security.verify_password("earl-grey", stored)
    assert not security.verify_password("lady-grey", stored)


def test_token_claims():
    claims = jwt.decode(security.create_token("ada", "staff"), SECRET, algorithms=["HS256"], issuer="tea-shop")
    assert claims["sub"] == "ada"
    assert claims["role"] == "staff"
    assert claims["exp"] - claims["iat"] == 3600


def test_secret_is_read_at_call_time(monkeypatch):
    monkeypatch.setenv("JWT_SECRET", "another-secret-another-secret-another-secret")
    token = security.create_token("ada", "customer")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, SECRET, algorithms=["HS256"], issuer="tea-shop")


def test_secret_is_required():
    with patch("os.environ", {"HOME": "/nowhere"}):
        with pytest.raises(KeyError):
            security.create_token("ada", "customer")


def test_login(client, user):
    answer = client.post("/auth/token", json={"name": "ada", "password": "earl-grey"})
    token = answer.json()["access_token"]
    assert client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).json() == {
        "name": "ada",
        "role": "customer",
    }


def test_wrong_password(client, user, caplog):
    assert client.post("/auth/token", json={"name": "ada", "password": "x"}).status_code == 401
    assert ("orders.service", 30, "login refused for ada") in caplog.record_tuples


def test_expired_token(client):
    token = security.create_token("ada", "customer", ttl_minutes=-1)
    answer = client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["detail"]) == (401, "token expired")


def test_forged_token(client):
    with patch("orders.security.logger.warning") as warning:
        answer = client.get("/auth/me", headers={"Authorization": "Bearer not.a.token"})
    assert answer.json() == {"detail": "bad token"}
    warning.assert_called_once()


def test_decode_goes_through_the_library(client):
    with patch("orders.security.jwt.decode", return_value={"sub": "eve"}):
        answer = client.get("/auth/me", headers={"Authorization": "Bearer anything"})
    assert answer.json() == {"name": "eve", "role": "customer"}


def test_tokens_follow_the_environment():
    with patch.dict(os.environ, {"JWT_SECRET": "a" * 40}):
        token = security.create_token("ada", "customer")
        assert security.decode_token(token)["sub"] == "ada"
