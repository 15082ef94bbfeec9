"""The watcher: every way in which a file changes, and every way in which a reload fails."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, field_validator

from maestro_core_config import BaseConfig, ConfigDict, FileWatcher, ReloadRefused, on_change
from maestro_core_config.crypto import Keyring, new_key


class Settings(BaseConfig):
    """Read from one file."""

    model_config = ConfigDict(files=("app.toml",), frozen=True)
    low: int = 0
    high: int = 10

    @field_validator("high")
    @classmethod
    def reachable(cls, value: int) -> int:
        if value == 666:
            raise RuntimeError("a validator that asks something else, which is down")
        if value < 0:
            raise ValueError("negative")
        return value


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("app.toml").write_text("low = 1\nhigh = 2\n")
    return tmp_path


def names(changes: Any) -> list[str]:
    return [change.name for change in changes]


def test_it_reloads_on_change_and_reports_refusals() -> None:
    """Nothing when nothing changed, a reload when a file did, a report when it is invalid or gone."""
    settings = Settings()
    refused: list[ReloadRefused] = []
    watcher = FileWatcher(settings, on_refused=refused.append)
    assert watcher.check() == ()
    Path("app.toml").write_text("low = 22\nhigh = 3\n")
    assert names(watcher.check()) == ["low", "high"]
    Path("app.toml").write_text("low = 22\nhigh = -333\n")
    assert watcher.check() == ()
    assert (len(refused), settings.high) == (1, 3)
    Path("app.toml").unlink()
    assert watcher.check() == ()
    assert "no such file" in str(refused[1])


def test_a_half_written_file_is_refused_and_the_rest_of_it_taken() -> None:
    """A writer that does not replace the file whole is seen in the middle."""
    settings = Settings()
    refused: list[ReloadRefused] = []
    watcher = FileWatcher(settings, on_refused=refused.append)
    with Path("app.toml").open("w") as file:
        file.write("low = 7\nhigh = ")
        file.flush()
        assert watcher.check() == ()
        assert (settings.low, settings.high) == (1, 2)
        file.write("8\n")
    assert names(watcher.check()) == ["low", "high"]
    assert (len(refused), settings.low, settings.high) == (1, 7, 8)


def test_a_change_that_leaves_size_and_time_as_they_were_is_seen() -> None:
    """The content counts; and a file that was only touched is no change."""
    settings = Settings()
    watcher = FileWatcher(settings)
    before = Path("app.toml").stat()
    Path("app.toml").write_text("low = 5\nhigh = 2\n")
    os.utime("app.toml", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert names(watcher.check()) == ["low"]
    os.utime("app.toml")
    assert watcher.check() == ()


def test_kubernetes_mounts_are_followed_when_their_link_is_swapped(folder: Path) -> None:
    """`file -> ..data/file`, `..data -> ..version`: an update points `..data` elsewhere in one step; Secrets too."""

    class Mounted(BaseConfig):
        """A mounted ConfigMap and a mounted Secret."""

        model_config = ConfigDict(files=("config/app.yaml",), secrets_dir="secrets")
        low: int = 0
        token: SecretStr = SecretStr("")

    def version(number: int) -> None:
        for mount, name, text in (("config", "app.yaml", f"low: {number}\n"), ("secrets", "token", f"token-{number}")):
            made = folder / mount / f"..{number}"
            made.mkdir(parents=True)
            (made / name).write_text(text)
            (folder / mount / "..new").symlink_to(f"..{number}")
            (folder / mount / "..new").replace(folder / mount / "..data")
            if not (folder / mount / name).is_symlink():
                (folder / mount / name).symlink_to(f"..data/{name}")

    version(1)
    settings = Mounted()
    watcher = FileWatcher(settings)
    version(2)
    assert names(watcher.check()) == ["low", "token"]
    assert (settings.low, settings.token.get_secret_value()) == (2, "token-2")
    assert watcher.check() == ()


@pytest.mark.parametrize("where", ["dotenv", "argument", "keys", "dynaconf local", "optional"])
def test_every_file_that_settings_come_from_is_watched(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` by option or argument, the file of keys, Dynaconf's local files, files that come later."""
    ring = Keyring.parse(new_key("a"))
    monkeypatch.setenv("MAESTRO_CONFIG_KEYS_FILE", "keys")
    Path("keys").write_text(f"a:{'A' * 43}=")
    Path("settings.toml").write_text("[default]\n")

    class Watched(BaseConfig):
        """Many sources."""

        model_config = ConfigDict(
            files=("?late.toml",), dynaconf_files=("settings.toml",), env_file=".env", extra="ignore"
        )
        low: int = 0

    arguments: dict[str, Any] = {"_env_file": "other.env"} if where == "argument" else {}
    settings = Watched(**arguments)
    watcher = FileWatcher(settings)
    path, text = {
        "dotenv": (".env", "LOW=3\n"),
        "argument": ("other.env", "LOW=3\n"),
        "keys": ("keys", f"b:{'B' * 43}="),
        "dynaconf local": ("settings.local.toml", "[default]\nlow = 3\n"),
        "optional": ("late.toml", f"low = '{ring.encrypt('3')}'\n"),
    }[where]
    if where == "keys":
        reloads: list[str] = []
        monkeypatch.setattr("maestro_core_config._watcher.reload", lambda _: reloads.append("reload") or ())
        Path(path).write_text(text)
        watcher.check()
        assert reloads == ["reload"]
        return
    if where == "optional":
        from base64 import b64encode

        Path("keys").write_text(f"a:{b64encode(ring.keys['a']).decode()}")
        watcher.check()
    Path(path).write_text(text)
    assert names(watcher.check()) == ["low"]


