"""Entries put into and taken out of a bracketed list in the list's own layout; the same for TOML and Python, whose comments look alike."""

import re
from dataclasses import dataclass

__all__ = ["Listing", "inserted", "newline_of", "quoted", "removed"]


_USUAL_LENGTHS = (79, 88, 100, 120)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list in a text: offsets of its opening bracket, of its closing bracket, and the spans of its entries."""

    opening: int
    closing: int
    entries: tuple[tuple[int, int], ...]


def newline_of(text: str) -> str:
    """Return the newline that the text uses first; a carriage return alone is none."""
    found = re.search(r"\r?\n", text)
    return found[0] if found else "\n"


def quoted(text: str, listing: Listing, value: str) -> str:
    """Return a value as a string literal with the quotes that the first entry uses."""
    mark = "'" if listing.entries and text[listing.entries[0][0]] == "'" and "'" not in value else '"'
    return f"{mark}{value}{mark}"


def inserted(text: str, listing: Listing, index: int, entry: str) -> str:
    """Return the text with one more entry at `index`."""
    newline = newline_of(text)
    if not listing.entries:
        return _first(text, listing, entry, newline)
    if _outgrows(text, listing, entry):
        return _spread(text, listing, index, entry, newline)
    if index == 0:
        start = listing.entries[0][0]
        own_line = _indent(text, start)
        joint = newline + own_line if own_line is not None else " "
        return f"{text[:start]}{entry},{joint}{text[start:]}"
    start, end = listing.entries[index - 1]
    indent = _indent(text, start)
    comma = _comma(text, end, listing.closing)
    if comma is None:
        if indent is None:
            return f"{text[:end]}, {entry}{text[end:]}"
        stop = _line_end(text, end, listing.closing)
        return f"{text[:end]},{text[end:stop]}{newline}{indent}{entry}{text[stop:]}"
    if indent is None:
        return f"{text[: comma + 1]} {entry},{text[comma + 1 :]}"
    stop = _line_end(text, comma + 1, listing.closing)
    if stop == comma + 1 and text[stop : stop + 1] not in {"\r", "\n"}:
        return f"{text[:stop]} {entry},{text[stop:]}"
    return f"{text[:stop]}{newline}{indent}{entry},{text[stop:]}"


def _outgrows(text: str, listing: Listing, entry: str) -> bool:
    """Return whether a list on one line would make that line longer than the shortest usual length in which it fits now."""
    if re.search(r"[\r\n#]", text[listing.opening : listing.closing]):
        return False
    line = re.split(r"[\r\n]", text[: listing.opening])[-1] + re.split(r"[\r\n]", text[listing.opening :])[0]
    limit = next((length for length in _USUAL_LENGTHS if len(line) <= length), None)
    return limit is not None and len(line) + len(entry) + len(", ") > limit


def _spread(text: str, listing: Listing, index: int, entry: str, newline: str) -> str:
    """Return the text with the entries of a list, the new one among them, each on a line of its own."""
    entries = [text[start:end] for start, end in listing.entries]
    outer = re.match(r"[ \t]*", re.split(r"[\r\n]", text[: listing.opening])[-1])
    indent = outer[0] if outer else ""
    body = "".join(f"{newline}{indent}    {each}," for each in [*entries[:index], entry, *entries[index:]])
    return f"{text[: listing.opening + 1]}{body}{newline}{indent}{text[listing.closing :]}"


def removed(text: str, listing: Listing, index: int) -> str:
    """Return the text without the entry at `index`, with the comment on its own line."""
    start, end = listing.entries[index]
    comma = _comma(text, end, listing.closing)
    indent = _indent(text, start)
    stop = end if comma is None else comma + 1
    tail = _line_end(text, stop, listing.closing)
    if indent is not None and text[tail : tail + 1] in {"\r", "\n"}:
        after = tail + (2 if text.startswith("\r\n", tail) else 1)
        return text[: start - len(indent)] + text[after:]
    if comma is not None:
        return text[:start] + text[comma + 1 :].lstrip(" \t")
    return text[: listing.entries[index - 1][1] if index else start] + text[end:]


def _first(text: str, listing: Listing, entry: str, newline: str) -> str:
    body = text[listing.opening + 1 : listing.closing]
    if not body.strip() and not re.search(r"[\r\n]", body):
        return f"{text[: listing.opening + 1]}{entry}{text[listing.closing :]}"
    stop = listing.opening + 1 + len(body.rstrip())
    line = text[: listing.opening].splitlines()[-1:] or [""]
    outer = re.match(r"[ \t]*", line[0])
    return f"{text[:stop]}{newline}{outer[0] if outer else ''}    {entry},{text[stop:]}"


def _indent(text: str, start: int) -> str | None:
    """Return the white space before an offset, or `None` where something else stands on that line."""
    line = re.split(r"[\r\n]", text[:start])[-1]
    return line if not line.strip() else None


def _comma(text: str, offset: int, limit: int) -> int | None:
    """Return where the comma after an entry is, past white space and comments."""
    found = re.compile(r"(?:\s|#[^\r\n]*)*,").match(text, offset, limit)
    return found.end() - 1 if found else None


def _line_end(text: str, offset: int, limit: int) -> int:
    """Return where the line ends if nothing but a comment follows, else `offset`."""
    found = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n])").match(text, offset, limit + 1)
    return found.end() if found else offset
