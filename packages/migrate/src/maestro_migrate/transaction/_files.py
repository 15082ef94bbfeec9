"""
Files as the transaction sees them: what one holds now, and new bytes staged beside it.

A replaced file keeps its mode, its extended attributes and, where the system lets us, its owner. It gets a new inode: another
hard link to the old one keeps the old bytes, and a rollback does not join the two again. Times are not kept.
"""

import base64
import contextlib
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .errors import UnsafePath

__all__ = ["Content", "content_of", "digest", "reached", "remove_tree", "resolved", "stage", "sync_directory"]


def _ignore(_step: str) -> None:
    pass


class _Steps:
    """Where every effect announces itself, so that a test can stop the program at any of them."""

    observe: Callable[[str], None] = staticmethod(_ignore)


def reached(step: str) -> None:
    """Announce that `step` is about to be made."""
    _Steps.observe(step)


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: the hash of its bytes, permission bits, owner and extended attributes (base64)."""

    sha256: str
    mode: int | None = None
    owner: tuple[int, int] | None = None
    attributes: dict[str, str] = field(default_factory=dict)


def content_of(path: Path) -> tuple[Content, bytes] | None:
    """Return what `path` holds, or `None` where nothing is there."""
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        return None
    status = path.stat()
    attributes = {}
    for name in _attribute_names(path):
        with contextlib.suppress(OSError):
            attributes[name] = base64.b64encode(os.getxattr(path, name)).decode()
    return Content(digest(held), stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid), attributes), held


def resolved(root: Path, path: str) -> Path:
    """
    Return the file that `path` means inside `root` (itself resolved), through symbolic links.

    Raises:
        UnsafePath: the path is absolute, climbs, leads outside the root, into `.git`, or to something else than a file.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or ".git" in pure.parts:
        raise UnsafePath(path, "not a path inside the service")
    try:
        target = (root / pure).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise UnsafePath(path, "its links cannot be followed") from error
    if not target.is_relative_to(root):
        raise UnsafePath(path, "its symbolic link leads outside the service")
    if os.path.lexists(target) and not target.is_file():
        raise UnsafePath(path, "not a plain file")
    return target


def stage(temporary: Path, content: bytes, like: Content) -> None:
    """
    Write `content` to `temporary`, synced, with the mode, owner and attributes of `like`.

    Raises:
        OSError: no room, no permission; the caller removes the file.
    """
    reached(f"open {temporary.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb") as stream:
        reached(f"write {temporary.name}")
        stream.write(content)
        stream.flush()
        if like.owner is not None:
            with contextlib.suppress(PermissionError):  # only root may give files away; ours stay ours
                os.fchown(descriptor, *like.owner)
        if like.mode is not None:
            os.fchmod(descriptor, like.mode)
        for name, encoded in like.attributes.items():
            with contextlib.suppress(OSError):  # labels that only the system may set
                os.setxattr(descriptor, name, base64.b64decode(encoded))
        reached(f"sync {temporary.name}")
        os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a directory of ours, file by file, each a step of its own."""
    for entry in sorted(path.rglob("*"), reverse=True):
        reached(f"discard {entry.name}")
        if entry.is_dir() and not entry.is_symlink():
            entry.rmdir()
        else:
            entry.unlink(missing_ok=True)
    reached(f"discard {path.name}")
    path.rmdir()


def _attribute_names(path: Path) -> list[str]:
    if not hasattr(os, "listxattr"):  # macOS has them, Python there does not
        return []
    try:
        return sorted(os.listxattr(path))
    except OSError:
        return []
