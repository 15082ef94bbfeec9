"""What git says about a service's folder, and commits of exactly the files of one theme."""

import subprocess
from pathlib import Path

import pytest

from maestro_migrate.transaction import CommitRefused, NoIdentity, WorktreeStatus, commit_theme, worktree_status


def git(place: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(place), *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service in a sub-folder of a repository, with one commit."""
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "A")
    git(tmp_path, "config", "user.email", "a@example.org")
    place = tmp_path / "services" / "mail"
    place.mkdir(parents=True)
    for name in ("a.py", "b.py"):
        (place / name).write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "start")
    return place


def test_status_tells_clean_dirty_and_no_tree(service: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only the service's own folder counts, with paths relative to it."""
    (service.parent / "other.py").write_text("")
    assert worktree_status(service) == WorktreeStatus("clean")
    (service / "a.py").write_text("x = 2\n")
    (service / "näw.py").write_text("")
    assert worktree_status(service) == WorktreeStatus("dirty", ("a.py", "näw.py"))
    assert worktree_status(tmp_path_factory.mktemp("bare")).state == "no git tree"


def test_a_commit_holds_only_its_theme(service: Path) -> None:
    """New, changed and deleted files of the theme go in; what else is staged stays staged."""
    (service / "a.py").write_text("x = 2\n")
    (service / "b.py").unlink()
    (service / "c.py").write_text("y = 1\n")
    (service / "other.py").write_text("")
    git(service, "add", "other.py")
    done = commit_theme(service, ["a.py", "b.py", "c.py"], "Move logging")
    named = git(service, "show", "--name-status", "--format=%s", done).split()
    assert named == ["Move", "logging", "M", "services/mail/a.py", "D", "services/mail/b.py", "A", "services/mail/c.py"]
    assert worktree_status(service).changes == ("other.py",)


def test_a_missing_identity_is_told_before_anything_is_staged(service: Path) -> None:
    """Git would guess or fail half-way; we ask first."""
    git(service, "config", "--unset", "user.email")
    (service / "a.py").write_text("x = 2\n")
    with pytest.raises(NoIdentity, match=r"user\.email"):
        commit_theme(service, ["a.py"], "m")
    assert git(service, "diff", "--cached", "--name-only") == ""


def test_a_refusing_hook_is_honoured(service: Path) -> None:
    """The hook's words are in the error, and nothing stays staged."""
    hook = Path(git(service, "rev-parse", "--absolute-git-dir").strip()) / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no tests' >&2\nexit 1\n")
    hook.chmod(0o755)
    (service / "a.py").write_text("x = 2\n")
    with pytest.raises(CommitRefused, match="no tests"):
        commit_theme(service, ["a.py"], "m")
    assert git(service, "diff", "--cached", "--name-only") == ""
