"""
Keeps a driven service from reaching anything outside its copy: no network, no file written elsewhere, no program started by a request.

The network is taken away by a namespace of its own where the kernel grants one, which holds for drivers written in C, too; an audit hook
refuses the rest, and writes down whom the service tried to call.
"""

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {
    "os.remove": 1, "os.rename": 2, "os.rmdir": 1, "os.mkdir": 1, "os.chmod": 1, "os.chown": 1, "os.link": 2, "os.symlink": 2, "os.truncate": 1,
    "shutil.rmtree": 1, "sqlite3.connect": 1,
}  # fmt: skip
_PROGRAMS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.kill", "os.killpg", "pty.spawn"}
)
_SERVERS = re.compile(r"pgsql|postgres|mysql|maria|redis|valkey|mongo|memcache|rabbit|docker|containerd|podman")


class Refused(PermissionError):
    """What the service tried is not allowed while it is driven."""


class Isolation:
    """The hook and the namespace; `calls` are the addresses that the service tried to reach since they were last taken."""

    def __init__(self, tree: Path) -> None:
        self._roots = tuple(
            os.path.realpath(root) + os.sep for root in (tree, tempfile.gettempdir(), "/dev", "/proc/self")
        )
        self._requests = False
        self.calls: list[str] = []
        near = _local_servers()
        self.is_whole = _without_network() and not near
        sys.addaudithook(self._hook)

    def start_requests(self) -> None:
        """From now on, no program may be started either."""
        self._requests = True

    def taken(self) -> list[str]:
        """Return the calls since the last time."""
        calls, self.calls = self.calls, []
        return calls

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._check_open(arguments[0], arguments[2])
        elif event in _PATHS:
            self._check_paths(arguments[: _PATHS[event]])
        elif event in {"socket.connect", "socket.sendto"}:
            self.calls.append(f"{arguments[1]!r}"[:200])
            raise Refused(f"no network while requests are compared: {arguments[1]!r}")
        elif event == "socket.getaddrinfo":
            self.calls.append(f"{arguments[0]!r}"[:200])
        elif self._requests and event in _PROGRAMS:
            self.calls.append(f"{event}: {arguments[0]!r}"[:200])
            raise Refused("no program is started while requests are compared")

    def _check_open(self, path: Any, flags: Any) -> None:
        if isinstance(path, str | bytes | os.PathLike) and isinstance(flags, int) and flags & _WRITES:
            self._check_paths((path,))

    def _check_paths(self, paths: Iterable[Any]) -> None:
        for path in paths:
            if not isinstance(path, str | bytes | os.PathLike):
                continue
            plain = os.fsdecode(path)
            if plain in {":memory:", ""} or plain.startswith("file:"):
                continue
            if not f"{os.path.realpath(plain)}{os.sep}".startswith(self._roots):
                raise Refused(f"nothing outside its copy is written while requests are compared: {plain}")


def _local_servers() -> bool:
    """Return whether a server that holds data listens on a socket file, which a namespace does not hide."""
    try:
        return _SERVERS.search(Path("/proc/net/unix").read_text()) is not None
    except OSError:
        return True


def _without_network() -> bool:
    """Leave this process without any network; return whether that was granted."""
    user, group = os.getuid(), os.getgid()
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
    except (OSError, AttributeError):
        return False
    if unshare(_NEW_NETWORK) == 0:
        return True
    if unshare(_NEW_USER | _NEW_NETWORK) != 0:
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            Path("/proc/self", name).write_text(text)
        except OSError:
            return False
    return True
