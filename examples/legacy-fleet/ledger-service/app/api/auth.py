from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import OAuth2PasswordRequestForm
from loguru import logger
from sqlalchemy import select

from app.api.deps import DB
from app.core import security
from app.db.models import Operator
from app.schemas import Token

router = APIRouter()


@router.post("/token", response_model=Token)
async def login(form: Annotated[OAuth2PasswordRequestForm, Depends()], db: DB):
    operator = await db.scalar(select(Operator).where(Operator.username == form.username))
    if operator is None or not security.verify_password(form.password, operator.hashed_password):
        logger.warning("Login failed", event="login", status="failed", username=form.username)
        raise HTTPException(status_code=400, detail="Incorrect username or password")
    logger.success("Login of {}", operator.username)
    return Token(access_token=security.create_access_token(operator.username, operator.roles.split(",")))
