"""
The usual line, put together from parts: its beginning is the same for every call of a place in the code.

What it gives is what the whole way gives, byte for byte; where that is not certain at a glance it gives nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from math import floor
from typing import Final

from orjson import OPT_APPEND_NEWLINE, dumps

from maestro_core_logging._context import FIELDS, STRUCTLOG_VARS, BoundFields, current_context
from maestro_core_logging._encode import json_line
from maestro_core_logging._event import LEVEL_NAMES, NOT_AS_FIELDS, new_event, rfc3339, trace_ids
from maestro_core_logging._redaction import OPEN_TYPES, Redaction

_MODULES: Final = sys.modules
_MOST_KEYS: Final = 10_000
_MOST_BEGINNINGS: Final = 5_000
_LONGEST_MESSAGE: Final = 200
_THREE_DIGITS: Final = [b"%03d" % number for number in range(1000)]


class QuickJson:
    """Lines of calls whose fields are plain and were harmless before."""

    __slots__ = ("_beginnings", "_constant", "_keys", "_redact", "_remembered", "_second", "_taken", "_values")

    def __init__(self, constant: Mapping[str, object], redact: Redaction) -> None:
        self._constant = constant
        self._redact = redact
        self._taken = NOT_AS_FIELDS | constant.keys()  # a field replaces the constant of its name
        self._keys: set[str] = set()
        self._values = redact.harmless_values
        # The second at hand, up to which time it lasts, and how lines begin meanwhile: one value, so that no thread sees half of a change.
        self._second = (0.0, 0.0, b"")
        # By the level's name, which `addLevelName` may change at any time, the logger and the message: three look-ups
        # cost less than one with a tuple.
        self._beginnings: dict[str, dict[str, dict[str, bytes]]] = {}
        self._remembered = 0

    def line(self, logger: str, level: int, msg: object, keywords: Mapping[str, object]) -> bytes | None:
        """Give the line, or None when the call needs the whole way."""
        if type(msg) is not str:
            return None
        fields = keywords
        bound: bytes | None = None
        context = FIELDS.get()
        traced = "opentelemetry.trace" in _MODULES
        if context or STRUCTLOG_VARS or traced:
            if STRUCTLOG_VARS:
                context = current_context()
            if traced and (trace := trace_ids()):
                fields = {**trace, **context, **keywords}
            elif context:
                if type(context) is BoundFields and context.keys().isdisjoint(keywords):
                    encoded = context.encoded
                    bound = encoded[1] if encoded and encoded[0] is self else self._encode(context)
                    if bound is None:
                        return None
                else:
                    fields = {**context, **keywords}
        try:
            # Values that were seen before are harmless whatever their type: what equals a harmless text prints as one.
            known = self._keys.issuperset(fields) and self._values.issuperset(fields.values())
            if not known and not self._learn(fields):
                return None
        except TypeError:  # a list or a dict has no hash
            return None
        try:
            beginning = self._beginnings[LEVEL_NAMES[level]][logger][msg]
        except KeyError:
            found = self._begin(logger, level, msg)
            if found is None:
                return None
            beginning = found
        start, end, prefix = self._second
        now = time.time()
        if not start <= now < end:
            start, end, prefix = self._second = _second(now)
        micros = floor((now - start) * 1_000_000.0)
        # Additions cost a third of what formatting does.
        head = prefix + _THREE_DIGITS[micros // 1000] + _THREE_DIGITS[micros % 1000] + beginning
        if bound:
            head += bound
        if not fields:
            return head[:-1] + b"}\n"
        try:
            return dumps(fields, None, OPT_APPEND_NEWLINE).replace(b"{", head, 1)  # one copy, not two
        except TypeError:  # a number or a text that JSON cannot hold
            return None

    def _encode(self, context: BoundFields) -> bytes | None:
        """Encode what is bound, if it is plain and harmless; remember it for the lines to come."""
        try:
            if not self._learn(context):
                return None
            encoded = dumps(context)[1:-1] + b","
        except TypeError:  # as above
            return None
        context.encoded = (self, encoded)
        return encoded

    def _learn(self, fields: Mapping[str, object]) -> bool:
        """Look closer at fields that are not all known; tell whether they are plain and harmless."""
        redact = self._redact
        if not self._keys.issuperset(fields):
            if any(map(redact.is_secret_key, fields)) or not self._taken.isdisjoint(fields):
                return False
            if len(self._keys) < _MOST_KEYS:
                self._keys.update(fields)
        return OPEN_TYPES.issuperset(map(type, fields.values())) and redact.are_harmless(fields)

    def _begin(self, logger: str, level: int, msg: str) -> bytes | None:
        """Write what follows the time, up to the first field, if the message is plain text and harmless."""
        if len(msg) > _LONGEST_MESSAGE:
            return None
        event = new_event(0.0, level, logger, msg, self._constant)
        if not self._redact.is_harmless(event):
            return None
        del event["timestamp"]
        # The part between the time's last digit and the first field.
        beginning = b'Z",' + json_line(event)[1:-2] + b","
        if self._remembered >= _MOST_BEGINNINGS:
            self._beginnings = {}
            self._remembered = 0
        name = LEVEL_NAMES.get(level)
        if name is not None:
            self._beginnings.setdefault(name, {}).setdefault(logger, {})[msg] = beginning
            self._remembered += 1
        return beginning


def _second(now: float) -> tuple[float, float, bytes]:
    """Give the second that `now` is in: its start, its end, and what lines begin with in it."""
    start = float(floor(now))
    return start, start + 1.0, b'{"timestamp":"%b.' % rfc3339(start)[:19].encode()
