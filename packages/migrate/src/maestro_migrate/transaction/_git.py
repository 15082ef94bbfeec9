"""
What git knows about a service, which may be a sub-folder of a bigger repository, and one commit per theme.

Hooks are honoured: they are the team's rules for its own history, and a migration is no reason to go round them.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import CommitRefused, GitUnusable, NoIdentity

__all__ = [
    "WorktreeStatus",
    "commit_theme",
    "last_commit",
    "require_identity",
    "take_back_commits",
    "worktree_status",
]


@dataclass(frozen=True, slots=True)
class WorktreeStatus:
    """Whether the service's folder has uncommitted changes, and which (paths relative to it)."""

    state: Literal["clean", "dirty", "no git tree"]
    changes: tuple[str, ...] = ()


def worktree_status(root: Path) -> WorktreeStatus:
    """
    Return what git says about `root` and below; ignored files do not count.

    Raises:
        GitUnusable: git is there and cannot answer.
    """
    try:
        inside = _git(root, "rev-parse", "--is-inside-work-tree", "--show-prefix")
    except FileNotFoundError:
        return WorktreeStatus("no git tree")
    if inside.returncode != 0 and "not a git repository" in inside.stderr:
        return WorktreeStatus("no git tree")
    if inside.returncode != 0:
        raise GitUnusable(root, inside.stderr.strip())
    answer, _, prefix = inside.stdout.partition("\n")
    if answer != "true":
        return WorktreeStatus("no git tree")
    listed = _git(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    if listed.returncode != 0:
        raise GitUnusable(root, listed.stderr.strip())
    prefix = prefix.rstrip("\n")
    changes = sorted(row[3:].removeprefix(prefix) for row in listed.stdout.split("\0") if row)
    return WorktreeStatus("dirty" if changes else "clean", tuple(changes))


def require_identity(root: Path) -> None:
    """
    Make sure that git knows who commits; call it before anything is written.

    Raises:
        NoIdentity: name or address are not set.
        GitUnusable: git is not installed.
    """
    try:
        answers = [
            _git(root, "-c", "user.useConfigOnly=true", "var", f"GIT_{who}_IDENT") for who in ("AUTHOR", "COMMITTER")
        ]
    except FileNotFoundError as error:
        raise GitUnusable(root, "git is not installed") from error
    if any(answer.returncode for answer in answers):
        raise NoIdentity(root)


def commit_theme(root: Path, paths: Sequence[str], message: str) -> str:
    """
    Commit these paths (relative to `root`) and nothing else, whatever else is staged; return the commit's id.

    Raises:
        NoIdentity: git does not know who commits.
        CommitRefused: a hook or git said no; the paths are no longer staged.
        GitUnusable: git is not installed or cannot answer.
    """
    require_identity(root)
    chosen = [f":(literal){path}" for path in paths]
    added = _git(root, "add", "--all", "--", *chosen)
    done = (
        _git(root, "commit", "--quiet", "--only", "--message", message, "--", *chosen)
        if not added.returncode
        else added
    )
    if done.returncode != 0:
        _git(root, "reset", "--quiet", "--", *chosen)
        raise CommitRefused(root, (done.stderr or done.stdout).strip())
    return last_commit(root)


def last_commit(root: Path) -> str:
    """Return the id of the commit that is checked out, an empty string before a branch's first."""
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD").stdout.strip()


def take_back_commits(root: Path, commit: str, paths: Sequence[str]) -> None:
    """Let the branch end where it did (see `last_commit`), with these paths (relative to `root`) unstaged; files and what else is staged stay."""
    _git(root, *(("reset", "--quiet", "--soft", commit) if commit else ("update-ref", "-d", "HEAD")))
    _git(root, "reset", "--quiet", "--", *(f":(literal){path}" for path in paths))


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", os.fspath(root), *arguments],
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        env=_environment(os.environ),
    )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    # Run from a hook, git would hand us the variables of *that* repository.
    foreign = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
    return {key: value for key, value in environ.items() if key not in foreign} | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
    }
