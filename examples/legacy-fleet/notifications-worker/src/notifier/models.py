import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError


class BadEvent(Exception):
    pass


class Contact(BaseModel):
    email: str | None = None
    phone: str | None = None
    utc_offset: int = Field(default=0, ge=-12, le=14)
    muted: list[str] = []


class Notification(BaseModel):
    id: str
    kind: str
    user_id: str
    contact: Contact
    channels: list[str] = Field(default=["email"], min_length=1)
    context: dict[str, Any] = {}
    urgent: bool = False
    created_at: datetime


def parse(raw: bytes) -> Notification:
    try:
        return Notification.model_validate(json.loads(raw))
    except (ValueError, ValidationError) as e:
        raise BadEvent(str(e).splitlines()[0]) from e
