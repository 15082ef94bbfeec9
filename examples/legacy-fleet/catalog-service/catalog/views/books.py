from flask import Blueprint, abort, current_app, jsonify, request

from catalog import isbn as isbns
from catalog import store
from catalog.auth import api_key_required
from catalog.extensions import db
from catalog.models import Book

bp = Blueprint("books", __name__)


def find(isbn):
    try:
        isbn = isbns.normalise(isbn)
    except ValueError as e:
        abort(400, str(e))
    return isbn, db.session.get(Book, isbn)


@bp.get("/books")
def index():
    page = request.args.get("page", 1, type=int)
    found = store.search(request.args.get("q"), request.args.get("tag"), page)
    current_app.logger.debug("search %s found %s", request.query_string.decode(), found.total)
    return jsonify(books=[book.to_dict() for book in found.items], total=found.total, pages=found.pages)


@bp.get("/books/<isbn>")
def show(isbn):
    _, book = find(isbn)
    if book is None:
        abort(404, "no such book")
    return jsonify(book.to_dict(copies=True))


@bp.put("/books/<isbn>")
@api_key_required
def save(isbn):
    isbn, _ = find(isbn)
    fields = request.get_json()
    try:
        book, created = store.save_book(
            isbn, fields.get("title"), fields.get("author"), fields.get("year"), fields.get("tags", ())
        )
    except store.Invalid as e:
        current_app.logger.warning("book not saved: %s", e)
        abort(400, str(e))
    return jsonify(book.to_dict()), 201 if created else 200


@bp.delete("/books/<isbn>")
@api_key_required
def delete(isbn):
    isbn, book = find(isbn)
    if book is None:
        abort(404, "no such book")
    db.session.delete(book)
    db.session.commit()
    current_app.logger.info(f"book {isbn} taken out")
    return "", 204


@bp.post("/books/<isbn>/copies")
@api_key_required
def add_copy(isbn):
    isbn, book = find(isbn)
    if book is None:
        abort(404, "no such book")
    fields = request.get_json()
    try:
        copy = store.add_copy(book, fields.get("condition"), fields.get("price_cents"))
    except store.Invalid as e:
        abort(400, str(e))
    return jsonify(copy.to_dict()), 201


@bp.get("/tags")
def tags():
    return jsonify(store.tag_counts())


@bp.post("/import")
@api_key_required
def import_books():
    done, failed = store.import_csv(request.get_data(as_text=True))
    if failed:
        current_app.logger.error("import with %d bad lines", len(failed), extra={"failed": len(failed)})
    return jsonify(imported=done, failed=failed)
