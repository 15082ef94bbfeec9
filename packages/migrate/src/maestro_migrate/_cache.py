"""What an earlier run found out about a file, by content: one SQLite file that may be deleted at any time."""

import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__all__ = ["ResultCache", "build_digest", "digest"]


def digest(*parts: bytes) -> str:
    """Return the hash of some bytes, each part told apart from the next."""
    found = hashlib.blake2b(digest_size=20)
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


@cache
def build_digest() -> str:
    """Return the hash of this engine's own code and of the Python that runs it."""
    folder = Path(__file__).parent
    return digest(sys.version.encode(), *(path.read_bytes() for path in sorted(folder.rglob("*.py"))))


class ResultCache:
    """A store of text by key; it is only ever a shortcut, so a cache that cannot be used is no cache."""

    def __init__(self, path: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=5, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error):
            self.close()

    @staticmethod
    def default_path() -> Path:
        """Return `$XDG_CACHE_HOME/maestro/engine.sqlite`."""
        home = os.environ.get("XDG_CACHE_HOME")
        return (Path(home) if home else Path.home() / ".cache") / "maestro" / "engine.sqlite"

    def read(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the values that are known for some keys."""
        if self._connection is None:
            return {}
        wanted = list(keys)
        found: dict[str, str] = {}
        try:
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                marks = ",".join("?" * len(part))
                query = f"SELECT key, value FROM results WHERE key IN ({marks})"  # noqa: S608  # only marks are put in
                found.update(self._connection.execute(query, part).fetchall())
        except sqlite3.Error:
            return {}
        return found

    def write(self, values: Iterable[tuple[str, str]]) -> None:
        """Keep values for another run."""
        if self._connection is None:
            return
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?)", values)
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self.close()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
