"""
The usual line, put together from parts: its beginning is the same for every call of a place in the code.

What it gives is what the whole way gives, byte for byte; where that is not certain at a glance it gives nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Final

import orjson

from maestro_core_logging._context import current_context
from maestro_core_logging._encode import json_line
from maestro_core_logging._event import LEVEL_NAMES, NOT_AS_FIELDS, new_event, rfc3339, trace_ids
from maestro_core_logging._redaction import OPEN_TYPES, Redaction

_MODULES: Final = sys.modules
_MOST_KEYS: Final = 10_000
_MOST_BEGINNINGS: Final = 5_000
_LONGEST_MESSAGE: Final = 200


class QuickJson:
    """Lines of calls whose fields are plain and were harmless before."""

    def __init__(self, constant: Mapping[str, object], redact: Redaction) -> None:
        self._constant = constant
        self._redact = redact
        self._taken = NOT_AS_FIELDS | constant.keys()  # a field replaces the constant of its name
        self._keys: set[str] = set()
        self._values = redact.harmless_values
        self._second = (-1, b"")
        # By the level's name besides, which `addLevelName` may change at any time.
        self._beginnings: dict[tuple[str, int, str | None, object], bytes] = {}

    def line(self, logger: str, level: int, msg: object, keywords: Mapping[str, object]) -> bytes | None:
        """Give the line, or None when the call needs the whole way."""
        context = current_context()
        trace = trace_ids() if "opentelemetry.trace" in _MODULES else None
        if trace:
            fields: Mapping[str, object] = {**trace, **context, **keywords}
        else:
            fields = {**context, **keywords} if context else keywords
        try:
            # Values that were seen before are harmless whatever their type: what equals a harmless text prints as one.
            known = self._keys.issuperset(fields) and self._values.issuperset(fields.values())
            if not known and not self._learn(fields):
                return None
        except TypeError:  # a list or a dict has no hash
            return None
        beginning = self._beginnings.get((logger, level, LEVEL_NAMES.get(level), msg)) if type(msg) is str else None
        if beginning is None:
            beginning = self._begin(logger, level, msg)
            if beginning is None:
                return None
        now = time.time()
        second = int(now)
        last = self._second
        if second != last[0]:
            last = self._second = (second, b'{"timestamp":"%b.' % rfc3339(second)[:19].encode())
        micros = (now - second) * 1_000_000
        if not fields:
            return b"%b%06dZ%b}\n" % (last[1], micros, beginning)
        try:
            rest = orjson.dumps(fields, None, orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # a number or a text that JSON cannot hold
            return None
        return b"%b%06dZ%b,%b" % (last[1], micros, beginning, rest[1:])

    def _learn(self, fields: Mapping[str, object]) -> bool:
        """Look closer at fields that are not all known; tell whether they are plain and harmless."""
        redact = self._redact
        if not self._keys.issuperset(fields):
            if any(map(redact.is_secret_key, fields)) or not self._taken.isdisjoint(fields):
                return False
            if len(self._keys) < _MOST_KEYS:
                self._keys.update(fields)
        return OPEN_TYPES.issuperset(map(type, fields.values())) and redact.are_harmless(fields)

    def _begin(self, logger: str, level: int, msg: object) -> bytes | None:
        """Write what follows the time, up to the first field, if the message is plain text and harmless."""
        if type(msg) is not str or len(msg) > _LONGEST_MESSAGE:
            return None
        event = new_event(0.0, level, logger, msg, self._constant)
        if not self._redact.is_harmless(event):
            return None
        del event["timestamp"]
        # The part between the first quote after the time and the closing brace.
        beginning = b'",' + json_line(event)[1:-2]
        if len(self._beginnings) >= _MOST_BEGINNINGS:
            self._beginnings.clear()
        self._beginnings[(logger, level, LEVEL_NAMES.get(level), msg)] = beginning
        return beginning
