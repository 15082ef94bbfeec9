"""Whatever the command line is given: one clear message, the right exit code, and nothing half-done."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maestro_migrate import _verify
from maestro_migrate._service_tests import run_tests
from maestro_migrate.cli import inventory, migrate, recipes

CODE = 'import logging\n\nlog = logging.getLogger("a")\n'
MOVED = b"from maestro_core_logging import get_logger"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the smallest service, and keep the engine's state beside it."""
    monkeypatch.setenv("MAESTRO_STATE", str(tmp_path / "state"))
    root = tmp_path / "svc"
    root.mkdir()
    (root / "app.py").write_text(CODE)
    (root / "requirements.txt").write_text("click\n")
    return root


def run(*arguments: object) -> Result:
    """Run `maestro migrate`."""
    return CliRunner().invoke(migrate, [str(each) for each in arguments])


def digest(root: Path) -> str:
    """Return a hash of every name, mode and byte below a folder."""
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and ".git" not in path.parts:
            found.update(f"{path.relative_to(root)} {path.stat().st_mode} ".encode() + path.read_bytes())
    return found.hexdigest()


def refused(service: Path, *arguments: object) -> str:
    """Run a command that must be refused in one line with exit code 2 and change nothing; return the line."""
    before = digest(service)
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert digest(service) == before
    return done.stderr


def test_a_path_that_leads_nowhere(service: Path, tmp_path: Path) -> None:
    """A missing folder, a link to itself, a file."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "does not exist" in refused(service, "service", tmp_path / "nowhere")
    assert "link that leads nowhere" in refused(service, "service", tmp_path / "loop")
    assert "is a file" in refused(service, "service", service / "app.py")


def test_a_folder_that_cannot_be_listed(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, whom nothing is forbidden, so the refusal is injected."""

    def forbidden(_path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbidden)
    done = run("service", service, "--dry-run")
    assert done.exit_code == 2
    assert "check its permissions" in done.stderr


