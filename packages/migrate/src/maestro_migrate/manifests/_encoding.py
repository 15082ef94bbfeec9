"""A manifest's bytes as text and back: UTF-8 and UTF-16 by byte-order mark, else UTF-8, newlines untouched."""

import codecs

from ._model import NotEditable

__all__ = ["decoded", "encoded"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decoded(raw: bytes) -> tuple[str, str, bytes]:
    """
    Return the text, its encoding and the byte-order mark.

    Raises:
        NotEditable: the bytes are not text in that encoding.
    """
    mark, encoding = next(((mark, name) for mark, name in _MARKS if raw.startswith(mark)), (b"", "utf-8"))
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise NotEditable(f"unreadable: it is not valid {encoding}") from error
    if "\0" in text:
        raise NotEditable("unreadable: it holds NUL bytes, as UTF-16 text without a byte-order mark does")
    return text, encoding, mark


def encoded(text: str, encoding: str, mark: bytes) -> bytes:
    """Return the bytes of a text."""
    return mark + text.encode(encoding)
