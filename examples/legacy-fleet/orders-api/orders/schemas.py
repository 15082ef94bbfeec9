from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class LineIn(BaseModel):
    sku: str = Field(min_length=3, max_length=30)
    quantity: int = Field(ge=1, le=500)
    unit_cents: int = Field(ge=1)


class BasketIn(BaseModel):
    country: str = Field(pattern="^[A-Z]{2}$")
    lines: list[LineIn] = Field(min_length=1)


class Quote(BaseModel):
    goods_cents: int
    discount_cents: int
    shipping_cents: int
    vat_cents: int
    total_cents: int


class LineOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    sku: str
    quantity: int
    unit_cents: int


class OrderOut(Quote):
    model_config = ConfigDict(from_attributes=True)

    id: int
    customer: str
    country: str
    status: str
    created_at: datetime
    lines: list[LineOut]


class Credentials(BaseModel):
    name: str
    password: str


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"
