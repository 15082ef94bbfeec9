"""Encrypted values: AES-256-GCM in a one-line envelope that names its key.

An envelope is `enc:v1:<key id>:<base64url of nonce and ciphertext>`, or `enc:v2:<key id>:<name>:<base64url …>` when it
is for one setting only. Key id and name are authenticated with the text, so an envelope cannot be passed off as made
with another key, and a bound one not be moved to another setting, where its text might be shown. An older envelope of
the same name opens as long as its key is in the ring. Needs the extra `crypto`.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from .errors import ConfigError

KEYS_VARIABLE: Final = "MAESTRO_CONFIG_KEYS"
_PREFIXES: Final = ("enc:v1:", "enc:v2:")
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_ENVELOPE: Final = re.compile(
    rf"enc:(?:v1:(?P<key1>{_KEY_ID.pattern})|v2:(?P<key2>{_KEY_ID.pattern}):(?P<name>{_NAME.pattern}))"
    r":(?P<sealed>[A-Za-z0-9_-]+=*)"
)


class DecryptionError(ConfigError, ValueError):
    """An encrypted value that cannot be opened; its text is never part of the message."""


@dataclass(frozen=True, repr=False)
class Keyring:
    """Keys by id, in order: the first one encrypts, all of them decrypt."""

    keys: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if not self.keys:
            raise DecryptionError(f"no key: set {KEYS_VARIABLE} to 'id:base64-of-32-bytes'")
        for key_id, key in self.keys.items():
            if not _KEY_ID.fullmatch(key_id):
                raise DecryptionError(f"key id {key_id!r}: use letters, digits, dot, dash and underscore, at most 64")
            if len(key) != _KEY_BYTES:
                raise DecryptionError(f"key {key_id!r} has {len(key)} bytes; AES-256 needs {_KEY_BYTES}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `id:base64,id:base64`, newest key first.

        Raises:
            DecryptionError: when an entry is not of that form or a key has the wrong length.
        """
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
            key_id, colon, encoded = entry.partition(":")
            try:
                keys[key_id] = base64.b64decode(encoded.translate(_TO_STANDARD), validate=True)
            except (binascii.Error, ValueError):
                colon = ""
            if not colon:
                raise DecryptionError(f"{KEYS_VARIABLE}: entry {number} is not 'id:base64-of-32-bytes'") from None
        return cls(keys)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the keys from `MAESTRO_CONFIG_KEYS`, or from the file that `MAESTRO_CONFIG_KEYS_FILE` names.

        Raises:
            DecryptionError: when neither is set, the file cannot be read, or the text is not a list of keys.
        """
        path = os.environ.get(f"{KEYS_VARIABLE}_FILE")
        if path:
            try:
                with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - tests of services patch `open`
                    text = stream.read()
            except OSError as exc:
                raise DecryptionError(f"{KEYS_VARIABLE}_FILE: {path}: {exc.strerror or exc}") from None
            return cls.parse(text.replace("\n", ","))
        return cls.parse(os.environ.get(KEYS_VARIABLE, ""))

    @property
    def primary(self) -> str:
        """The id of the key that encrypts."""
        return next(iter(self.keys))

    def encrypt(self, text: str, *, name: str | None = None) -> str:
        """Seal a text in an envelope with the first key; with a name it opens as the value of that setting only.

        The name is the key's dotted path in the file, `db.password`, or the variable's name in a `.env` file.

        Raises:
            DecryptionError: when the name has other characters than letters, digits, dot, dash and underscore.
        """
        return self.seal(text.encode(), self.primary, name=name)

    def decrypt(self, envelope: str, *, name: str | None = None) -> str:
        """Open an envelope; with a name, only one that is for that setting or for any.

        Raises:
            DecryptionError: when it is not an envelope, is for another setting, names an unknown key, or does not
                authenticate.
        """
        bound = _parts(envelope)[1]
        if name is not None and bound is not None and bound.lower() != name.lower():
            raise DecryptionError(f"encrypted for {bound!r}, and not for {name!r}")
        return self.open(envelope).decode()

    def rotate(self, envelope: str) -> str:
        """Seal an envelope's text again with the first key; one that has it already is returned unchanged."""
        key_id, name, _ = _parts(envelope)
        return envelope if key_id == self.primary else self.encrypt(self.decrypt(envelope), name=name)

    def seal(self, content: bytes, key_id: str, *, name: str | None = None) -> str:
        """Seal bytes with a key of this ring."""
        if name is not None and not _NAME.fullmatch(name):
            raise DecryptionError(f"name {name!r}: use letters, digits, dot, dash and underscore, at most 200")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + _aes_gcm(self.keys[key_id]).encrypt(nonce, content, _bound_to(key_id, name))
        head = f"enc:v1:{key_id}" if name is None else f"enc:v2:{key_id}:{name}"
        return f"{head}:{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, envelope: str) -> bytes:
        """Open an envelope of bytes, whatever it is for.

        Raises:
            DecryptionError: when it is not an envelope, names an unknown key, or does not authenticate.
        """
        from cryptography.exceptions import InvalidTag

        key_id, name, text = _parts(envelope)
        key = self.keys.get(key_id)
        if key is None:
            raise DecryptionError(f"encrypted with key {key_id!r}, which is not among {', '.join(self.keys)}")
        try:
            sealed = base64.urlsafe_b64decode(text)
            return bytes(_aes_gcm(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(key_id, name)))
        except (InvalidTag, ValueError):
            pass
        raise DecryptionError(f"does not open with key {key_id!r}: it was changed, or made with another key of that id")


