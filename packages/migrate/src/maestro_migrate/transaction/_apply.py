"""
Write a plan whole or not at all, and take it back.

Both sides of every file are in the journal before the first one is touched. All new bytes are then staged beside their targets,
and only when every one is on disk do renames put them in place: a full disk shows itself while nothing has changed yet.
An apply that was cut short is undone by the next command, a rollback that was cut short is finished.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from .._plan import FileWrite
from ._files import Content, content_of, digest, reached, resolved, stage, sync_directory
from ._journal import Entry, Journal, Status, Store, directories_for, opened, store_of
from .errors import EditedSince, FilesChanged, NoSuchMigration, UnsafePath, WriteFailed

__all__ = ["Migration", "apply", "migrations", "recover", "rollback"]

_Side = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration of one root: `at` is its time in UTC (ISO 8601), `files` the planned paths, sorted."""

    id: str
    service: str
    root: Path
    at: str
    status: Status
    files: tuple[str, ...]


def apply(
    root: Path, plan_writes: Sequence[FileWrite], *, service: str, backup: bool = True, state: Path | None = None
) -> Migration:
    """
    Write every file of the plan, or none.

    Without `backup` the journal lives only as long as the writing, and `rollback` cannot take the migration back.

    Raises:
        FilesChanged: a file is not what the plan saw.
        UnsafePath: a path leads outside the root or not to a plain file.
        EditedSince: an earlier run was cut short and its files were edited since, so it cannot be undone.
        WriteFailed: the system refused a write; everything was undone.
        MigrationRunning: another run works on this root.
        UnusableInput: the root or the state directory cannot be worked with.
    """
    with opened(root, state) as store:
        _settle(store)
        journal, contents = _prepared(store, plan_writes, service)
        with _failures(store):
            store.begin(journal, contents)
        with _failures(store, journal, undo="before"):
            _bring(store, journal, "after")
            if not backup:
                store.discard(journal)
                return _shown(store, journal, Status.APPLIED)
            journal = store.move(journal, Status.APPLIED)
        return _shown(store, journal)


def rollback(root: Path, *, migration_id: str | None = None, state: Path | None = None) -> Migration:
    """
    Restore every byte and mode from before a migration, by default the latest applied one.

    Raises:
        NoSuchMigration: no such migration is kept or it is rolled back already.
        BackupDamaged: what was kept of it is not what was written then; nothing was changed.
        EditedSince: files were edited after the migration; nothing was changed.
        WriteFailed: the system refused a write; the migrated state was put back.
        MigrationRunning: another run works on this root.
        UnusableInput: the root or the state directory cannot be worked with.
    """
    with opened(root, state) as store:
        _settle(store)
        journal = next(
            (
                known
                for known in reversed(store.journals())
                if known.status is Status.APPLIED and migration_id in (None, known.id)
            ),
            None,
        )
        if journal is None:
            undone = any(known.id == migration_id for known in store.journals())
            raise NoSuchMigration(store.root, migration_id, was_undone=undone)
        _refuse_edited(store, journal)
        with _failures(store):
            journal = store.move(journal, Status.ROLLING_BACK)
        with _failures(store, journal, undo="after"):
            _bring(store, journal, "before")
            journal = store.move(journal, Status.ROLLED_BACK)
        return _shown(store, journal)


def recover(root: Path, *, state: Path | None = None) -> list[Migration]:
    """
    Undo an apply and finish a rollback that were cut short; return those migrations.

    Raises:
        BackupDamaged: what was kept of it is not what was written then; nothing was changed.
        EditedSince: their files were edited in between; nothing was changed.
        WriteFailed: the system refused a write; the next call tries again.
        MigrationRunning: another run works on this root.
        UnusableInput: the root or the state directory cannot be worked with.
    """
    if not store_of(root, state).directory.is_dir():
        return []
    with opened(root, state) as store:
        return _settle(store)


def migrations(root: Path, *, state: Path | None = None) -> list[Migration]:
    """
    Return the root's kept migrations, oldest first.

    Raises:
        BackupDamaged: the journal of one cannot be read.
        UnusableInput: the root is no directory.
    """
    store = store_of(root, state)
    return [_shown(store, journal) for journal in store.journals()]


def _settle(store: Store) -> list[Migration]:
    settled = []
    try:
        store.sweep()
        for journal in store.journals():
            if journal.status not in (Status.APPLYING, Status.ROLLING_BACK):
                continue
            _refuse_edited(store, journal)
            _bring(store, journal, "before")
            if journal.status is Status.APPLYING:
                store.discard(journal)
            else:
                store.move(journal, Status.ROLLED_BACK)
            settled.append(_shown(store, journal, Status.ROLLED_BACK))
    except OSError as error:
        raise WriteFailed(error, undone=False) from error
    return settled


