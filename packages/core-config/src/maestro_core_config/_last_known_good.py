"""The last known good copy of remote documents: one encrypted file, replaced whole."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ._replacing import replace_file
from .crypto import DecryptionError, Keyring
from .errors import ConfigError

_log: Final = logging.getLogger("maestro_core_config")
_NAME: Final = "last-known-good"


class LastKnownGood:
    """Documents about one thing, in one file that only its owner can read and only a key holder can open."""

    def __init__(self, path: Path, *, about: str, keyring: Callable[[], Keyring] = Keyring.from_environment) -> None:
        self.path = path
        self.about = about
        self._keyring = keyring

    def exists(self) -> bool:
        """Say whether there is a copy."""
        return self.path.is_file()

    def keep(self, documents: dict[str, Any]) -> None:
        """Replace the copy; a crash leaves the old one or the new one, never half of one.

        Raises:
            DecryptionError: when no key is set, since a copy is never written in clear.
        """
        ring = self._keyring()
        saved_at = datetime.now(UTC).isoformat(timespec="seconds")
        content = json.dumps({"about": self.about, "saved_at": saved_at, "documents": documents})
        try:
            replace_file(self.path, ring.encrypt(content, name=_NAME).encode())
        except OSError as exc:  # Vault has answered, so the service can start; only the next outage is not provided for
            _log.warning("no last known good copy at %s: %s", self.path, exc.strerror or type(exc).__name__)

    def recall(self) -> tuple[dict[str, Any], str]:
        """Open the copy: the documents and when they were saved.

        Raises:
            ConfigError: when it cannot be opened or is about something else.
        """
        try:
            text = self._keyring().decrypt(self.path.read_text(encoding="utf-8"), name=_NAME)
        except DecryptionError as exc:
            raise ConfigError(f"the last known good copy {self.path}: {exc}") from None
        except OSError as exc:
            raise ConfigError(f"the last known good copy {self.path}: {exc.strerror or exc}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"the last known good copy {self.path} is no text; it was changed") from None
        try:
            content = json.loads(text)
            about, documents, saved_at = content["about"], content["documents"], content["saved_at"]
        except (ValueError, TypeError, KeyError):
            raise ConfigError(f"the last known good copy {self.path} was not written by this version") from None
        if about != self.about:
            raise ConfigError(
                f"the last known good copy {self.path} is of another address, namespace, mount or list of paths"
            )
        return documents, saved_at