def test_what_no_file_tells_is_asked_for_when_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """`reload_every_s` is for remote sources; before it is due nothing is read."""
    now = [0.0]
    settings = Settings()
    watcher = FileWatcher(settings, reload_every_s=60, clock=lambda: now[0])
    monkeypatch.setenv("LOW", "9")
    now[0] = 59
    assert watcher.check() == ()
    now[0] = 60
    assert names(watcher.check()) == ["low"]
    monkeypatch.setenv("LOW", "10")
    now[0] = 119
    assert watcher.check() == ()
    now[0] = 120
    assert names(watcher.check()) == ["low"]


def test_its_thread_sees_a_change_and_stops() -> None:
    """`start` and `close`."""
    settings = Settings()
    seen = threading.Event()
    on_change(settings, "low")(lambda _: seen.set())
    watcher = FileWatcher(settings, interval_s=0.01)
    watcher.start()
    watcher.start()
    Path("app.toml").write_text("low = 333\nhigh = 3\n")
    assert seen.wait(timeout=10)
    watcher.close()


@pytest.mark.parametrize("failure", ["validator", "on_refused"])
def test_its_thread_survives_what_a_service_raises(failure: str, caplog: pytest.LogCaptureFixture) -> None:
    """A validator's own error, or a subscriber to refusals that fails: logged, and the next change is taken."""
    failed, taken = threading.Event(), threading.Event()

    def noticed(record: logging.LogRecord) -> bool:
        if "not reloaded: RuntimeError" in record.getMessage():
            failed.set()
        return True

    def refuse(_: ReloadRefused) -> None:
        raise RuntimeError("the pager is down")

    settings = Settings()
    on_change(settings, "low")(lambda _: taken.set())
    log = logging.getLogger("maestro_core_config")
    log.addFilter(noticed)
    watcher = FileWatcher(settings, interval_s=0.01, on_refused=refuse)
    watcher.start()
    try:
        Path("app.toml").write_text("high = 666\n" if failure == "validator" else "high = -1\n")
        assert failed.wait(timeout=10)
        Path("app.toml").write_text("low = 4\n")
        assert taken.wait(timeout=10)
    finally:
        watcher.close()
        log.removeFilter(noticed)
    assert settings.low == 4


def test_a_closed_watcher_may_be_started_again() -> None:
    """It looked like one that runs, and did not."""
    settings = Settings()
    reloaded = threading.Event()
    on_change(settings)(lambda _: reloaded.set())
    watcher = FileWatcher(settings, interval_s=0.001)
    watcher.start()
    watcher.close()
    Path("app.toml").write_text("low = 5\n")
    watcher.start()
    try:
        assert reloaded.wait(30)
    finally:
        watcher.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is not forked here")
def test_threads_start_in_a_forked_process_that_asks_for_them() -> None:
    """The one that forked had started them, as gunicorn with `--preload` does; starting again did nothing."""
    program = """
import os, threading
from maestro_core_config import BaseConfig, FileWatcher
from maestro_core_config.leases import LeasedCredentials

class Server:
    logins = 1
    def get(self, path): return dict(lease_id="l", lease_duration=600, renewable=True, data={})
    def put(self, path, **body): return {}
    def tend_token(self): return 600.0

kept = [FileWatcher(BaseConfig()), LeasedCredentials(Server(), "database/creds/x")]
for each in kept: each.start()
child = os.fork()
for each in kept: each.start()
assert threading.active_count() == 3, threading.enumerate()
if child:
    assert os.waitpid(child, 0)[1] == 0
for each in kept: each.close()
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
