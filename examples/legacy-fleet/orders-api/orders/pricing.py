"""What a basket costs."""

import logging

from orders import config

logger = logging.getLogger(__name__)

# (pieces of one tea, per cent off its line)
VOLUME_DISCOUNTS = ((50, 15), (20, 10), (10, 5))


class PricingError(ValueError):
    pass


def line_discount(quantity, unit_cents):
    for pieces, percent in VOLUME_DISCOUNTS:
        if quantity >= pieces:
            return quantity * unit_cents * percent // 100
    return 0


def shipping(country, amount):
    if country not in config.SHIPPING_CENTS:
        logger.warning("no shipping price for %s", country, extra={"country": country})
        raise PricingError(f"we do not ship to {country}")
    if amount >= config.FREE_SHIPPING_FROM:
        logger.debug("free shipping for {} cents".format(amount))
        return 0
    return config.SHIPPING_CENTS[country]


def quote(basket):
    if len(basket.lines) > config.MAX_LINES:
        raise PricingError(f"an order has at most {config.MAX_LINES} lines")
    goods = sum(line.quantity * line.unit_cents for line in basket.lines)
    discount = sum(line_discount(line.quantity, line.unit_cents) for line in basket.lines)
    parcel = shipping(basket.country, goods - discount)
    net = goods - discount + parcel
    vat = round(net * config.VAT_RATE)
    logger.debug("quoted %d lines at %d cents", len(basket.lines), net + vat)
    return {
        "goods_cents": goods,
        "discount_cents": discount,
        "shipping_cents": parcel,
        "vat_cents": vat,
        "total_cents": net + vat,
    }
