from datetime import datetime, timedelta, timezone

from catalog.extensions import db


def now():
    # SQLite gives times back without a zone
    return datetime.now(timezone.utc).replace(tzinfo=None)


book_tags = db.Table(
    "book_tags",
    db.Column("isbn", db.ForeignKey("book.isbn"), primary_key=True),
    db.Column("tag", db.ForeignKey("tag.name"), primary_key=True),
)


class Tag(db.Model):
    name = db.Column(db.String(40), primary_key=True)


class Book(db.Model):
    isbn = db.Column(db.String(13), primary_key=True)
    title = db.Column(db.String(200), nullable=False, index=True)
    author = db.Column(db.String(120), nullable=False, index=True)
    year = db.Column(db.Integer)
    tags = db.relationship(Tag, secondary=book_tags, order_by=Tag.name, backref="books")
    copies = db.relationship("Copy", backref="book", cascade="all, delete-orphan", order_by="Copy.price_cents")

    def to_dict(self, copies=False):
        out = {
            "isbn": self.isbn,
            "title": self.title,
            "author": self.author,
            "year": self.year,
            "tags": [tag.name for tag in self.tags],
            "available": sum(copy.is_available for copy in self.copies),
        }
        if copies:
            out["copies"] = [copy.to_dict() for copy in self.copies]
        return out


class Copy(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    isbn = db.Column(db.ForeignKey("book.isbn"), nullable=False, index=True)
    condition = db.Column(db.String(10), nullable=False)
    price_cents = db.Column(db.Integer, nullable=False)
    sold_at = db.Column(db.DateTime)
    reserved_for = db.Column(db.String(80))
    reserved_until = db.Column(db.DateTime)

    @property
    def is_reserved(self):
        return self.reserved_until is not None and self.reserved_until > now()

    @property
    def is_available(self):
        return self.sold_at is None and not self.is_reserved

    def reserve(self, customer, hours):
        self.reserved_for = customer
        self.reserved_until = now() + timedelta(hours=hours)

    def to_dict(self):
        return {
            "id": self.id,
            "condition": self.condition,
            "price_cents": self.price_cents,
            "state": "sold" if self.sold_at else "reserved" if self.is_reserved else "available",
        }