def new_key(key_id: str) -> str:
    """Make a fresh entry for `MAESTRO_CONFIG_KEYS`.

    Raises:
        DecryptionError: when the id has other characters than letters, digits, dot, dash and underscore.
    """
    key = os.urandom(_KEY_BYTES)
    return f"{Keyring({key_id: key}).primary}:{base64.b64encode(key).decode()}"


def is_encrypted(value: object) -> bool:
    """Say whether a value is meant to be an envelope."""
    return isinstance(value, str) and value.startswith(_PREFIXES)


def key_id_of(envelope: str) -> str:
    """Return the id of the key that an envelope was made with.

    Raises:
        DecryptionError: when the text is not an envelope.
    """
    return _parts(envelope)[0]


def decrypted(
    value: Any,
    *,
    where: str,
    keyring: Callable[[], Keyring] = Keyring.from_environment,
    path: tuple[str, ...] = (),
) -> Any:
    """Return a document with every envelope in it opened; the keys are asked for only if there is one.

    Raises:
        DecryptionError: naming the place of the envelope that cannot be opened, or that is for another setting.
    """
    if isinstance(value, dict):
        return {
            key: decrypted(part, where=f"{where}.{key}", keyring=keyring, path=(*path, str(key)))
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [
            decrypted(part, where=f"{where}[{index}]", keyring=keyring, path=(*path, str(index)))
            for index, part in enumerate(value)
        ]
    if not is_encrypted(value):
        return value
    try:
        return Opened(keyring().decrypt(value, name=".".join(path)))
    except DecryptionError as exc:
        reason = str(exc)
    raise DecryptionError(f"{where}: {reason}")


class Opened(str):
    """A text that stood in an envelope: a secret, whatever the type of the setting that it is given for."""

    __slots__ = ()


def keyring_of(settings_cls: Any) -> Callable[[], Keyring]:
    """Return where a settings class has its keys from."""
    chosen: Callable[[], Keyring] = settings_cls.model_config.get("keyring", Keyring.from_environment)
    return chosen


def rewrite_envelopes(text: str, change: Callable[[str], str]) -> str:
    """Replace every envelope in a file's text, leaving every other byte as it is."""
    return _ENVELOPE.sub(lambda match: change(match.group()), text)


_TO_STANDARD: Final = str.maketrans("-_", "+/")


def _parts(envelope: str) -> tuple[str, str | None, str]:
    found = _ENVELOPE.fullmatch(envelope)
    if found is None:
        raise DecryptionError("not an envelope of the form enc:v1:<key id>:<base64> or enc:v2:<key id>:<name>:<base64>")
    return found["key1"] or found["key2"], found["name"], found["sealed"]


def _bound_to(key_id: str, name: str | None) -> bytes:
    # A key id holds no colon, so that no two pairs give the same text.
    return (
        f"maestro-core-config:v1:{key_id}".encode()
        if name is None
        else f"maestro-core-config:v2:{key_id}:{name}".encode()
    )


def _aes_gcm(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise ConfigError("encrypted values need the extra: pip install 'maestro-core-config[crypto]'") from None
    return AESGCM(key)
