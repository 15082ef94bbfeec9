from collections.abc import Sequence
from datetime import date

from loguru import logger
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import get_settings
from app.core.metrics import ENTRIES_POSTED, ENTRIES_REJECTED
from app.db.models import Account, JournalEntry, JournalLine
from app.schemas import EntryCreate

audit = logger.bind(audit=True)


class PostingError(Exception):
    reason = "invalid"


class Unbalanced(PostingError):
    reason = "unbalanced"


class UnknownAccount(PostingError):
    reason = "unknown_account"


class AccountClosed(PostingError):
    reason = "account_closed"


class AlreadyReversed(PostingError):
    reason = "already_reversed"


def _reject(error: PostingError) -> PostingError:
    ENTRIES_REJECTED.labels(reason=error.reason).inc()
    logger.warning("Entry rejected", reason=error.reason, detail=str(error))
    return error


async def _accounts_by_code(db: AsyncSession, codes: Sequence[str]) -> dict[str, Account]:
    rows = await db.scalars(select(Account).where(Account.code.in_(codes)))
    found = {account.code: account for account in rows}
    missing = sorted(set(codes) - set(found))
    if missing:
        raise _reject(UnknownAccount("no such account: " + ", ".join(missing)))
    return found


async def post_entry(db: AsyncSession, payload: EntryCreate, operator: str) -> tuple[JournalEntry, bool]:
    """Returns the entry and whether it was created by this call."""
    settings = get_settings()
    if payload.idempotency_key:
        existing = await db.scalar(select(JournalEntry).where(JournalEntry.idempotency_key == payload.idempotency_key))
        if existing is not None:
            logger.info("Entry {} already posted under key {!r}", existing.id, payload.idempotency_key)
            return existing, False

    if len(payload.lines) > settings.MAX_LINES_PER_ENTRY:
        raise _reject(PostingError(f"more than {settings.MAX_LINES_PER_ENTRY} lines"))
    accounts = await _accounts_by_code(db, [line.account for line in payload.lines])

    totals: dict[str, int] = {}
    for line in payload.lines:
        account = accounts[line.account]
        if account.closed:
            raise _reject(AccountClosed(f"account {account.code} is closed"))
        totals[account.currency] = totals.get(account.currency, 0) + line.amount
    off = {currency: total for currency, total in totals.items() if total}
    if off:
        raise _reject(Unbalanced("debits and credits differ: %s" % off))

    entry = JournalEntry(
        booked_on=payload.booked_on,
        memo=payload.memo,
        posted_by=operator,
        idempotency_key=payload.idempotency_key,
        lines=[JournalLine(account=accounts[line.account], amount=line.amount) for line in payload.lines],
    )
    db.add(entry)
    await db.commit()
    for currency in totals:
        ENTRIES_POSTED.labels(currency=currency).inc()
    audit.info("Entry posted", entry_id=entry.id, operator=operator, lines=len(entry.lines))
    return entry, True


async def reverse_entry(db: AsyncSession, entry: JournalEntry, booked_on: date, operator: str) -> JournalEntry:
    earlier = await db.scalar(select(JournalEntry.id).where(JournalEntry.reverses_id == entry.id))
    if earlier is not None:
        raise _reject(AlreadyReversed(f"entry {entry.id} was reversed by entry {earlier}"))
    reversal = JournalEntry(
        booked_on=booked_on,
        memo="Reversal of {}: {}".format(entry.id, entry.memo),
        posted_by=operator,
        reverses_id=entry.id,
        lines=[JournalLine(account=line.account, amount=-line.amount) for line in entry.lines],
    )
    db.add(reversal)
    await db.commit()
    audit.info("Entry reversed", entry_id=entry.id, reversal_id=reversal.id, operator=operator)
    return reversal
