from datetime import date
from time import perf_counter

from loguru import logger
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Account, JournalEntry, JournalLine
from app.schemas import Balance, TrialBalance


async def trial_balance(db: AsyncSession, as_of: date) -> TrialBalance:
    started = perf_counter()
    totals = (
        select(JournalLine.account_id, func.sum(JournalLine.amount).label("total"))
        .join(JournalEntry)
        .where(JournalEntry.booked_on <= as_of)
        .group_by(JournalLine.account_id)
        .subquery()
    )
    query = (
        select(Account, func.coalesce(totals.c.total, 0))
        .outerjoin(totals, totals.c.account_id == Account.id)
        .order_by(Account.code)
    )
    rows, debits, credits = [], 0, 0
    for account, total in (await db.execute(query)).all():
        if total > 0:
            debits += total
        else:
            credits -= total
        balance = total if account.kind.debit_normal else -total
        rows.append(
            Balance(code=account.code, name=account.name, kind=account.kind, currency=account.currency, balance=balance)
        )
    level = "DEBUG" if debits == credits else "CRITICAL"
    logger.log(level, "Trial balance as of {}: {} / {}", as_of, debits, credits)
    logger.debug("Trial balance computed", accounts=len(rows), seconds=round(perf_counter() - started, 4))
    return TrialBalance(as_of=as_of, rows=rows, debits=debits, credits=credits)
