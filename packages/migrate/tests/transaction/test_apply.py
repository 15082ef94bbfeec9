"""Writing a plan is all or nothing, whatever stops it; taking it back restores every byte and mode."""

# ruff: noqa: PT017  # whether a step fails is itself under test, so there is an `except` to look at

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maestro_migrate._plan import FileWrite
from maestro_migrate.errors import MigrateError, UnusableInput
from maestro_migrate.transaction import (
    BackupDamaged,
    EditedSince,
    FilesChanged,
    MigrationRunning,
    NoSuchMigration,
    Status,
    UnsafePath,
    WriteFailed,
    _files,
    apply,
    migrations,
    recover,
    rollback,
)
from maestro_migrate.transaction._journal import store_of

WRITES = (
    FileWrite("app/main.py", b"import logging\r\n", b"from shared import get_logger\r\n"),
    FileWrite("app/old.py", b"gone = 1\n", None),
    FileWrite("pkg/deep/new.py", None, b"made = 1\n"),
    FileWrite("run.sh", b"#!/bin/sh\n", b"#!/bin/sh\necho\n"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    service = tmp_path / "service"
    lay_out(service)
    return service


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def observe() -> Iterator[Callable[[Callable[[str], None]], None]]:
    before = _files._Steps.observe
    yield lambda seen: setattr(_files._Steps, "observe", staticmethod(seen))
    _files._Steps.observe = staticmethod(before)


def lay_out(service: Path) -> None:
    (service / "app").mkdir(parents=True)
    for write in WRITES:
        if write.before is not None:
            (service / write.path).write_bytes(write.before)
    (service / "run.sh").chmod(0o751)
    (service / "app/old.py").chmod(0o600)


def fill(filler: Path) -> None:
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)


def picture(root: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(root.rglob("*"))
    }


def left_over(root: Path, state: Path) -> list[str]:
    kept = store_of(root, state).directory
    names = [path.name for path in root.rglob("*.tmp")]
    return names + [p.name for p in kept.iterdir() if p.suffix in {".part", ".applying", ".rolling-back"}]


def test_apply_writes_and_rollback_restores_bytes_modes_and_directories(root: Path, state: Path) -> None:
    """Created files go with the directories made for them, deleted ones come back, modes are kept."""
    old = picture(root)
    done = apply(root, WRITES, service="mail", state=state)
    assert done.status is Status.APPLIED
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o751
    assert (root / "pkg/deep/new.py").read_bytes() == b"made = 1\n"
    assert not (root / "app/old.py").exists()
    (root / "pkg/deep/__pycache__").mkdir()
    (root / "pkg/deep/__pycache__/new.pyc").write_bytes(b"")
    assert rollback(root, state=state).status is Status.ROLLED_BACK
    assert picture(root) == old
    assert [m.status for m in migrations(root, state=state)] == [Status.ROLLED_BACK]
    assert left_over(root, state) == []
    with pytest.raises(NoSuchMigration):
        rollback(root, state=state)


def test_rollback_refuses_files_edited_since(root: Path, state: Path) -> None:
    """An edit made after the migration is never lost: the error names the file and nothing changes."""
    apply(root, WRITES, service="mail", state=state)
    (root / "app/main.py").write_bytes(b"mine\n")
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")  # already the original: no obstacle
    now = picture(root)
    with pytest.raises(EditedSince, match=r"app/main\.py") as caught:
        rollback(root, state=state)
    assert caught.value.paths == ("app/main.py",)
    assert picture(root) == now


@pytest.mark.parametrize("damage", [b"", b"import loggIng\r\n", None])
def test_rollback_puts_nothing_back_from_a_damaged_backup(root: Path, state: Path, damage: bytes | None) -> None:
    """Kept bytes that were cut short, flipped or removed are told, no file changes, and the migration still counts as applied."""
    apply(root, WRITES, service="mail", state=state)
    now = picture(root)
    kept = store_of(root, state).directory / "0001.applied" / _files.digest(b"import logging\r\n")
    kept.unlink()
    if damage is not None:
        kept.write_bytes(damage)
    with pytest.raises(BackupDamaged, match="move it aside"):
        rollback(root, state=state)
    assert picture(root) == now
    assert left_over(root, state) == []
    assert [known.status for known in migrations(root, state=state)] == [Status.APPLIED]


@pytest.mark.parametrize("damage", [b"", b'{"id": 1}', b"[]", b"\xff\xfe", b'{"entries": [{"path": 1}]}', None])
def test_a_journal_that_cannot_be_read_stops_every_command(root: Path, state: Path, damage: bytes | None) -> None:
    """The error names the folder; once it is moved aside, the work goes on."""
    apply(root, WRITES[:1], service="mail", state=state)
    now = picture(root)
    kept = store_of(root, state).directory / "0001.applied"
    (kept / "journal.json").unlink()
    if damage is not None:
        (kept / "journal.json").write_bytes(damage)
    for command in (rollback, recover, migrations):
        with pytest.raises(BackupDamaged, match=r"0001\.applied: this backup is damaged"):
            command(root, state=state)
    assert picture(root) == now
    kept.rename(state / "aside")
    apply(root, WRITES[1:2], service="mail", state=state)


def test_rollback_of_a_named_migration_leaves_the_others(root: Path, state: Path) -> None:
    """Two migrations of different files are taken back in any order."""
    first = apply(root, WRITES[:1], service="mail", state=state)
    second = apply(root, WRITES[1:2], service="mail", state=state)
    rollback(root, migration_id=first.id, state=state)
    assert (root / "app/main.py").read_bytes() == WRITES[0].before
    assert [m.status for m in migrations(root, state=state)] == [Status.ROLLED_BACK, Status.APPLIED]
    assert rollback(root, state=state).id == second.id


def test_without_backup_nothing_is_kept(root: Path, state: Path) -> None:
    """`backup=False` keeps the journal only while it writes."""
    apply(root, WRITES, service="mail", backup=False, state=state)
    assert migrations(root, state=state) == []
    assert left_over(root, state) == []


def test_a_file_changed_since_the_plan_stops_everything(root: Path, state: Path) -> None:
    """One stale file refuses the whole plan, also one that appeared where the plan makes one."""
    (root / "run.sh").write_bytes(b"other\n")
    (root / "pkg/deep").mkdir(parents=True)
    (root / "pkg/deep/new.py").write_bytes(b"")
    old = picture(root)
    with pytest.raises(FilesChanged) as caught:
        apply(root, WRITES, service="mail", state=state)
    assert caught.value.paths == ("pkg/deep/new.py", "run.sh")
    assert picture(root) == old


def test_symbolic_links_are_written_through_inside_and_refused_outside(root: Path, state: Path, tmp_path: Path) -> None:
    """A link stays a link; one that leads out of the service is never followed."""
    (root / "link.py").symlink_to("app/main.py")
    write = FileWrite("link.py", WRITES[0].before, WRITES[0].after)
    apply(root, [write], service="mail", state=state)
    assert (root / "link.py").is_symlink()
    assert (root / "app/main.py").read_bytes() == WRITES[0].after
    rollback(root, state=state)
    with pytest.raises(UnsafePath, match="same file"):
        apply(root, [write, WRITES[0]], service="mail", state=state)
    with pytest.raises(UnsafePath, match="not removed"):
        apply(root, [FileWrite("link.py", WRITES[0].before, None)], service="mail", state=state)
    outside = tmp_path / "outside.py"
    outside.write_bytes(b"x\n")
    (root / "link.py").unlink()
    (root / "link.py").symlink_to(outside)
    with pytest.raises(UnsafePath, match="outside"):
        apply(root, [FileWrite("link.py", b"x\n", b"y\n")], service="mail", state=state)
    assert outside.read_bytes() == b"x\n"


@pytest.mark.parametrize("path", ["../x.py", "/etc/x.py", ".git/config", "", "app"])
def test_paths_that_are_no_file_of_the_service_are_refused(root: Path, state: Path, path: str) -> None:
    """Nothing outside the service, inside `.git`, or that is a directory is written."""
    with pytest.raises(UnsafePath):
        apply(root, [FileWrite(path, None, b"x")], service="mail", state=state)


def test_another_hard_link_keeps_the_old_bytes(root: Path, state: Path) -> None:
    """A replaced file gets a new inode, so a copy made with `cp -al` is not changed behind its owner's back."""
    os.link(root / "run.sh", root / "twin.sh")
    apply(root, WRITES, service="mail", state=state)
    assert (root / "twin.sh").read_bytes() == b"#!/bin/sh\n"


def test_extended_attributes_survive_where_the_file_system_has_them(root: Path, state: Path) -> None:
    """Attributes of a replaced and of a deleted file come back as they were."""
    names = ["run.sh", "app/old.py"]
    try:
        for name in names:
            os.setxattr(root / name, "user.owner", b"mail")
        held = True
    except OSError as error:  # this file system has none: then nothing may stumble over that
        assert error.errno in (errno.ENOTSUP, errno.EPERM)
        held = False
    apply(root, WRITES, service="mail", state=state)
    rollback(root, state=state)
    for name in names:
        assert os.listxattr(root / name) == (["user.owner"] if held else [])


def test_a_second_run_on_the_same_root_is_refused(root: Path, state: Path) -> None:
    """The lock is per root and is told clearly."""
    store = store_of(root, state)
    store.directory.mkdir(parents=True)
    with (store.directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (lambda: apply(root, WRITES, service="mail", state=state), lambda: recover(root, state=state)):
            with pytest.raises(MigrationRunning, match="another maestro run"):
                command()


def test_state_inside_the_service_or_unwritable_is_refused(root: Path, tmp_path: Path) -> None:
    """The journal is never part of what it protects."""
    with pytest.raises(UnusableInput, match="inside the service"):
        apply(root, WRITES, service="mail", state=root / ".state")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnusableInput, match="MAESTRO_STATE"):
        apply(root, WRITES, service="mail", state=tmp_path / "file")


def in_child(work: Callable[[], object], stop_at: int) -> bool:
    """Run `work` in a forked process that is killed at its n-th step; say whether it lived to the end."""
    child = os.fork()
    if child == 0:
        count = 0

        def stop(_step: str) -> None:
            nonlocal count
            count += 1
            if count == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)

        _files._Steps.observe = staticmethod(stop)
        try:
            work()
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


