from fastapi import APIRouter, HTTPException
from loguru import logger
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.api.deps import DB, AppSettings, Bookkeeper, Operator
from app.db.models import Account, JournalLine
from app.schemas import AccountCreate, AccountRead

router = APIRouter()


@router.get("", response_model=list[AccountRead])
async def list_accounts(db: DB, _: Operator, include_closed: bool = False):
    query = select(Account).order_by(Account.code)
    if not include_closed:
        query = query.where(Account.closed.is_(False))
    return list(await db.scalars(query))


@router.post("", response_model=AccountRead, status_code=201)
async def open_account(payload: AccountCreate, db: DB, operator: Bookkeeper, settings: AppSettings):
    account = Account(
        code=payload.code, name=payload.name, kind=payload.kind, currency=payload.currency or settings.BASE_CURRENCY
    )
    db.add(account)
    try:
        await db.commit()
    except IntegrityError:
        await db.rollback()
        raise HTTPException(status_code=409, detail=f"Account {payload.code} exists")
    logger.info("Account opened", code=account.code, kind=account.kind.value, operator=operator)
    return account


@router.delete("/{code}", status_code=204)
async def close_account(code: str, db: DB, operator: Bookkeeper) -> None:
    account = await db.scalar(select(Account).where(Account.code == code))
    if account is None:
        raise HTTPException(status_code=404, detail=f"No account {code}")
    balance = await db.scalar(select(func.sum(JournalLine.amount)).where(JournalLine.account_id == account.id))
    if balance:
        raise HTTPException(status_code=409, detail=f"Account {code} has a balance of {balance}")
    account.closed = True
    await db.commit()
    logger.info("Account {} closed by {}", code, operator)
