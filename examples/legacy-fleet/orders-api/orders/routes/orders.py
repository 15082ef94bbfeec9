import logging

from fastapi import APIRouter, Depends, HTTPException, Query
from sqlalchemy.orm import Session

from orders import config, pricing, service
from orders.database import get_db
from orders.schemas import BasketIn, OrderOut, Quote
from orders.security import current_user, staff_only

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/orders", tags=["orders"])


def find(order_id: int, user: dict = Depends(current_user), db: Session = Depends(get_db)):
    try:
        return service.get(db, order_id, user)
    except service.NotFound:
        raise HTTPException(404, "no such order")


@router.post("/quote", response_model=Quote)
def quote(basket: BasketIn):
    try:
        return pricing.quote(basket)
    except pricing.PricingError as e:
        raise HTTPException(422, str(e))


@router.post("", response_model=OrderOut, status_code=201)
def place(basket: BasketIn, user: dict = Depends(current_user), db: Session = Depends(get_db)):
    try:
        return service.place(db, user["name"], basket)
    except pricing.PricingError as e:
        logger.error(e)
        raise HTTPException(422, str(e))


@router.get("", response_model=list[OrderOut])
def search(
    status: str | None = None,
    limit: int = Query(50, ge=1, le=200),
    user: dict = Depends(current_user),
    db: Session = Depends(get_db),
):
    return service.search(db, user, status, limit)


@router.get("/{order_id}", response_model=OrderOut)
def read(order=Depends(find)):
    return order


@router.post("/{order_id}/cancel", response_model=OrderOut)
def cancel(order=Depends(find), user: dict = Depends(current_user), db: Session = Depends(get_db)):
    try:
        return service.cancel(db, order, user)
    except service.OrderError as e:
        raise HTTPException(409, str(e))


@router.post("/{order_id}/advance", response_model=OrderOut, dependencies=[Depends(staff_only)])
def advance(order=Depends(find), db: Session = Depends(get_db)):
    try:
        return service.advance(db, order)
    except service.OrderError as e:
        logger.warning("cannot advance: %s", e, exc_info=config.DEBUG)
        raise HTTPException(409, str(e))
