"""What can be done with books and copies."""

import csv
import io
import logging

from flask import current_app
from prometheus_client import Counter
from sqlalchemy import func, or_, select

from catalog import isbn as isbns
from catalog.extensions import db
from catalog.lookup import lookup
from catalog.models import Book, Copy, Tag, book_tags, now

log = logging.getLogger(__name__)

SOLD = Counter("catalog_copies_sold_total", "Copies sold", ["condition"])
IMPORTED = Counter("catalog_books_imported_total", "Lines of imports", ["outcome"])


class Conflict(Exception):
    pass


class Invalid(ValueError):
    pass


def search(q=None, tag=None, page=1):
    query = select(Book).order_by(Book.author, Book.title)
    if q:
        query = query.where(or_(Book.title.icontains(q), Book.author.icontains(q)))
    if tag:
        query = query.join(book_tags).where(book_tags.c.tag == tag)
    return db.paginate(query, page=page, per_page=current_app.config["PAGE_SIZE"], error_out=False)


def save_book(isbn, title=None, author=None, year=None, tags=()):
    book = db.session.get(Book, isbn)
    created = book is None
    if created:
        known = {} if title and author else lookup(isbn)
        book = Book(isbn=isbn, title=title or known.get("title"), author=author or known.get("author"))
        book.year = year or known.get("year")
        if not book.title or not book.author:
            raise Invalid("a book needs a title and an author")
        db.session.add(book)
    else:
        book.title = title or book.title
        book.author = author or book.author
        book.year = year or book.year
    book.tags = [db.session.get(Tag, name) or Tag(name=name) for name in sorted({t.strip().lower() for t in tags})]
    db.session.commit()
    log.info("%s %s", "added" if created else "changed", isbn, extra={"isbn": isbn})
    return book, created


def add_copy(book, condition, price_cents):
    if condition not in current_app.config["CONDITIONS"]:
        raise Invalid("condition is one of " + ", ".join(current_app.config["CONDITIONS"]))
    lowest = current_app.config["MIN_PRICE_CENTS"]
    if not isinstance(price_cents, int) or price_cents < lowest:
        raise Invalid(f"the price is at least {lowest} cents")
    copy = Copy(book=book, condition=condition, price_cents=price_cents)
    db.session.add(copy)
    db.session.commit()
    log.debug("copy {} of {} on the shelf".format(copy.id, book.isbn))
    return copy


def sell(copy, customer=None):
    if copy.sold_at is not None:
        log.error("copy %s was sold already", copy.id)
        raise Conflict("sold already")
    if copy.is_reserved and copy.reserved_for != customer:
        raise Conflict("reserved for somebody else")
    copy.sold_at = now()
    db.session.commit()
    SOLD.labels(copy.condition).inc()
    log.info("sold copy %d of %r for %d cents", copy.id, copy.book.title, copy.price_cents)
    return copy


def reserve(copy, customer):
    if not copy.is_available:
        raise Conflict("not available")
    copy.reserve(customer, current_app.config["RESERVATION_HOURS"])
    db.session.commit()
    log.info("copy %s kept for %s until %s", copy.id, customer, copy.reserved_until)
    return copy


def tag_counts():
    query = select(book_tags.c.tag, func.count()).group_by(book_tags.c.tag).order_by(book_tags.c.tag)
    return {tag: count for tag, count in db.session.execute(query)}


def import_csv(text):
    """Lines of isbn,title,author,year,tags (tags with semicolons). Bad lines are left out and told."""
    done, failed = 0, []
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        try:
            save_book(
                isbns.normalise(row["isbn"]),
                row.get("title"),
                row.get("author"),
                int(row["year"]) if row.get("year") else None,
                [t for t in (row.get("tags") or "").split(";") if t.strip()],
            )
        except (ValueError, KeyError) as e:
            IMPORTED.labels("failed").inc()
            log.warning("line %d left out: %s", number, e)
            failed.append({"line": number, "reason": str(e)})
        else:
            IMPORTED.labels("done").inc()
            done += 1
    log.info("import: %d books, %d lines left out", done, len(failed))
    return done, failed