@pytest.mark.parametrize("backup", [True, False])
def test_killed_at_every_step_of_apply_the_tree_is_old_or_new(
    root: Path, state: Path, tmp_path: Path, backup: bool
) -> None:
    """SIGKILL at step n for every n, then recovery: no mixture, no temporary file, no journal in progress."""
    old = picture(root)
    apply(root, WRITES, service="mail", state=tmp_path / "other")
    new = picture(root)
    seen = set()
    for step in range(1, 200):
        for leftover in (root, state):
            shutil.rmtree(leftover, ignore_errors=True)
        lay_out(root)
        lived = in_child(lambda: apply(root, WRITES, service="mail", backup=backup, state=state), step)
        recover(root, state=state)
        now = picture(root)
        assert now in (old, new), f"mixed after step {step}"
        assert left_over(root, state) == []
        seen.add("old" if now == old else "new")
        if lived:
            break
    assert lived
    assert step > 25
    assert "new" in seen
    assert "old" in seen


def test_killed_at_every_step_of_rollback_the_tree_is_old_or_new(root: Path, state: Path) -> None:
    """SIGKILL at step n of a rollback, and again inside the recovery that follows, ends whole."""
    old = picture(root)
    for step in range(1, 200):
        for leftover in (root, state):
            shutil.rmtree(leftover, ignore_errors=True)
        lay_out(root)
        apply(root, WRITES, service="mail", state=state)
        new = picture(root)
        lived = in_child(lambda: rollback(root, state=state), step)
        in_child(lambda: recover(root, state=state), step)
        recover(root, state=state)
        assert picture(root) in (old, new)
        assert left_over(root, state) == []
        if lived:
            break
    assert lived
    assert step > 10
    assert picture(root) == old


