from datetime import timedelta
from unittest.mock import patch

import pytest
from prometheus_client import REGISTRY

from catalog import models


def test_condition_is_checked(books, key):
    answer = books.post(
        "/books/9780141439518/copies", json={"condition": "mint", "price_cents": 450}, headers=key
    )
    assert answer.json["error"] == "condition is one of new, fine, good, fair, poor"


@pytest.mark.parametrize("price", [99, "450", None])
def test_price_is_checked(books, key, price):
    fields = {"condition": "good", "price_cents": price}
    answer = books.post("/books/9780141439518/copies", json=fields, headers=key)
    assert (answer.status_code, answer.json["error"]) == (400, "the price is at least 100 cents")


def test_copy_of_nothing(client, key):
    assert client.post("/books/9780141439518/copies", json={}, headers=key).status_code == 404


def test_sell(books, copy, key):
    before = REGISTRY.get_sample_value("catalog_copies_sold_total", {"condition": "good"}) or 0
    assert books.post(f"/copies/{copy['id']}/sell", headers=key).json["state"] == "sold"
    assert REGISTRY.get_sample_value("catalog_copies_sold_total", {"condition": "good"}) == before + 1
    assert books.get("/books/9780141439518").json["available"] == 0


def test_sell_twice(books, copy, key):
    books.post(f"/copies/{copy['id']}/sell", headers=key)
    with patch("catalog.store.log.error") as error:
        answer = books.post(f"/copies/{copy['id']}/sell", headers=key)
    assert (answer.status_code, answer.json["error"]) == (409, "sold already")
    error.assert_called_once_with("copy %s was sold already", copy["id"])


def test_reserved_copies_wait(books, copy, key):
    where = f"/copies/{copy['id']}"
    assert books.post(where + "/reserve", json={"customer": "mary"}, headers=key).json["state"] == "reserved"
    assert books.post(where + "/reserve", json={"customer": "jane"}, headers=key).status_code == 409
    assert books.post(where + "/sell", json={"customer": "jane"}, headers=key).status_code == 409
    assert books.post(where + "/sell", json={"customer": "mary"}, headers=key).json["state"] == "sold"


def test_reservations_end(books, copy, key):
    books.post(f"/copies/{copy['id']}/reserve", json={"customer": "mary"}, headers=key)
    later = models.now() + timedelta(hours=49)
    with patch("catalog.models.now", return_value=later):
        assert books.get("/books/9780141439518").json["copies"][0]["state"] == "available"


def test_reserve_for_nobody(books, copy, key):
    assert books.post(f"/copies/{copy['id']}/reserve", json={}, headers=key).json["error"] == "for whom?"


def test_no_such_copy(client, key):
    assert client.post("/copies/7/sell", headers=key).status_code == 404
