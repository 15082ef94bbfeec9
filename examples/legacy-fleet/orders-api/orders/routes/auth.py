from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy.orm import Session

from orders import service
from orders.database import get_db
from orders.schemas import Credentials, Token
from orders.security import create_token, current_user

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/token", response_model=Token)
def token(credentials: Credentials, db: Session = Depends(get_db)):
    user = service.log_in(db, credentials.name, credentials.password)
    if user is None:
        raise HTTPException(401, "wrong name or password")
    return Token(access_token=create_token(user.name, user.role))


@router.get("/me")
def me(user: dict = Depends(current_user)):
    return user
