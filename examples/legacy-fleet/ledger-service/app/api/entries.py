from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from loguru import logger

from app.api.deps import DB, Bookkeeper, Operator, get_events
from app.db.models import JournalEntry
from app.schemas import EntryCreate, EntryRead, LineRead
from app.services import posting

router = APIRouter()
Events = Annotated[object, Depends(get_events)]


def _read(entry: JournalEntry) -> EntryRead:
    return EntryRead(
        id=entry.id,
        booked_on=entry.booked_on,
        memo=entry.memo,
        posted_by=entry.posted_by,
        posted_at=entry.posted_at,
        reverses_id=entry.reverses_id,
        lines=[
            LineRead(account=line.account.code, debit=max(line.amount, 0), credit=max(-line.amount, 0))
            for line in entry.lines
        ],
    )


@router.post("", response_model=EntryRead, status_code=201)
async def post_entry(payload: EntryCreate, response: Response, db: DB, operator: Bookkeeper, events: Events):
    try:
        entry, created = await posting.post_entry(db, payload, operator)
    except posting.PostingError as exc:
        raise HTTPException(status_code=422, detail={"reason": exc.reason, "message": str(exc)})
    if created:
        await events.publish("entry.posted", {"entry_id": entry.id, "booked_on": entry.booked_on})
    else:
        response.status_code = 200
    return _read(entry)


@router.get("/{entry_id}", response_model=EntryRead)
async def read_entry(entry_id: int, db: DB, _: Operator):
    entry = await db.get(JournalEntry, entry_id)
    if entry is None:
        raise HTTPException(status_code=404, detail=f"No entry {entry_id}")
    return _read(entry)


@router.post("/{entry_id}/reversal", response_model=EntryRead, status_code=201)
async def reverse(entry_id: int, db: DB, operator: Bookkeeper, events: Events, booked_on: date | None = None):
    entry = await db.get(JournalEntry, entry_id)
    if entry is None:
        raise HTTPException(status_code=404, detail=f"No entry {entry_id}")
    try:
        reversal = await posting.reverse_entry(db, entry, booked_on or entry.booked_on, operator)
    except posting.PostingError as exc:
        logger.error(exc)
        raise HTTPException(status_code=409, detail={"reason": exc.reason, "message": str(exc)})
    await events.publish("entry.reversed", {"entry_id": entry.id, "reversal_id": reversal.id})
    return _read(reversal)
