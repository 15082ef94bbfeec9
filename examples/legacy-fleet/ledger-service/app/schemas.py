from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.db.models import AccountKind


class AccountCreate(BaseModel):
    code: str = Field(pattern=r"^\d{3,8}$")
    name: str = Field(min_length=1, max_length=120)
    kind: AccountKind
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")


class AccountRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    kind: AccountKind
    currency: str
    closed: bool


class LineIn(BaseModel):
    account: str
    debit: int = Field(default=0, ge=0)
    credit: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_side(self) -> "LineIn":
        if bool(self.debit) == bool(self.credit):
            raise ValueError("a line is either a debit or a credit")
        return self

    @property
    def amount(self) -> int:
        return self.debit - self.credit


class EntryCreate(BaseModel):
    booked_on: date
    memo: str = ""
    lines: list[LineIn] = Field(min_length=2)
    idempotency_key: str | None = Field(default=None, max_length=64)


class LineRead(BaseModel):
    account: str
    debit: int
    credit: int


class EntryRead(BaseModel):
    id: int
    booked_on: date
    memo: str
    posted_by: str
    posted_at: datetime
    reverses_id: int | None
    lines: list[LineRead]


class Balance(BaseModel):
    code: str
    name: str
    kind: AccountKind
    currency: str
    balance: int


class TrialBalance(BaseModel):
    as_of: date
    rows: list[Balance]
    debits: int
    credits: int


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"
