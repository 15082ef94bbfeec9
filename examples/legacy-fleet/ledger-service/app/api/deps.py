from typing import Annotated

from fastapi import Depends, HTTPException, Request, status
from fastapi.security import OAuth2PasswordBearer
from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings, get_settings
from app.core.security import InvalidToken, decode_access_token
from app.db.session import get_db

oauth2_scheme = OAuth2PasswordBearer(tokenUrl=f"{get_settings().API_PREFIX}/auth/token")

DB = Annotated[AsyncSession, Depends(get_db)]
AppSettings = Annotated[Settings, Depends(get_settings)]


def get_current_operator(token: Annotated[str, Depends(oauth2_scheme)]) -> dict:
    try:
        return decode_access_token(token)
    except InvalidToken:
        raise HTTPException(
            status_code=status.HTTP_401_UNAUTHORIZED,
            detail="Could not validate credentials",
            headers={"WWW-Authenticate": "Bearer"},
        )


Operator = Annotated[dict, Depends(get_current_operator)]


def require_bookkeeper(operator: Operator) -> str:
    if "bookkeeper" not in operator.get("roles", []):
        logger.info("Operator {sub} lacks the bookkeeper role", sub=operator["sub"])
        raise HTTPException(status_code=403, detail="Bookkeeper role required")
    return operator["sub"]


Bookkeeper = Annotated[str, Depends(require_bookkeeper)]


def get_events(request: Request):
    return request.app.state.events
