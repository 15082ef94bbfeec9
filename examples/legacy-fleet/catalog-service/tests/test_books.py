import logging
from unittest.mock import MagicMock, patch

import pytest
import requests

from catalog import isbn


@pytest.mark.parametrize(
    "text, expected",
    [("978-0-14-143951-8", "9780141439518"), ("0141439513", "9780141439518"), ("080442957X", "9780804429573")],
)
def test_isbn(text, expected):
    assert isbn.normalise(text) == expected


@pytest.mark.parametrize("text", ["9780141439519", "0141439514", "12345", "abcdefghij"])
def test_bad_isbn(text):
    with pytest.raises(ValueError):
        isbn.normalise(text)


def test_list(books):
    assert [b["author"] for b in books.get("/books").json["books"]] == [
        "Austen, Jane",
        "Dickens, Charles",
        "Twain, Mark",
    ]


def test_search_by_words_and_tag(books):
    assert [b["isbn"] for b in books.get("/books?q=two cit").json["books"]] == ["9780141439600"]
    assert books.get("/books?tag=novel").json["total"] == 2


def test_pages(books, key):
    books.application.config["PAGE_SIZE"] = 2
    answer = books.get("/books?page=2").json
    assert (answer["pages"], len(answer["books"])) == (2, 1)


def test_show(books, copy):
    book = books.get("/books/0141439513").json
    assert book["available"] == 1
    assert book["copies"][0] == {"id": copy["id"], "condition": "good", "price_cents": 450, "state": "available"}


def test_unknown_book(client):
    answer = client.get("/books/9780141439518")
    assert (answer.status_code, answer.json["error"]) == (404, "no such book")


def test_not_an_isbn(client):
    assert client.get("/books/42").status_code == 400


def test_change_a_title(books, key, caplog):
    caplog.set_level(logging.INFO, logger="catalog.store")
    answer = books.put("/books/9780141439518", json={"title": "P & P", "tags": ["Classic "]}, headers=key)
    assert answer.status_code == 200
    assert (answer.json["title"], answer.json["tags"]) == ("P & P", ["classic"])
    record = caplog.records[0]
    assert (record.name, record.getMessage(), record.isbn) == (
        "catalog.store",
        "changed 9780141439518",
        "9780141439518",
    )


def test_delete(books, key):
    assert books.delete("/books/9780141439518", headers=key).status_code == 204
    assert books.get("/books/9780141439518").status_code == 404


def test_tags(books):
    assert books.get("/tags").json == {"classic": 2, "history": 1, "novel": 2}


def test_incomplete_book(client, key):
    answer = client.put("/books/9780141439518", json={"title": "P & P"}, headers=key)
    assert answer.json["error"] == "a book needs a title and an author"


def test_looked_up(app, client, key, monkeypatch):
    monkeypatch.setenv("LOOKUP_TOKEN", "t0ken")
    app.config["LOOKUP_URL"] = "http://bibliography"
    answer = MagicMock()
    answer.json.return_value = {"title": "Emma", "author": "Austen, Jane", "year": 1815, "pages": 474}
    with patch("catalog.lookup.requests.get", return_value=answer) as get:
        book = client.put("/books/9780141439587", json={}, headers=key).json
    assert (book["title"], book["year"]) == ("Emma", 1815)
    assert get.call_args.kwargs["headers"]["Authorization"] == "Bearer t0ken"


def test_bibliography_is_slow(app, client, key):
    app.config["LOOKUP_URL"] = "http://bibliography"
    with patch("catalog.lookup.requests.get", side_effect=requests.Timeout), patch("catalog.lookup.log") as log:
        assert client.put("/books/9780141439587", json={}, headers=key).status_code == 400
    log.warning.assert_called_once_with("bibliography did not answer within %.1f s", 2.0)


def test_bibliography_is_down(app, client, key, caplog):
    app.config["LOOKUP_URL"] = "http://bibliography"
    with patch("catalog.lookup.requests.get", side_effect=requests.ConnectionError("no route")):
        client.put("/books/9780141439587", json={}, headers=key)
    assert ("catalog.lookup", logging.ERROR, "bibliography failed for 9780141439587: no route") in caplog.record_tuples


def test_import(client, key, caplog):
    caplog.set_level(logging.INFO, logger="catalog.store")
    text = "isbn,title,author,year,tags\n0141439513,P & P,Austen,1813,novel;classic\n123,Bad,Nobody,,\n"
    answer = client.post("/import", data=text, headers=key).json
    assert answer == {"imported": 1, "failed": [{"line": 3, "reason": "123: not an ISBN"}]}
    assert [m for m in caplog.messages if m.startswith(("import:", "line"))] == [
        "line 3 left out: 123: not an ISBN",
        "import: 1 books, 1 lines left out",
    ]