def _prepared(store: Store, writes: Sequence[FileWrite], service: str) -> tuple[Journal, dict[str, bytes]]:
    entries: list[Entry] = []
    contents: dict[str, bytes] = {}
    changed: list[str] = []
    targets: dict[Path, str] = {}
    for write in sorted(writes, key=lambda write: write.path):
        target = resolved(store.root, write.path)
        if target in targets:
            raise UnsafePath(write.path, f"the same file as {targets[target]}")
        if write.after is None and (store.root / write.path).is_symlink():
            raise UnsafePath(write.path, "a symbolic link, which is not removed")
        targets[target] = write.path
        held = _read(target)
        if (held[1] if held else None) != write.before:
            changed.append(write.path)
            continue
        before = held[0] if held else None
        after = None if write.after is None else _rewritten(before, write.after)
        for content in (write.before, write.after):
            if content is not None:
                contents[digest(content)] = content
        entries.append(Entry(write.path, target.relative_to(store.root).as_posix(), before, after))
    if changed:
        raise FilesChanged(changed)
    made = directories_for(store.root, [store.root / entry.target for entry in entries if entry.after])
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Journal(store.next_id(), service, at, Status.APPLYING, tuple(entries), made), contents


def _rewritten(before: Content | None, after: bytes) -> Content:
    if before is None:
        return Content(digest(after))
    return Content(digest(after), before.mode, before.owner, before.attributes)


def _read(target: Path) -> tuple[Content, bytes] | None:
    try:
        return content_of(target)
    except NotADirectoryError:
        return None
    except OSError as error:
        raise WriteFailed(error, undone=True) from error


def _bring(store: Store, journal: Journal, side: _Side) -> None:
    """Make every entry hold what it held on `side`; started again after a crash, it does what is left."""
    _sweep_temporaries(store, journal)
    wanted = [(index, entry, getattr(entry, side)) for index, entry in enumerate(journal.entries)]
    pending = [row for row in wanted if not _holds(store.root / row[1].target, row[2])]
    if side == "after":
        for directory in journal.directories:
            reached(f"mkdir {directory}")
            (store.root / directory).mkdir(exist_ok=True)
    for index, entry, content in pending:
        if content is not None:
            target = store.root / entry.target
            target.parent.mkdir(parents=True, exist_ok=True)
            stage(target.with_name(store.temporary(journal, index)), store.content(journal, content.sha256), content)
    for index, entry, content in pending:
        target = store.root / entry.target
        reached(f"place {entry.target}")
        if content is None:
            target.unlink(missing_ok=True)
        else:
            target.with_name(store.temporary(journal, index)).replace(target)
    if side == "before":
        _remove_directories(store, journal)
    for parent in sorted({(store.root / entry.target).parent for entry in journal.entries}):
        if parent.is_dir():
            sync_directory(parent)


def _holds(target: Path, content: Content | None) -> bool:
    held = content_of(target)
    if held is None or content is None:
        return held is None and content is None
    return held[0].sha256 == content.sha256 and content.mode in (None, held[0].mode)


def _sweep_temporaries(store: Store, journal: Journal) -> None:
    for index, entry in enumerate(journal.entries):
        temporary = (store.root / entry.target).with_name(store.temporary(journal, index))
        if temporary.exists():
            reached(f"sweep {temporary.name}")
            temporary.unlink()


def _remove_directories(store: Store, journal: Journal) -> None:
    for directory in reversed(journal.directories):
        made = store.root / directory
        if not made.is_dir():
            continue
        held = list(made.iterdir())
        cache = made / "__pycache__"
        if held == [cache] and all(entry.suffix == ".pyc" for entry in cache.iterdir()):
            for compiled in [*cache.iterdir()]:  # what running the migrated code left behind is ours too
                compiled.unlink()
            cache.rmdir()
            held = []
        if not held:  # files that others put there since keep the directory
            reached(f"rmdir {directory}")
            made.rmdir()


def _refuse_edited(store: Store, journal: Journal) -> None:
    edited = []
    for entry in journal.entries:
        held = _read(store.root / entry.target)
        now = held[0].sha256 if held else None
        if now not in {content.sha256 if content else None for content in (entry.before, entry.after)}:
            edited.append(entry.path)
    if edited:
        raise EditedSince(edited, journal.id)


@contextlib.contextmanager
def _failures(store: Store, journal: Journal | None = None, *, undo: _Side | None = None) -> Iterator[None]:
    """Undo what the block did when anything stops it, and tell a refused write as such."""
    try:
        yield
    except BaseException as error:
        undone = _undone(store, journal, undo)
        if isinstance(error, OSError):
            raise WriteFailed(error, undone=undone) from error
        raise


def _undone(store: Store, journal: Journal | None, side: _Side | None) -> bool:
    try:
        if journal is not None and side is not None:
            _bring(store, journal, side)
            if side == "before":
                store.discard(journal)
            else:
                store.move(journal, Status.APPLIED)
        store.sweep()
    except OSError:
        return False
    return True


def _shown(store: Store, journal: Journal, status: Status | None = None) -> Migration:
    files = tuple(entry.path for entry in journal.entries)
    return Migration(journal.id, journal.service, store.root, journal.at, status or journal.status, files)
