"""Response headers that are added when the application did not set them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# The OWASP REST security cheat sheet, less what would change how existing clients behave for longer than
# one response (Strict-Transport-Security) or break pages that FastAPI itself serves (a full CSP).
DEFAULT_SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}

RawHeaders = list[tuple[bytes, bytes]]


def chosen_security_headers(choice: bool | Mapping[str, str]) -> Mapping[str, str]:
    """Give the headers meant by True (the default set), False (none) or a mapping (exactly these)."""
    if isinstance(choice, Mapping):
        return dict(choice)
    return DEFAULT_SECURITY_HEADERS if choice else {}


def encoded(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """Encode headers as ASGI has them: lower-case names, Latin-1."""
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())


def with_missing(present: Iterable[tuple[bytes, bytes]], wanted: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Give a new list: the present headers, then those of the wanted ones that were absent.

    A new list, since a response object may be sent more than once and its own list must not grow.
    """
    headers = [(bytes(name), bytes(value)) for name, value in present]
    names = {name.lower() for name, _ in headers}
    headers.extend(pair for pair in wanted if pair[0] not in names)
    return headers


def with_values(present: Iterable[tuple[bytes, bytes]], values: Mapping[str, str]) -> RawHeaders:
    """Give a new list in which each named header has exactly the value given, in its old place where it had one."""
    headers = list(present)
    for name, value in encoded(values):
        at = next((position for position, pair in enumerate(headers) if pair[0].lower() == name), len(headers))
        headers = [pair for pair in headers if pair[0].lower() != name]
        headers.insert(at, (name, value))
    return headers
