"""What can stop a migration from being written or taken back; in every case the tree is whole afterwards."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import MigrateError

__all__ = [
    "BackupDamaged",
    "CommitRefused",
    "EditedSince",
    "FilesChanged",
    "GitUnusable",
    "MigrationRunning",
    "NoIdentity",
    "NoSuchMigration",
    "UnsafePath",
    "WriteFailed",
]


class BackupDamaged(MigrateError):
    """What was kept of a migration is not what was written then, so nothing is put back from it; nothing was changed."""

    def __init__(self, directory: Path, problem: str) -> None:
        super().__init__(
            f"{directory}: this backup is damaged ({problem}); nothing was changed,"
            " restore that folder from a copy, or move it aside to go on without it"
        )
        self.directory, self.problem = directory, problem


class FilesChanged(MigrateError):
    """Files are not what they were when the plan was made; nothing was written."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(f"changed since the plan was made: {', '.join(paths)}; nothing was written, plan again")
        self.paths = tuple(paths)


class EditedSince(MigrateError):
    """Files were edited after the migration, so taking it back would lose those edits; nothing was changed."""

    def __init__(self, paths: Sequence[str], migration: str) -> None:
        super().__init__(
            f"edited since migration {migration}: {', '.join(paths)}; nothing was changed,"
            " undo or move those edits aside and run the command again"
        )
        self.paths, self.migration = tuple(paths), migration


class MigrationRunning(MigrateError):
    """Another run holds the lock of the same root."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"another maestro run works on {root}; wait until it ends and try again")
        self.root = root


class NoSuchMigration(MigrateError):
    """There is no migration of that id, or none, that could be rolled back; `was_undone` says that it was, before."""

    def __init__(self, root: Path, migration: str | None, *, was_undone: bool = False) -> None:
        wanted = f"migration {migration}" if migration else "an applied migration"
        problem = f"{wanted} is taken back already" if was_undone else f"no backup of {wanted} is kept"
        moved = "" if was_undone else " (backups are kept by the folder's path: move a folder back that was renamed)"
        super().__init__(f"{root}: {problem}; `maestro migrate rollback {root} --list` shows what is kept{moved}")
        self.root, self.migration = root, migration


class UnsafePath(MigrateError):
    """A planned path leads out of the root or to something that is not a plain file; nothing was written."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}; nothing was written, leave the file out or mend it first")
        self.path, self.problem = path, problem


class WriteFailed(MigrateError):
    """The system refused a write. `undone` says whether the tree is back already or the next command will see to it."""

    def __init__(self, error: OSError, *, undone: bool) -> None:
        where = f"{error.filename}: " if error.filename else ""
        rest = (
            "everything was undone, make room or mend the permissions and try again"
            if undone
            else "the undo was stopped too; any maestro command finishes it once there is room and permission"
        )
        super().__init__(f"{where}{error.strerror or error}; {rest}")
        self.error, self.undone = error, undone


class GitUnusable(MigrateError):
    """Git could not answer."""

    def __init__(self, root: Path, problem: str) -> None:
        super().__init__(f"git cannot be used in {root}: {problem}; mend that or run without --commits")
        self.root, self.problem = root, problem


class NoIdentity(MigrateError):
    """Git does not know who commits."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"git has no author identity in {root}; nothing was written,"
            " set one with `git config user.name` and `git config user.email`"
        )
        self.root = root


class CommitRefused(MigrateError):
    """A hook or git itself refused a commit; the paths are no longer staged."""

    def __init__(self, root: Path, output: str, *, is_undone: bool = False) -> None:
        left = (
            "the migration and its commits were taken back: mend what git names and run again, or leave --commits out"
            if is_undone
            else "the migrated files are written and not committed: mend what it names, then commit them"
        )
        super().__init__(f"git refused the commit in {root}: {output}; {left}")
        self.root, self.output = root, output
