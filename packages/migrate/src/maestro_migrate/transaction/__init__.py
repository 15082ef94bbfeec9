"""Writing a plan to disk whole or not at all, taking it back, and what git says meanwhile."""

from ._apply import Migration, apply, migrations, recover, rollback
from ._git import WorktreeStatus, commit_theme, last_commit, require_identity, take_back_commits, worktree_status
from ._journal import Status, report_folder, state_home
from .errors import (
    BackupDamaged,
    CommitRefused,
    EditedSince,
    FilesChanged,
    GitUnusable,
    MigrationRunning,
    NoIdentity,
    NoSuchMigration,
    UnsafePath,
    WriteFailed,
)

__all__ = [
    "BackupDamaged",
    "CommitRefused",
    "EditedSince",
    "FilesChanged",
    "GitUnusable",
    "Migration",
    "MigrationRunning",
    "NoIdentity",
    "NoSuchMigration",
    "Status",
    "UnsafePath",
    "WorktreeStatus",
    "WriteFailed",
    "apply",
    "commit_theme",
    "last_commit",
    "migrations",
    "recover",
    "report_folder",
    "require_identity",
    "rollback",
    "state_home",
    "take_back_commits",
    "worktree_status",
]