def test_recovery_never_overwrites_an_edit_made_after_the_kill(root: Path, state: Path) -> None:
    """A half-done apply whose files a person edited is left for that person, by name."""
    apply(root, WRITES, service="mail", state=state)
    kept = store_of(root, state).directory
    (kept / "0001.applied").rename(kept / "0001.applying")
    (root / "run.sh").write_bytes(b"mine\n")
    now = picture(root)
    with pytest.raises(EditedSince, match=r"run\.sh"):
        recover(root, state=state)
    assert picture(root) == now


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_an_error_at_any_step_of_apply_or_rollback_is_undone(
    root: Path, state: Path, observe: Callable[[Callable[[str], None]], None], number: int
) -> None:
    """The first refused system call at every step, in the service as in the state, leaves the tree as it was."""
    old = picture(root)
    failed = {"apply": 0, "rollback": 0}
    for step in range(1, 200):
        count = 0

        def refuse(_step: str, *, at: int = step) -> None:
            nonlocal count
            count += 1
            if count == at:
                raise OSError(number, os.strerror(number))

        observe(refuse)
        try:
            apply(root, WRITES, service="mail", state=state)
        except WriteFailed as error:
            assert error.undone
            failed["apply"] += 1
            assert picture(root) == old
        new = picture(root)
        count -= 1000 if new == old else 0
        if new != old:
            try:
                rollback(root, state=state)
            except WriteFailed as error:
                assert error.undone
                failed["rollback"] += 1
                assert picture(root) == new
            observe(lambda _step: None)
            if migrations(root, state=state)[-1].status is Status.APPLIED:
                rollback(root, state=state)
        observe(lambda _step: None)
        assert left_over(root, state) == []
        assert picture(root) == old
    assert failed["apply"] > 20
    assert failed["rollback"] > 8


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root; the same errors are injected at every step by the test above")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's; the injected errors cover other systems")
@pytest.mark.parametrize("full", ["service", "state"])
def test_a_really_full_disk_undoes_everything(small_disk: Path, tmp_path: Path, full: str) -> None:
    """On a real file system without room, in the service or in the state, the tree is old and nothing is left behind."""
    root = (small_disk if full == "service" else tmp_path) / "service"
    state = (small_disk if full == "state" else tmp_path) / "state"
    lay_out(root)
    old = picture(root)
    big = [*WRITES, *(FileWrite(f"pkg/big{n}.py", None, bytes([n]) * 100_000) for n in range(5))]
    with pytest.raises(WriteFailed, match="No space left on device"):
        apply(root, big, service="mail", state=state)
    assert picture(root) == old
    assert left_over(root, state) == []
    apply(root, WRITES, service="mail", state=state)
    fill(small_disk / "filler")
    if full == "service":
        with pytest.raises(WriteFailed) as caught:
            rollback(root, state=state)
        assert caught.value.undone
        assert (root / "pkg/deep/new.py").exists()
        (small_disk / "filler").unlink()
    rollback(root, state=state)  # with a full state directory it works: a status is one rename
    assert picture(root) == old


@pytest.mark.skipif(sys.platform != "linux", reason="remounting is Linux's; the injected errors cover other systems")
def test_a_read_only_tree_is_told_and_left(small_disk: Path, tmp_path: Path) -> None:
    """A file system mounted read-only gives a clear error and keeps no journal."""
    root = small_disk / "service"
    lay_out(root)
    old = picture(root)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(MigrateError, match="Read-only file system"):
        apply(root, WRITES, service="mail", state=tmp_path / "state")
    assert picture(root) == old
    assert left_over(root, tmp_path / "state") == []
