"""The life of an order."""

import logging

from sqlalchemy import select

from orders import events, metrics, pricing
from orders.models import Order, OrderLine, User
from orders.security import hash_password, verify_password

logger = logging.getLogger(__name__)

NEXT = {"placed": "paid", "paid": "packed", "packed": "shipped", "shipped": "delivered"}
CANCELLABLE = ("placed", "paid")


class OrderError(Exception):
    """The order cannot do that now."""


class NotFound(Exception):
    pass


def place(db, customer, basket):
    prices = pricing.quote(basket)
    order = Order(customer=customer, country=basket.country, status="placed", **prices)
    order.lines = [OrderLine(**line.model_dump()) for line in basket.lines]
    db.add(order)
    db.commit()
    metrics.ORDERS_PLACED.labels(order.country).inc()
    metrics.ORDER_CENTS.inc(order.total_cents)
    logger.info(
        "order %s placed by %s", order.id, customer, extra={"order_id": order.id, "total_cents": order.total_cents}
    )
    events.order_changed(order)
    return order


def get(db, order_id, user):
    order = db.get(Order, order_id)
    if order is None or (user["role"] != "staff" and order.customer != user["name"]):
        raise NotFound(order_id)
    return order


def search(db, user, status=None, limit=50):
    query = select(Order).order_by(Order.id.desc()).limit(limit)
    if user["role"] != "staff":
        query = query.where(Order.customer == user["name"])
    if status:
        query = query.where(Order.status == status)
    return list(db.scalars(query))


def advance(db, order):
    if order.status not in NEXT:
        raise OrderError(f"an order that is {order.status} goes nowhere")
    before, order.status = order.status, NEXT[order.status]
    db.commit()
    logger.info(f"order {order.id}: {before} -> {order.status}")
    events.order_changed(order)
    return order


def cancel(db, order, user):
    if order.status not in CANCELLABLE:
        logger.error("order %s is %s and cannot be cancelled", order.id, order.status)
        raise OrderError(f"an order that is {order.status} cannot be cancelled")
    order.status = "cancelled"
    db.commit()
    metrics.ORDERS_CANCELLED.inc()
    logger.info("order {} cancelled by {}".format(order.id, user["name"]))
    events.order_changed(order)
    return order


def log_in(db, name, password):
    user = db.scalar(select(User).where(User.name == name))
    if user is None or not verify_password(password, user.password_hash):
        metrics.LOGINS.labels("refused").inc()
        logger.warning("login refused for %s", name)
        return None
    metrics.LOGINS.labels("accepted").inc()
    return user


def add_user(db, name, password, role="customer"):
    user = User(name=name, password_hash=hash_password(password), role=role)
    db.add(user)
    db.commit()
    logger.info("user %s added as %s", name, role)
    return user
