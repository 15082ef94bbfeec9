import json
import logging
from unittest.mock import patch

import pytest
from pika.exceptions import AMQPConnectionError
from prometheus_client import REGISTRY

from orders import pricing
from orders.schemas import BasketIn


def test_quote(client, basket):
    answer = client.post("/orders/quote", json=basket)
    assert answer.status_code == 200
    assert answer.json() == {
        "goods_cents": 2200,
        "discount_cents": 0,
        "shipping_cents": 395,
        "vat_cents": 519,
        "total_cents": 3114,
    }


@pytest.mark.parametrize("quantity, discount", [(9, 0), (10, 500), (20, 2000), (50, 7500)])
def test_volume_discount(quantity, discount):
    assert pricing.line_discount(quantity, 1000) == discount


def test_large_orders_travel_free(basket):
    basket["lines"][0]["quantity"] = 8
    assert pricing.quote(BasketIn(**basket))["shipping_cents"] == 0


def test_free_shipping_limit_is_configured(basket):
    with patch("orders.pricing.config.FREE_SHIPPING_FROM", 100):
        assert pricing.quote(BasketIn(**basket))["shipping_cents"] == 0


def test_unknown_country(client, basket, caplog):
    answer = client.post("/orders/quote", json={**basket, "country": "AQ"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "we do not ship to AQ"
    record = next(r for r in caplog.records if r.name == "orders.pricing")
    assert record.country == "AQ"
    assert record.getMessage() == "no shipping price for AQ"


def test_refused_order_is_logged(client, ada, basket):
    with patch("orders.routes.orders.logger.error") as error:
        assert client.post("/orders", json={**basket, "country": "AQ"}, headers=ada).status_code == 422
    assert str(error.call_args.args[0]) == "we do not ship to AQ"


def test_too_many_lines(client, basket, monkeypatch):
    monkeypatch.setattr("orders.config.MAX_LINES", 1)
    assert client.post("/orders/quote", json=basket).json()["detail"] == "an order has at most 1 lines"


def test_place_and_read(client, ada, basket):
    placed = client.post("/orders", json=basket, headers=ada)
    assert placed.status_code == 201
    order = client.get(f"/orders/{placed.json()['id']}", headers=ada).json()
    assert order["status"] == "placed"
    assert order["customer"] == "ada"
    assert [line["sku"] for line in order["lines"]] == ["TEA-ASSAM", "TEA-SENCHA"]


def test_place_logs_the_order(client, ada, basket, caplog):
    caplog.set_level(logging.INFO, logger="orders.service")
    order = client.post("/orders", json=basket, headers=ada).json()
    record = next(r for r in caplog.records if r.name == "orders.service")
    assert record.getMessage() == f"order {order['id']} placed by ada"
    assert record.total_cents == 3114


def test_place_counts(client, ada, basket):
    before = REGISTRY.get_sample_value("orders_placed_total", {"country": "DE"}) or 0
    client.post("/orders", json={**basket, "country": "DE"}, headers=ada)
    assert REGISTRY.get_sample_value("orders_placed_total", {"country": "DE"}) == before + 1


def test_orders_need_a_token(client, basket):
    answer = client.post("/orders", json=basket)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_others_do_not_see_the_order(client, ada, basket, db):
    from orders.security import create_token

    order = client.post("/orders", json=basket, headers=ada).json()
    grace = {"Authorization": "Bearer " + create_token("grace", "customer")}
    assert client.get(f"/orders/{order['id']}", headers=grace).status_code == 404
    assert client.get("/orders", headers=grace).json() == []


def test_staff_follow_an_order_to_the_door(client, ada, staff, basket):
    order = client.post("/orders", json=basket, headers=ada).json()
    seen = [client.post(f"/orders/{order['id']}/advance", headers=staff).json()["status"] for _ in range(4)]
    assert seen == ["paid", "packed", "shipped", "delivered"]
    assert client.post(f"/orders/{order['id']}/advance", headers=staff).status_code == 409


def test_customers_do_not_advance(client, ada, basket):
    order = client.post("/orders", json=basket, headers=ada).json()
    assert client.post(f"/orders/{order['id']}/advance", headers=ada).status_code == 403


def test_filter_by_status(client, ada, staff, basket):
    first = client.post("/orders", json=basket, headers=ada).json()
    client.post("/orders", json=basket, headers=ada)
    client.post(f"/orders/{first['id']}/advance", headers=staff)
    assert [o["id"] for o in client.get("/orders?status=paid", headers=ada).json()] == [first["id"]]


def test_cancel(client, ada, basket):
    order = client.post("/orders", json=basket, headers=ada).json()
    assert client.post(f"/orders/{order['id']}/cancel", headers=ada).json()["status"] == "cancelled"


def test_cancel_too_late(client, ada, staff, basket):
    order = client.post("/orders", json=basket, headers=ada).json()
    for _ in range(2):
        client.post(f"/orders/{order['id']}/advance", headers=staff)
    with patch("orders.service.logger.error") as error:
        answer = client.post(f"/orders/{order['id']}/cancel", headers=ada)
    assert answer.status_code == 409
    error.assert_called_once_with("order %s is %s and cannot be cancelled", order["id"], "packed")


def test_event_is_published(client, ada, basket, channel):
    client.post("/orders", json=basket, headers={**ada, "X-Request-ID": "abc"})
    exchange, key, message, properties = channel.basic_publish.call_args.args
    assert (exchange, key) == ("orders", "order.placed")
    assert json.loads(message)["total_cents"] == 3114
    assert properties.correlation_id == "abc"


def test_order_stands_when_the_broker_is_away(client, ada, basket, channel, caplog):
    channel.basic_publish.side_effect = AMQPConnectionError("gone")
    assert client.post("/orders", json=basket, headers=ada).status_code == 201
    assert channel.basic_publish.call_count == 2
    lost = [r for r in caplog.records if r.levelname == "ERROR"]
    assert [(r.name, r.msg, r.routing_key) for r in lost] == [("orders.events", "event lost", "order.placed")]


def test_events_can_be_off(client, ada, basket, channel, monkeypatch):
    monkeypatch.setattr("orders.config.EVENTS_ENABLED", False)
    client.post("/orders", json=basket, headers=ada)
    channel.basic_publish.assert_not_called()
