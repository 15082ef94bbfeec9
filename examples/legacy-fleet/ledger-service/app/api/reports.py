from datetime import date

from fastapi import APIRouter

from app.api.deps import DB, Operator
from app.schemas import TrialBalance
from app.services import reports

router = APIRouter()


@router.get("/trial-balance", response_model=TrialBalance)
async def trial_balance(db: DB, _: Operator, as_of: date | None = None):
    return await reports.trial_balance(db, as_of or date.today())
