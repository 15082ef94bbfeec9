"""The last known good copy of remote documents: one encrypted file, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ._replacing import replace_file
from .crypto import DecryptionError, Keyring
from .errors import ConfigError


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
        envelope = ring.encrypt(content)
        replace_file(self.path, envelope.encode())

    def recall(self) -> tuple[dict[str, Any], str]:
        """Open the copy: the documents and when they were saved.

        Raises:
            ConfigError: when it cannot be opened or is about something else.
        """
        try:
            content = json.loads(self._keyring().decrypt(self.path.read_text(encoding="utf-8")))
        except DecryptionError as exc:
            raise ConfigError(f"the last known good copy {self.path} {exc}") from None
        if content["about"] != self.about:
            raise ConfigError(f"the last known good copy {self.path} is of another address, mount or list of paths")
        return content["documents"], content["saved_at"]