def test_a_file_that_cannot_be_read_is_listed_and_the_rest_goes_on(
    service: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named with the system's reason."""
    (service / "secret.py").write_text(CODE)
    real = Path.read_bytes

    def guarded(path: Path) -> bytes:
        if path.name == "secret.py":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    done = run("service", service, "--dry-run", "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert "secret.py: not read: cannot be read: Permission denied" in done.stderr
    assert "+++ b/app.py" in done.stdout


def test_links_in_circles_are_not_followed(service: Path) -> None:
    """Links to folders, to files and to themselves are left out; what they point at is read once."""
    (service / "again").symlink_to(service, target_is_directory=True)
    (service / "self.py").symlink_to(service / "self.py")
    (service / "other.py").symlink_to(service / "app.py")
    done = run("service", service, "--no-verify")
    assert done.exit_code == 0, done.output
    assert MOVED in (service / "app.py").read_bytes()
    assert (service / "other.py").is_symlink()


def test_odd_line_ends_survive(service: Path) -> None:
    """Windows line ends and no last newline are as they were."""
    (service / "app.py").write_bytes(CODE.replace("\n", "\r\n").rstrip().encode())
    assert run("service", service, "--no-verify").exit_code == 0
    assert (service / "app.py").read_bytes() == MOVED + b'\r\n\r\nlog = get_logger("a")'


@pytest.mark.parametrize("report", ["svc/app.py", "svc/app.py/below"])
def test_a_report_that_cannot_be_written_is_told_first(service: Path, tmp_path: Path, report: str) -> None:
    """Nothing is migrated that could not be reported."""
    assert "--report" in refused(service, "service", service, "--no-verify", "--report", tmp_path / report)


def test_a_state_folder_that_cannot_be_used(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside the service it would be part of what is rolled back; a file is no folder."""
    monkeypatch.setenv("MAESTRO_STATE", str(service / "state"))
    assert "MAESTRO_STATE" in refused(service, "service", service, "--no-verify")
    monkeypatch.setenv("MAESTRO_STATE", str(service / "app.py" / "state"))
    done = run("service", service, "--no-verify")
    assert done.exit_code == 2
    assert (service / "app.py").read_text() == CODE


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.toml", b"x = ", "cannot be read as TOML"),
        ("r.toml", b"\xff\xfe", "cannot be read as TOML"),
        ("r.py", b"raise ValueError('x')", "cannot be loaded: ValueError: x"),
        ("r.py", b"def (", "cannot be loaded: SyntaxError"),
    ],
)
def test_a_broken_recipe_file(service: Path, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """As an option and as something to be tested."""
    (tmp_path / name).write_bytes(content)
    assert message in refused(service, "service", service, "--dry-run", "--recipes", tmp_path / name)
    tested = CliRunner().invoke(recipes, ["test", str(tmp_path / name)])
    assert (tested.exit_code, message in tested.stderr) == (2, True)


def test_a_rollback_of_nothing(service: Path) -> None:
    """None kept, none of that id, one that is taken back already: each says so and where to look."""
    assert "--list" in refused(service, "rollback", service)
    assert "no backup of migration 0009" in refused(service, "rollback", service, "--id", "0009")
    listed = run("rollback", service, "--list")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "no migration of" in listed.stderr
    assert run("service", service, "--no-verify").exit_code == 0
    assert run("rollback", service).exit_code == 0
    assert "is taken back already" in refused(service, "rollback", service, "--id", "0001")


def test_a_service_without_python(service: Path) -> None:
    """There is nothing to do, which is no failure."""
    shutil.rmtree(service)
    service.mkdir()
    done = run("service", service, "--no-verify")
    assert (done.exit_code, "0 Python files read" in done.output) == (0, True)


# Tests that misbehave --------------------------------------------------------------------------------------------------


def test_a_test_command_that_hangs_is_ended(service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed with what it started; such tests prove nothing, and the user is told."""
    monkeypatch.setattr(_verify, "run_tests", partial(run_tests, timeout_s=1.0))
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    done = run(
        "service", service, "--recipes", "logging/log_through_the_root_logger", "--venv", venv, "--test-command", "sh -c 'sleep 600 & sleep 600'"
    )  # fmt: skip
    assert done.exit_code in {0, 1}, done.output
    assert "prove nothing" in done.stderr
    assert (service / "app.py").read_text() == CODE


def test_a_test_command_that_floods_its_output_is_bounded(
    service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is cut, memory is not filled, and the exit code still counts."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    command = f"{sys.executable} -c \"import sys\nfor _ in range(600): sys.stdout.write('x' * 100_000)\""
    done = run(
        "service", service, "--recipes", "logging/log_through_the_root_logger", "--venv", venv, "--test-command", command
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "x" * 1000 not in done.output


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_tests_and_leaves_nothing(
    service: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C, a polite kill and a terminal that closes, each twice, while the service's tests run: they are ended too, no copy stays, no byte changed, and the exit code says which."""
    venv, scratch, pipe = tmp_path / "venv", tmp_path / "scratch", tmp_path / "pipe"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    scratch.mkdir()
    os.mkfifo(pipe)
    before = digest(service)
    # As in a shell's foreground, however these tests were started: `nohup` and `&` leave children that ignore some signals.
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler); signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    script = f"import signal; {heard}; from maestro_migrate.cli import migrate; migrate()"
    arguments = ["service", service, "--recipes", "logging/log_through_the_root_logger", "--venv", venv]
    hangs = f"(echo running; exec sleep 600) > {pipe}"
    engine = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments), "--test-command", hangs],
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with pipe.open() as held:  # by the tests, until the last process of theirs is gone
        assert held.readline() == "running\n"
        engine.send_signal(number)
        engine.send_signal(number)  # as impatient users do; what the first one began must come to its end
        told = engine.communicate(timeout=60)[1]
        assert held.read() == ""
    assert engine.returncode == 128 + number, told
    assert "interrupted" in told
    assert list(scratch.iterdir()) == []
    assert digest(service) == before


def test_commits_without_a_git_tree_are_refused_before_anything_is_written(service: Path) -> None:
    """Without a backup the files would have stayed migrated, under an exit code that says that nothing was done."""
    assert "no git tree" in refused(service, "service", service, "--no-verify", "--commits", "--no-backup")


# Version control -------------------------------------------------------------------------------------------------------


def git(root: Path, *arguments: str) -> None:
    """Run git with an identity."""
    options = ("-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *options, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(service: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the service under version control."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.invalid")
    git(service, "init", "-q")
    git(service, "add", "-A")
    git(service, "commit", "-qm", "begin")
    return service


def test_a_dirty_tree_is_refused_and_names_the_files(repository: Path) -> None:
    """What is not committed would be mixed up with the migration."""
    (repository / "new.py").write_text("x = 1\n")
    message = refused(repository, "service", repository, "--no-verify")
    assert "new.py" in message
    assert "--allow-dirty" in message


def test_a_submodule_is_another_repository(repository: Path, tmp_path: Path) -> None:
    """Its files are committed elsewhere, so they stay as they are."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "lib.py").write_text(CODE)
    git(other, "init", "-q")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "begin")
    git(repository, "submodule", "--quiet", "add", str(other), "sub")
    git(repository, "commit", "-qm", "add a submodule")
    done = run("service", repository, "--no-verify")
    assert done.exit_code == 0, done.output
    assert (repository / "sub" / "lib.py").read_text() == CODE
    assert MOVED in (repository / "app.py").read_bytes()


def test_a_worktree_is_migrated_by_itself(repository: Path, tmp_path: Path) -> None:
    """Its commits are its own branch's, and the main tree stays."""
    git(repository, "worktree", "add", "-q", "-b", "move", str(tmp_path / "tree"))
    done = run("service", tmp_path / "tree", "--no-verify", "--commits")
    assert done.exit_code == 0, done.output
    log = subprocess.run(
        ["git", "log", "--format=%s", "move"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert "Move logging onto the shared libraries" in log.stdout
    assert (repository / "app.py").read_text() == CODE


def test_a_commit_that_is_refused_takes_everything_back(repository: Path) -> None:
    """The first theme is committed, the hook refuses the second: history, index and every byte are as they were."""

    def asked(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True, check=True).stdout

    (repository / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\ndependencies = []\n')
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "package")
    (repository / "staged.txt").write_text("by the user\n")
    git(repository, "add", "staged.txt")
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntest -e .git/once && { echo 'too many' >&2; exit 1; }\ntouch .git/once\n")
    hook.chmod(0o755)
    before = asked("log", "--format=%H"), asked("status", "--porcelain"), (repository / "app.py").read_bytes()
    done = run("service", repository, "--no-verify", "--commits", "--allow-dirty")
    assert done.exit_code == 2
    assert "too many; the migration and its commits were taken back" in done.stderr.replace("\n", " ")
    assert (repository / ".git" / "once").exists()
    assert before == (asked("log", "--format=%H"), asked("status", "--porcelain"), (repository / "app.py").read_bytes())


def test_a_sparse_checkout_is_migrated_as_far_as_it_is_there(repository: Path) -> None:
    """Files that are not checked out are neither read nor missed."""
    (repository / "far").mkdir()
    (repository / "far" / "b.py").write_text(CODE)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "far")
    git(repository, "sparse-checkout", "set", "--no-cone", "/*", "!/far/")
    assert not (repository / "far").exists()
    done = run("service", repository, "--no-verify")
    assert done.exit_code == 0, done.output
    assert MOVED in (repository / "app.py").read_bytes()
    assert not (repository / "far").exists()


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_migrated(
    service: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests may run as root, whom nothing is forbidden, so the refusal is injected wherever the file is opened."""
    (service / "closed.py").write_text(CODE)
    opened = Path.open

    def refusing(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "closed.py":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    done = run("service", service, "--no-verify", "--jobs", "1")
    assert done.exit_code == 0, done.output
    assert "1 not readable as Python" in done.output
    assert MOVED in (service / "app.py").read_bytes()


# Disks -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 256 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(
            "mounting a small tmpfs needs root; transaction/test_apply.py injects the same errors at every step"
        )
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_a_full_disk_changes_nothing(service: Path, small_disk: Path) -> None:
    """There is room for the service and none for its new files."""
    root = small_disk / "svc"
    shutil.copytree(service, root)
    (small_disk / "rest").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize))
    before = digest(root)
    done = run("service", root, "--no-verify")
    assert done.exit_code == 2, done.output
    assert "No space left on device" in done.stderr
    assert "undone" in done.stderr
    assert digest(root) == before


@pytest.mark.skipif(sys.platform != "linux", reason="remounting is Linux's")
@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_a_report_that_cannot_be_written_takes_the_migration_back(service: Path, small_disk: Path) -> None:
    """A migration without the proof of what it did is no use, and nothing of it is left."""
    before = (service / "app.py").read_bytes()
    (small_disk / "rest").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize - 8192))
    done = run("service", str(service), "--no-verify", "--report", str(small_disk / "report"))
    assert done.exit_code == 2
    assert "No space left on device; the migration was taken back" in done.output
    assert (service / "app.py").read_bytes() == before
    assert "rolled-back" in run("rollback", str(service), "--list").output


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_copies_that_have_no_room_are_told_in_one_line(
    service: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree's copy fails file by file: the first reason says enough."""
    (service / "large.bin").write_bytes(b"x" * 400_000)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    done = run("service", str(service), "--venv", sys.prefix)
    assert done.exit_code == 2
    assert "No space left on device: " in done.output
    assert "[(" not in done.output
    assert list(small_disk.iterdir()) == []


def test_a_read_only_tree_changes_nothing(service: Path, small_disk: Path) -> None:
    """The answer can be had all the same: `--check` and `--dry-run` write nothing."""
    root = small_disk / "svc"
    shutil.copytree(service, root)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = run("service", root, "--no-verify")
    assert done.exit_code == 2, done.output
    assert "Read-only file system" in done.stderr
    assert run("service", root, "--check").exit_code == 1


# Size ------------------------------------------------------------------------------------------------------------------


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_files_are_counted(service: Path) -> None:
    """A tree of that size takes a while and then has an answer."""
    for number in range(1000):
        folder = service / f"p{number}"
        folder.mkdir()
        for file in range(100):
            (folder / f"m{file}.py").write_text(CODE if file == 0 else "x = 1\n")
    done = CliRunner().invoke(inventory, [str(service)])
    assert done.exit_code == 0, done.output
    assert "1001  sites in 100001 Python files" in done.output


def test_output_that_cannot_be_printed_hides_no_work_that_is_done(service: Path) -> None:
    """A full disk behind `>` comes after the migration, and its exit code would say that nothing was changed."""
    command = [sys.executable, "-c", "from maestro_migrate.cli import migrate; migrate()"]
    before = (service / "app.py").read_bytes()
    for arguments, told in (
        (["service", str(service), "--no-verify", "--recipes", "logging"], "the migration is done"),
        (["rollback", str(service)], "taken back"),
    ):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([*command, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0
        assert told in done.stderr
        assert "could not be printed: No space left" in done.stderr
    assert (service / "app.py").read_bytes() == before


def test_a_narrow_terminal_takes_no_number_away(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are too long are the terminal's to wrap."""
    monkeypatch.setenv("COLUMNS", "20")
    done = CliRunner().invoke(migrate, ["service", str(service), "--no-verify", "--recipes", "logging"])
    [row] = [line for line in done.output.splitlines() if "ask_the_library_for_loggers" in line]
    assert [part.strip() for part in row.strip("│").split("│")][1:] == ["1", "1", "0"]


def test_closed_streams_are_no_reason_to_fail(service: Path) -> None:
    """A daemon's `>&- 2>&-` leaves a command without a place to say anything, and with its work done."""
    command = [sys.executable, "-c", "from maestro_migrate.cli import migrate; migrate()"]
    closed = [
        "sh",
        "-c",
        '"$@" >&- 2>&-',
        "sh",
        *command,
        "service",
        str(service),
        "--no-verify",
        "--recipes",
        "logging",
    ]
    assert subprocess.run(closed, check=False).returncode == 0
    assert MOVED in (service / "app.py").read_bytes()
