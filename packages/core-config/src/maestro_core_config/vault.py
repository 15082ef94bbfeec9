"""Vault and OpenBao as a layer: KV 1 and 2, four ways to log in, and a last known good copy for when it is down.

A refusal (no permission, no such path, bad credentials) is always an error: it is a mistake in a policy or a name,
and an empty value in its place would hide it. Only an unavailable server falls back to the last known good copy.
Needs the extra `vault`, which stands on hvac; OpenBao speaks the same API.
"""

from __future__ import annotations

import base64
import functools
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic_settings import InitSettingsSource

from ._last_known_good import LastKnownGood
from ._logins import AppRole, Jwt, Kubernetes, Login, Token
from ._places import names_of
from ._sources import load_of
from ._typos import closest
from ._vault_session import VaultError, VaultRefused, VaultSession, VaultUnavailable
from .crypto import Keyring
from .errors import ConfigError

__all__ = [
    "AppRole",
    "Jwt",
    "Kubernetes",
    "Login",
    "Token",
    "Vault",
    "VaultError",
    "VaultRefused",
    "VaultSession",
    "VaultSource",
    "VaultUnavailable",
    "degraded",
    "transit_keyring",
]

_log: Final = logging.getLogger("maestro_core_config")


@dataclass(frozen=True, kw_only=True)
class Vault:
    """What to read from Vault: an entry for `model_config["remote"]`.

    Every key of the documents at `paths` is a field's name or alias, a later path winning over an earlier one;
    `fields` maps single fields to `path#key`. `address`, `namespace` and the token default to `VAULT_ADDR`,
    `VAULT_NAMESPACE` and `VAULT_TOKEN`, `verify` (a file of certificate authorities) to `VAULT_CACERT`. With `last_known_good` the documents are kept in that file, encrypted with
    the keys of `MAESTRO_CONFIG_KEYS`, and used when Vault cannot be reached.
    """

    paths: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    mount: str = "secret"
    kv_version: int = 2
    login: Login = field(default_factory=Token)
    address: str | None = None
    namespace: str | None = None
    timeout_s: float = 5.0
    attempts: int = 3
    verify: bool | str | None = None
    last_known_good: str | os.PathLike[str] | None = None
    session: VaultSession | None = None

    def __call__(self, settings_cls: Any) -> VaultSource:
        """Read the documents, once, for one load of a settings class.

        Raises:
            VaultRefused: when Vault answers and says no.
            VaultUnavailable: when it does not answer and there is no last known good copy.
        """
        return VaultSource(settings_cls, self)

    def open_session(self) -> VaultSession:
        """Return the given session, or a new one.

        Raises:
            ConfigError: when no address is known.
        """
        if self.session is not None:
            return self.session
        address = self.address or os.environ.get("VAULT_ADDR")
        if not address:
            raise ConfigError("no Vault address: pass address=... or set VAULT_ADDR")
        return VaultSession(
            address,
            login=self.login,
            namespace=self.namespace or os.environ.get("VAULT_NAMESPACE"),
            timeout_s=self.timeout_s,
            attempts=self.attempts,
            verify=self.verify,
        )

    def all_paths(self) -> tuple[str, ...]:
        """List every path that is read, in order."""
        return tuple(dict.fromkeys((*self.paths, *(place.partition("#")[0] for place in self.fields.values()))))


@dataclass(frozen=True, slots=True)
class _Document:
    content: dict[str, Any]
    version: int | None


