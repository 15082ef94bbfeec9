"""Who a request is: its id and the trace it belongs to, read from headers that anybody may have sent."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

# What ids in the wild are made of: UUIDs, ULIDs, X-Amzn-Trace-Id, Cloud Run's. Nothing that could break
# a log line, a header or a shell command in which somebody pastes it.
_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:+/=@;-]{0,127}")

# https://www.w3.org/TR/trace-context/#traceparent-header-field-values: later versions may add fields at the end.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TraceParent(NamedTuple):
    """The caller's place in a trace."""

    trace_id: str
    parent_id: str
    sampled: bool


def accepted_request_id(value: str) -> str:
    """Give the caller's request id when it is harmless, a new one otherwise."""
    return value if is_sane(value) else new_request_id()


def request_id_of(given: str | None) -> str:
    """Give the id of a request by the header that it came with, or without."""
    return new_request_id() if given is None else accepted_request_id(given)


def is_sane(value: str) -> bool:
    """Whether a request id can do no harm where ids are written."""
    return _SANE_ID.fullmatch(value) is not None


def new_request_id() -> str:
    """Make a request id: 32 random hexadecimal digits, as a trace id is."""
    return os.urandom(16).hex()


def parse_traceparent(value: str) -> TraceParent | None:
    """Read a W3C `traceparent` header; None when it is malformed, as the specification asks."""
    found = _TRACEPARENT.fullmatch(value.strip())
    if found is None:
        return None
    version, trace_id, parent_id, flags, rest = found.groups()
    if version == "00" and rest:
        return None
    return TraceParent(trace_id, parent_id, bool(int(flags, 16) & 1))
