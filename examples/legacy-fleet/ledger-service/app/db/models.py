import enum
from datetime import date, datetime, timezone

from sqlalchemy import BigInteger, Date, DateTime, Enum, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class AccountKind(str, enum.Enum):
    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def debit_normal(self) -> bool:
        return self in (AccountKind.ASSET, AccountKind.EXPENSE)


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Account(Base):
    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True, index=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[AccountKind] = mapped_column(Enum(AccountKind, native_enum=False))
    currency: Mapped[str] = mapped_column(String(3))
    closed: Mapped[bool] = mapped_column(default=False)


class JournalEntry(Base):
    __tablename__ = "journal_entries"
    __table_args__ = (UniqueConstraint("idempotency_key"), UniqueConstraint("reverses_id"))

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    booked_on: Mapped[date] = mapped_column(Date, index=True)
    memo: Mapped[str] = mapped_column(String(240), default="")
    posted_by: Mapped[str] = mapped_column(String(80))
    posted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)
    idempotency_key: Mapped[str | None] = mapped_column(String(64), default=None)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("journal_entries.id"), default=None)
    lines: Mapped[list["JournalLine"]] = relationship(
        back_populates="entry", cascade="all, delete-orphan", lazy="selectin", order_by="JournalLine.id"
    )


class JournalLine(Base):
    """Amounts are minor units: positive is a debit, negative a credit."""

    __tablename__ = "journal_lines"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("journal_entries.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    entry: Mapped[JournalEntry] = relationship(back_populates="lines")
    account: Mapped[Account] = relationship(lazy="joined")


class Operator(Base):
    __tablename__ = "operators"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    hashed_password: Mapped[str] = mapped_column(String(200))
    roles: Mapped[str] = mapped_column(String(120), default="reader")