class VaultSource(InitSettingsSource):
    """The documents of one load, and whether they come from Vault or from the last known good copy."""

    layer = "vault"

    def __init__(self, settings_cls: Any, options: Vault) -> None:
        self.options = options
        self.degraded = ""
        self._places: dict[str, str] = {}
        documents = self._read_or_recall()
        super().__init__(settings_cls, self._values(settings_cls, documents))

    def location(self, key_path: tuple[str, ...]) -> str:
        """Say where a value is kept: `mount/path#key`, with the version that was read."""
        return self._places.get(key_path[0], f"{self.options.mount}/{', '.join(self.options.all_paths())}")

    def __repr__(self) -> str:
        return f"VaultSource({self.options.mount!r}, {self.options.all_paths()!r})"

    def _read_or_recall(self) -> dict[str, _Document]:
        keep = self.options.last_known_good
        copy = LastKnownGood(Path(keep), about=self._about()) if keep is not None else None
        try:
            documents = self._read()
        except VaultUnavailable as exc:
            if copy is None or not copy.exists():
                raise
            recalled, saved_at = copy.recall()
            try:
                documents = {path: _Document(**recalled[path]) for path in self.options.all_paths()}
            except (TypeError, KeyError):
                raise ConfigError(f"the last known good copy {copy.path} was not written by this version") from None
            self.degraded = f"Vault is unavailable ({exc.reason}); using the copy of {saved_at}"
            _log.warning("configuration is degraded: %s", self.degraded)
            return documents
        if copy is not None:
            copy.keep({path: {"content": d.content, "version": d.version} for path, d in documents.items()})
        return documents

    def _read(self) -> dict[str, _Document]:
        session = self.options.open_session()
        documents = {}
        for path in self.options.all_paths():
            try:
                documents[path] = _Document(*session.read_kv(path, mount=self.options.mount, version=self._kv()))
            except VaultRefused as exc:
                if exc.status == 404:
                    raise self._not_found(session, path) from None
                raise
        return documents

    def _kv(self) -> int:
        if self.options.kv_version not in (1, 2):
            raise ConfigError(f"kv_version is {self.options.kv_version}; Vault has 1 and 2")
        return self.options.kv_version

    def _not_found(self, session: VaultSession, path: str) -> VaultRefused:
        siblings = session.list_kv(path.rpartition("/")[0], mount=self.options.mount, version=self.options.kv_version)
        hint = closest(path.rpartition("/")[2], {name.rstrip("/") for name in siblings}) if siblings else ""
        return VaultRefused(404, f"{self.options.mount}/{path}", f"nothing is there{'; ' + hint if hint else ''}")

    def _values(self, settings_cls: Any, documents: dict[str, _Document]) -> dict[str, Any]:
        known = {spelling for name, f in settings_cls.model_fields.items() for spelling in names_of(f, name)}
        checks_names = settings_cls.model_config.get("unknown_names", "ignore") != "ignore"
        values: dict[str, Any] = {}
        for path in self.options.paths:
            for key, value in documents[path].content.items():
                # A document may serve several services; keys that are not ours matter only to the typo shield.
                if key in known or checks_names:
                    values[key] = value
                    self._places[key] = self._place(path, key, documents)
        for name, place in self.options.fields.items():
            path, _, key = place.partition("#")
            content = documents[path].content
            if key not in content:
                hint = closest(key, set(content))
                raise VaultRefused(404, f"{self.options.mount}/{place}", f"no such key{'; ' + hint if hint else ''}")
            values[name] = content[key]
            self._places[name] = self._place(path, key, documents)
        return values

    def _place(self, path: str, key: str, documents: dict[str, _Document]) -> str:
        version = documents[path].version
        suffix = f" (version {version})" if version is not None else ""
        return f"{self.options.mount}/{path}#{key}{suffix}{' (last known good)' if self.degraded else ''}"

    def _about(self) -> str:
        address = self.options.address or os.environ.get("VAULT_ADDR", "")
        namespace = self.options.namespace or os.environ.get("VAULT_NAMESPACE", "")
        return f"{address}|{namespace}|{self.options.mount}|{','.join(self.options.all_paths())}"


def transit_keyring(
    wrapped: Mapping[str, str], *, key: str, session: Callable[[], VaultSession], mount: str = "transit"
) -> Callable[[], Keyring]:
    """Make an entry for `model_config["keyring"]` whose keys Vault's transit engine unwraps, once for the process.

    `wrapped` maps key ids, newest first, to ciphertexts (`vault:v1:…`) of 32 bytes encrypted with the transit key
    `key`; they may be kept beside the code. `session` is called when the first encrypted value is met.
    """

    @functools.cache
    def unwrap() -> Keyring:
        opened = session()
        answers = {key_id: opened.put(f"{mount}/decrypt/{key}", ciphertext=text) for key_id, text in wrapped.items()}
        return Keyring({key_id: base64.b64decode(answer["data"]["plaintext"]) for key_id, answer in answers.items()})

    return unwrap


def degraded(settings: Any) -> tuple[str, ...]:
    """Say why settings were not loaded from their true sources; empty when they were. Meant for readiness checks."""
    return tuple(source.degraded for source in load_of(settings).sources if getattr(source, "degraded", ""))
