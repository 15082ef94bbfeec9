"""Passwords and tokens."""

import hashlib
import hmac
import logging
import os
import secrets
from datetime import datetime, timedelta, timezone

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from orders.config import JWT_ISSUER, TOKEN_TTL_MINUTES

logger = logging.getLogger(__name__)

ALGORITHM = "HS256"
ROUNDS = 20_000
bearer = HTTPBearer(auto_error=False)


def _secret():
    # at call time: the key is rotated by restarting one worker after the other
    return os.environ["JWT_SECRET"]


def hash_password(password, salt=None):
    salt = salt or secrets.token_hex(8)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ROUNDS)
    return f"{salt}${digest.hex()}"


def verify_password(password, stored):
    salt, _, _ = stored.partition("$")
    return hmac.compare_digest(hash_password(password, salt), stored)


def create_token(name, role, ttl_minutes=None):
    now = datetime.now(timezone.utc)
    claims = {
        "sub": name,
        "role": role,
        "iss": JWT_ISSUER,
        "iat": now,
        "exp": now + timedelta(minutes=TOKEN_TTL_MINUTES if ttl_minutes is None else ttl_minutes),
    }
    return jwt.encode(claims, _secret(), algorithm=ALGORITHM)


def decode_token(token):
    return jwt.decode(token, _secret(), algorithms=[ALGORITHM], issuer=JWT_ISSUER, options={"require": ["sub", "exp"]})


def current_user(credentials: HTTPAuthorizationCredentials | None = Depends(bearer)):
    if credentials is None:
        raise HTTPException(401, "not logged in", headers={"WWW-Authenticate": "Bearer"})
    try:
        claims = decode_token(credentials.credentials)
    except jwt.ExpiredSignatureError:
        logger.info("expired token")
        raise HTTPException(401, "token expired")
    except jwt.PyJWTError as e:
        logger.warning("bad token: " + str(e))
        raise HTTPException(401, "bad token")
    return {"name": claims["sub"], "role": claims.get("role", "customer")}


def staff_only(user: dict = Depends(current_user)):
    if user["role"] != "staff":
        logger.warning(f"{user['name']} is not staff", extra={"user": user["name"]})
        raise HTTPException(403, "staff only")
    return user
