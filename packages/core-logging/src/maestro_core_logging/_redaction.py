"""Redaction, which every sink passes: by the name of a field, by its type and by the look of its value."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from maestro_core_logging._encode import plain_value, safe_repr
from maestro_core_logging._event import Event
from maestro_core_logging._shapes import MASK, is_card_number, may_hold_secret, redact_text

# Matched against the end of a field's name, written in lower case without separators: `userPassword`, `X-Api-Key`.
SECRET_KEYS: Final = frozenset(
    [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secretkey",
        "secretaccesskey",
        "clientsecret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "signingkey",
        "encryptionkey",
        "accountkey",
        "authorization",
        "proxyauthorization",
        "cookie",
        "setcookie",
        "credential",
        "credentials",
        "otp",
        "totp",
        "cvv",
        "cvv2",
        "cvc",
        "pin",
        "ssn",
        "cardnumber",
        "pan",
        "connectionstring",
        "jwt",
        "bearer",
        "sessiontoken",
        "csrftoken",
        "xsrftoken",
        "passcode",
        "pass",
        "fernetkey",
        "passwordhash",
        "hashedpassword",
        "passwordconfirmation",
        "secretid",
        "secretkeybase",
        "sharedkey",
        "masterkey",
        "hmackey",
        "privkey",
        "storagekey",
        "sessionkey",
        "codeverifier",
        "clientassertion",
        "recoverycode",
        "recoverycodes",
        "backupcodes",
        "verificationcode",
        "seedphrase",
        "mnemonic",
        "socialsecuritynumber",
        "passwords",
        "passphrases",
        "secrets",
        "cookies",
        "apikeys",
        "accesskeys",
        "privatekeys",
        "secretkeys",
        "accesstokens",
        "refreshtokens",
        "authtokens",
        "apitokens",
        "sessiontokens",
        "creds",
        "pw",
        "basicauth",
        "authheader",
        "authorizationheader",
        "authorizationcode",
        "authcode",
        "accesscode",
        "devicecode",
        "otpcode",
        "mfacode",
        "cvvcode",
        "cvccode",
        "unlockcode",
        "securityanswer",
        "sshkey",
        "pgpkey",
        "gpgkey",
        "deploykey",
        "recoverykey",
        "licensekey",
        "privatekeypem",
        "idtokenhint",
        "samlresponse",
        "pwdhash",
        "passwordraw",
        "secretvalue",
        "tokenvalue",
        "passwordvalue",
    ]
)
# Mappings that name a field in one place and have its value in another: environments, headers in HAR files, Pydantic's errors.
_NAMES_BESIDE: Final = {"value": ("name", "key"), "input": ("loc",)}
_SHORT_KEYS: Final = frozenset({"pin", "pan", "otp", "ssn", "cvv", "cvc", "pwd", "jwt", "pass", "pw"})
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Types whose values can hide nothing that the look of the printed line does not show.
OPEN_TYPES: Final = frozenset({str, int, float, bool, type(None)})
_NUMBERS: Final = (int, float)
_PRINTED_AS_THEY_ARE: Final = (float, bool, dt.datetime, dt.date, dt.time, uuid.UUID)
_SECRET_TYPES: Final = frozenset({"SecretStr", "SecretBytes", "Secret"})
_DEEPEST: Final = 16
_SHORTEST_SECRET_AS_KEY: Final = 12
_MOST_REMEMBERED: Final = 20_000
_LONGEST_TEXT_REMEMBERED: Final = 100


@dataclass(frozen=True)
class Redaction:
    """
    What is masked: fields whose names end in one of `keys`, values of secret types, and texts that look like secrets.

    `allow` names fields that are left alone whatever they are called. `patterns` are regular expressions of your own;
    what they match is masked.
    """

    keys: frozenset[str] = SECRET_KEYS
    allow: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[str], ...] = ()
    # Names that were looked at and are harmless; services have a few hundred.
    harmless_keys: set[object] = field(default_factory=set, init=False, repr=False, compare=False)
    # Texts that were looked at and are harmless: event names, methods, paths come again and again.
    harmless_values: set[object] = field(default_factory=set, init=False, repr=False, compare=False)

    def render(self, event: Event, render: Callable[[Event], bytes]) -> bytes:
        """Give the line of `event`, redacted."""
        return render(event if self.is_harmless(event) else self.event(event))

    def is_harmless(self, event: Event) -> bool:
        """Tell whether nothing in the event needs a mask; in doubt it does."""
        if (
            self.patterns
            or not self.harmless_keys.issuperset(event)
            or not OPEN_TYPES.issuperset(map(type, event.values()))
        ):
            return False
        return self.are_harmless(event)

    def are_harmless(self, fields: Mapping[str, object]) -> bool:
        """Tell whether the values, all of open types, look like anything but secrets; remember short ones that do."""
        seen = self.harmless_values
        fresh: list[object] = []
        texts: list[str] = []
        for key, value in fields.items():
            if value in seen or key == "timestamp":
                continue
            if isinstance(value, str):
                texts.append(value)
            # Floats too: remembered, one would vouch for the card's number that equals it.
            elif isinstance(value, _NUMBERS) and value >= 10**12:
                return False
            fresh.append(value)
        # One look at all of them: what is suspicious in none of these is suspicious in no part.
        if texts and may_hold_secret("\n".join(texts)) and any(self.text(text) != text for text in texts):
            return False
        self.remember(fresh)
        return True

    def remember(self, values: Iterable[object]) -> None:
        """Remember that values, all of open types, are harmless."""
        seen = self.harmless_values
        if len(seen) >= _MOST_REMEMBERED:
            seen.clear()
        seen.update([value for value in values if not isinstance(value, str) or len(value) <= _LONGEST_TEXT_REMEMBERED])

    def event(self, event: Mapping[str, object]) -> Event:
        """Give a copy of `event` in which no secret is left."""
        return {key: self._field(key, value, 0) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Give `text` with what looks like a secret masked."""
        for pattern in self.patterns:
            text = pattern.sub(MASK, text)
        return redact_text(text)

    def is_secret_key(self, key: object) -> bool:
        """Tell whether a field of this name is masked whatever its value."""
        if key in self.harmless_keys:
            return False
        if isinstance(key, bytes):  # ASGI's headers
            return self.is_secret_key(key.decode("latin-1"))
        if not isinstance(key, str) or key in self.allow or not self._ends_in_secret(key):
            if len(self.harmless_keys) < _MOST_REMEMBERED:
                self.harmless_keys.add(key)
            return False
        return True

    def _ends_in_secret(self, key: str) -> bool:
        words = [word.lower() for word in _WORDS.findall(key)] or [key.lower()]
        if len(words) > 1 and len(words[-1]) == 1 and words[-1].isdigit():  # password2
            words.pop()
        joined = "".join(words)
        if words[-1] in self.keys or joined in self.keys:
            return True
        return any(joined.endswith(secret) for secret in self.keys if secret not in _SHORT_KEYS)

    def _field(self, key: object, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool):  # whether there is a password is no secret
            return value
        if self.is_secret_key(key) and not (isinstance(value, int) and self._is_plural(key)):
            return MASK
        return self._value(value, depth)

    def _is_plural(self, key: object) -> bool:
        """Tell whether a name is that of several secrets, of which a number says how many there are; `pass` is one."""
        return isinstance(key, str) and key[-1:] == "s" and self.is_secret_key(key[:-1])

    def _value(self, value: object, depth: int) -> object:
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, _PRINTED_AS_THEY_ARE):
            return value
        if isinstance(value, int):
            return "[redacted:card]" if value > 10**12 and is_card_number(str(value)) else value
        return self._made_of_others(value, depth)

    def _made_of_others(self, value: object, depth: int) -> object:
        if depth >= _DEEPEST:
            return self.text(safe_repr(value)[:1000])
        if type(value).__name__ in _SECRET_TYPES:
            return MASK
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if type(value) is tuple and len(value) == 2 and isinstance(value[0], str | bytes):  # a header, an item
            return [self._value(value[0], depth + 1), self._field(value[0], value[1], depth + 1)]
        if isinstance(value, list | tuple):
            names = getattr(value, "_fields", None)  # of a named tuple
            if isinstance(names, tuple) and len(names) == len(value):
                return [self._field(name, item, depth + 1) for name, item in zip(names, value, strict=True)]
            return self._row(value, depth)
        return self._value(plain_value(value), depth + 1)

    def _row(self, items: Iterable[object], depth: int) -> list[object]:
        """Give a copy of a list; in a command's words a secret follows the option that names it."""
        copy: list[object] = []
        option = False
        for item in items:
            copy.append(MASK if option and isinstance(item, str) else self._value(item, depth + 1))
            option = isinstance(item, str) and item[:2] == "--" and "=" not in item and self.is_secret_key(item)
        return copy

    def _mapping(self, value: Mapping[object, object], depth: int) -> Event:
        """Give a copy of a mapping; tables of sessions and the like have secrets for keys."""
        copy: Event = {}
        named_beside = {key for key, names in _NAMES_BESIDE.items() if key in value and self._name_one(value, names)}
        for key, item in value.items():
            if key in named_beside and not isinstance(item, Mapping):
                item = None if item is None else MASK  # noqa: PLW2901  # what is not looked at any closer
            name: Any = key  # Any: what is no text stays what it is
            if isinstance(key, str) and len(key) >= _SHORTEST_SECRET_AS_KEY:
                name = self.text(key)
                if name != key and name in copy:
                    name = f"{name} {len(copy)}"
            copy[name] = self._field(key, item, depth + 1)
        return copy

    def _name_one(self, value: Mapping[object, object], keys: Iterable[str]) -> bool:
        """Tell whether what a mapping has under one of `keys` is the name of a secret, or a path to one."""
        for named in (value.get(key) for key in keys):
            path = named if isinstance(named, list | tuple) else (named,)
            if any(isinstance(part, str) and self.is_secret_key(part) for part in path):
                return True
        return False


@dataclass(frozen=True)
class NoRedaction(Redaction):
    """No redaction at all, for a sink that only its owner can read."""

    def render(self, event: Event, render: Callable[[Event], bytes]) -> bytes:
        """Give the line of `event` as it is."""
        return render(event)

    def event(self, event: Mapping[str, object]) -> Event:
        """Give a copy of `event`."""
        return dict(event)

    def is_harmless(self, event: Event) -> bool:  # noqa: ARG002  # as the rules have it
        """Say that nothing in the event needs a mask."""
        return True

    def are_harmless(self, fields: Mapping[str, object]) -> bool:
        """Say that no value needs a mask."""
        self.remember(fields.values())
        return True

    def is_secret_key(self, key: object) -> bool:  # noqa: ARG002  # as the rules have it
        """Say that no field is masked."""
        return False

    def text(self, text: str) -> str:
        """Give the text as it is."""
        return text
