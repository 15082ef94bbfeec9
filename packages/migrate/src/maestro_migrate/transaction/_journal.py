"""
The journal of one root: kept outside the service, written and synced before the first file is touched.

`<state>/<root name>-<hash>/` holds `lock` and one directory per migration, whose *name* is its status:
`0001.applying`, `0001.applied`, `0001.rolling-back`, `0001.rolled-back`, and `0001.part` for one being built or thrown away.
A status changes by one rename, which is atomic and needs no room on a full disk.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ._files import Content, digest, reached, remove_tree, stage, sync_directory
from .errors import BackupDamaged, MigrationRunning

__all__ = [
    "Entry",
    "Journal",
    "Status",
    "Store",
    "directories_for",
    "opened",
    "report_folder",
    "state_home",
    "store_of",
]

_NAME = re.compile(r"(\d{4,})\.(applying|applied|rolling-back|rolled-back)")


class Status(StrEnum):
    """How far a migration got."""

    APPLYING = "applying"
    APPLIED = "applied"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: the planned path, the file it resolves to (both relative to the root), and what it holds on either side."""

    path: str
    target: str
    before: Content | None
    after: Content | None


@dataclass(frozen=True, slots=True)
class Journal:
    """One migration's entries, and the directories that it makes, outermost first."""

    id: str
    service: str
    at: str
    status: Status
    entries: tuple[Entry, ...]
    directories: tuple[str, ...]


def state_home(state: Path | None = None) -> Path:
    """Return where state lives: `state`, `$MAESTRO_STATE`, `$XDG_STATE_HOME/maestro` or `~/.local/state/maestro`."""
    if state is not None:
        return state
    if named := os.environ.get("MAESTRO_STATE"):
        return Path(named)
    if base := os.environ.get("XDG_STATE_HOME"):
        return Path(base) / "maestro"
    return Path.home() / ".local" / "state" / "maestro"


@dataclass(frozen=True, slots=True)
class Store:
    """The state directory of one root."""

    root: Path
    directory: Path

    def journals(self) -> list[Journal]:
        """Return every kept migration, oldest first."""
        if not self.directory.is_dir():
            return []
        names = sorted(entry.name for entry in self.directory.iterdir() if _NAME.fullmatch(entry.name))
        return [self._read(name) for name in names]

    def next_id(self) -> str:
        """Return an id that no kept migration has."""
        return f"{max((int(journal.id) for journal in self.journals()), default=0) + 1:04d}"

    def begin(self, journal: Journal, contents: Mapping[str, bytes]) -> None:
        """Write the journal and both sides' bytes, synced; it counts from the last rename on."""
        part = self.directory / f"{journal.id}.part"
        reached("begin")
        part.mkdir()
        for name, content in sorted(contents.items()):
            stage(part / name, content, Content(name, 0o600))
        text = json.dumps(asdict(journal), indent=1, sort_keys=True)
        stage(part / "journal.json", text.encode(), Content("", 0o600))
        sync_directory(part)
        self._rename(part.name, f"{journal.id}.{journal.status}")

    def move(self, journal: Journal, status: Status) -> Journal:
        """Change a migration's status."""
        self._rename(f"{journal.id}.{journal.status}", f"{journal.id}.{status}")
        return replace(journal, status=status)

    def discard(self, journal: Journal) -> None:
        """Forget a migration: from the rename on it no longer counts, and what is left is swept now or by the next run."""
        self._rename(f"{journal.id}.{journal.status}", f"{journal.id}.part")
        with contextlib.suppress(OSError):
            self.sweep()

    def sweep(self) -> None:
        """Remove journals that never came to count, or no longer do."""
        for part in sorted(self.directory.glob("*.part")):
            remove_tree(part)

    def content(self, journal: Journal, sha256: str) -> bytes:
        """
        Return kept bytes by their hash.

        Raises:
            BackupDamaged: they are gone, or others than were written.
        """
        kept = self.directory / f"{journal.id}.{journal.status}"
        try:
            content = (kept / sha256).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            raise BackupDamaged(kept, f"{sha256}: {error.strerror}") from error
        if digest(content) != sha256:
            raise BackupDamaged(kept, f"{sha256} holds other bytes than were written")
        return content

    def temporary(self, journal: Journal, index: int) -> str:
        """Return the name of the temporary file of one entry, unlike any other's."""
        return f".maestro-{self.directory.name[-12:]}-{journal.id}-{index}.tmp"

    def _rename(self, old: str, new: str) -> None:
        reached(f"rename {old} {new}")
        (self.directory / old).rename(self.directory / new)
        sync_directory(self.directory)

    def _read(self, name: str) -> Journal:
        file = self.directory / name / "journal.json"
        try:
            known: dict[str, Any] = json.loads(file.read_text())
            entries = tuple(
                Entry(row["path"], row["target"], _content(row["before"]), _content(row["after"]))
                for row in known["entries"]
            )
            status = Status(name.partition(".")[2])
            return Journal(known["id"], known["service"], known["at"], status, entries, tuple(known["directories"]))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise BackupDamaged(file.parent, f"journal.json: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BackupDamaged(file.parent, f"journal.json cannot be read: {error}") from error


@contextlib.contextmanager
def opened(root: Path, state: Path | None) -> Iterator[Store]:
    """
    Give the root's store under its lock.

    Raises:
        MigrationRunning: another run holds the lock.
        UnusableInput: the root is no directory, or the state would lie inside it.
    """
    store = store_of(root, state)
    try:
        store.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(store.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnusableInput(
            store.directory, f"cannot be written ({error.strerror})", advice="set MAESTRO_STATE to a directory that can"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise MigrationRunning(store.root) from error
            raise
        yield store
    finally:
        os.close(descriptor)


def store_of(root: Path, state: Path | None) -> Store:
    """
    Return the root's store, without making or locking anything.

    Raises:
        UnusableInput: the root is no directory, or the state would lie inside it.
    """
    real = root.resolve()
    if not real.is_dir():
        raise UnusableInput(root, "not a directory", advice="name the service's folder")
    home = state_home(state).resolve()
    if home.is_relative_to(real):
        raise UnusableInput(
            home, "the state would lie inside the service", advice="set MAESTRO_STATE to a directory outside it"
        )
    label = re.sub(r"[^A-Za-z0-9_-]+", "-", real.name) or "root"
    return Store(real, home / f"{label[:60]}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:12]}")


def report_folder(root: Path, state: Path | None = None) -> Path:
    """Return where the reports of a root go by default: beside its journals, outside the service's tree."""
    store = store_of(root, state)
    return store.directory.parent / "reports" / store.directory.name


def directories_for(root: Path, targets: Sequence[Path]) -> tuple[str, ...]:
    """Return the directories that must be made for `targets`, relative to the root, outermost first."""
    missing = {
        parent.relative_to(root).as_posix()
        for target in targets
        for parent in target.parents
        if parent.is_relative_to(root) and not parent.is_dir()
    }
    return tuple(sorted(missing, key=lambda path: (path.count("/"), path)))


def _content(known: dict[str, Any] | None) -> Content | None:
    if known is None:
        return None
    owner = known["owner"]
    return Content(known["sha256"], known["mode"], tuple(owner) if owner else None, known["attributes"])
