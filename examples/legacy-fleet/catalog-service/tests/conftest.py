import pytest

from catalog import create_app
from catalog.extensions import db

KEY = {"X-Api-Key": "shop-key"}


@pytest.fixture
def app():
    app = create_app("catalog.config.Testing")
    with app.app_context():
        db.create_all()
    yield app
    with app.app_context():
        db.drop_all()
        db.engine.dispose()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def key():
    return dict(KEY)


@pytest.fixture
def books(client, key):
    for isbn, title, author, tags in [
        ("9780141439518", "Pride and Prejudice", "Austen, Jane", ["classic", "novel"]),
        ("9780141439600", "A Tale of Two Cities", "Dickens, Charles", ["classic", "history"]),
        ("9780486280615", "Adventures of Huckleberry Finn", "Twain, Mark", ["novel"]),
    ]:
        fields = {"title": title, "author": author, "tags": tags}
        assert client.put(f"/books/{isbn}", json=fields, headers=key).status_code == 201
    return client


@pytest.fixture
def copy(books, key):
    fields = {"condition": "good", "price_cents": 450}
    return books.post("/books/9780141439518/copies", json=fields, headers=key).json
