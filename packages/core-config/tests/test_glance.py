"""Glances at the environment: whatever is done to `os.environ`, a live attribute reads what the expression reads."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import MagicMock, patch

import pytest

from maestro_core_config import BaseConfig, env, split_strip


class Settings(BaseConfig):
    """One field that is set before the tests' change, and one that is not."""

    port: int = env("G_PORT", "8000", parse=int)
    name: str = env("G_NAME", "nobody")
    needed: str = env("G_NEEDED")
    tags: list[str] = env("G_TAGS", "a, b", parse=split_strip(","))


class Mine(MutableMapping[str, str]):
    """An environment of somebody else's, which happens to keep its text under the same private name."""

    def __init__(self, **variables: str) -> None:
        self._data = variables

    def __getitem__(self, key: str) -> str:
        return self._data[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


class Shadowing(type(os.environ)):  # type: ignore[misc]  # mypy sees an instance's class as a variable
    """A subclass over the same storage that says something else, as an environment per task would."""

    def __getitem__(self, key: str) -> str:
        return "77" if key.startswith("G_") else str(super().__getitem__(key))


class Proxy:
    """Delegates whatever it does not answer itself, private attributes included."""

    def get(self, key: str, default: Any = None) -> Any:
        """Answer differently."""
        return {"G_PORT": "66", "G_NAME": "proxy"}.get(key, default)

    def __getitem__(self, key: str) -> Any:
        return {"G_PORT": "66", "G_NAME": "proxy"}[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(REAL, name)


REAL = os.environ


def shadowing() -> Any:
    """Make the subclass over the storage of the real one."""
    real: Any = REAL
    return Shadowing(real._data, real.encodekey, real.decodekey, real.encodevalue, real.decodevalue)


@contextmanager
def replaced(by: Any) -> Iterator[None]:
    """Put another object in the place of `os.environ`."""
    with patch("os.environ", by):
        yield


@contextmanager
def done(change: Callable[[], object]) -> Iterator[None]:
    """Do something to the environment that the fixture undoes."""
    change()
    yield


CHANGES: dict[str, Callable[[], Any]] = {
    "set": lambda: done(lambda: os.environ.__setitem__("G_PORT", "9")),
    "set to an equal text": lambda: done(lambda: os.environ.__setitem__("G_PORT", str(1234))),
    "bytes": lambda: done(lambda: os.environb.__setitem__(b"G_PORT", b"9")),
    "update": lambda: done(lambda: os.environ.update(G_PORT="9", G_NAME="new")),
    "in-place or": lambda: done(lambda: os.environ.__ior__({"G_PORT": "9"})),
    "pop": lambda: done(lambda: os.environ.pop("G_PORT")),
    "clear": lambda: done(os.environ.clear),
    "the storage itself": lambda: done(lambda: REAL._data.update({b"G_PORT": b"9", b"G_NAME": b"new"})),  # type: ignore[attr-defined]
    "putenv, which os.environ does not see": lambda: done(lambda: os.putenv("G_PORT", "9")),
    "unsetenv, which os.environ does not see": lambda: done(lambda: os.unsetenv("G_PORT")),
    "a plain dictionary": lambda: replaced({"G_PORT": "9"}),
    "an empty dictionary": lambda: replaced({}),
    "a copy": lambda: replaced(os.environ.copy()),
    "a mapping with storage of the same name": lambda: replaced(Mine(G_PORT="9", G_NAME="mine")),
    "a subclass over the same storage": lambda: replaced(shadowing()),
    "a proxy that delegates the storage": lambda: replaced(Proxy()),
    "a mock": lambda: replaced(MagicMock(wraps=os.environ, get=lambda _key, _default=None: "55")),
    "patch.dict, cleared": lambda: patch.dict(os.environ, {"G_NAME": "only"}, clear=True),
}


@pytest.fixture(autouse=True)
def one_variable_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`G_PORT` is set and the others are not; the whole environment is put back afterwards."""
    before = dict(os.environ)
    for variable in ("G_NAME", "G_NEEDED", "G_TAGS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("G_PORT", "1234")
    yield
    os.environ.clear()
    os.environ.update(before)


def outcome(read: Callable[[], Any]) -> Any:
    """Return a value, or the class and arguments of the error."""
    try:
        return read()
    except KeyError as exc:
        return (KeyError, exc.args)


def assert_equal_to_expressions(settings: Settings) -> None:
    """Each attribute, read twice, is what its expression gives now."""
    for _ in range(2):
        assert settings.port == int(os.environ.get("G_PORT", "8000"))
        assert settings.name == os.environ.get("G_NAME", "nobody")
        assert settings.tags == [part.strip() for part in os.environ.get("G_TAGS", "a, b").split(",")]
        assert outcome(lambda: settings.needed) == outcome(lambda: os.environ["G_NEEDED"])


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_at_once_and_so_is_its_end(change: str) -> None:
    """Before, during and after, read often enough that values were kept."""
    settings = Settings()
    assert_equal_to_expressions(settings)
    with CHANGES[change]():
        if change == "a mock":
            assert (settings.port, settings.name) == (55, "55")
        else:
            assert_equal_to_expressions(settings)
    assert_equal_to_expressions(settings)


@pytest.mark.parametrize("first", CHANGES)
def test_changes_on_top_of_each_other_are_seen(first: str) -> None:
    """Whatever was done first, setting and deleting on top of it is seen."""
    settings = Settings()
    with CHANGES[first]():
        if first in ("a proxy that delegates the storage", "a mock"):
            return  # they take no assignments
        for text in ("3", "4", "4"):
            os.environ["G_PORT"] = text
            assert_equal_to_expressions(settings)
        del os.environ["G_PORT"]
        assert_equal_to_expressions(settings)
    assert_equal_to_expressions(settings)


def test_a_variable_that_comes_back_under_a_new_key_is_read() -> None:
    """Deleting and setting again makes a new key in the storage; the kept value goes by what is equal to it."""
    settings = Settings()
    for number in range(5):
        os.environ.pop("G_PORT", None)
        assert settings.port == 8000
        os.environ["G_PORT"] = str(number)
        assert settings.port == number


def test_a_reloaded_os_module_is_followed() -> None:
    """`importlib.reload(os)` makes another `os.environ`, of another class; reading goes on, only slower."""
    program = """
import importlib, os
from maestro_core_config import BaseConfig, env
class Settings(BaseConfig):
    port: int = env("G_PORT", "8000", parse=int)
settings = Settings()
assert settings.port == settings.port == 1234
importlib.reload(os)
assert settings.port == 1234
os.environ["G_PORT"] = "9"
assert settings.port == 9
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_settings_made_while_the_environment_is_replaced_work_afterwards() -> None:
    """A module that is imported inside `patch("os.environ", …)` gets a field that reads the real one later."""
    with patch("os.environ", {"G_PORT": "5"}):
        import maestro_core_config._glance as glance

        importlib.reload(glance)

        class Early(BaseConfig):
            """Declared under the patch."""

            port: int = env("G_PORT", "8000", parse=int)

        settings = Early()
        assert settings.port == 5
    assert settings.port == 1234
    os.environ["G_PORT"] = "6"
    assert settings.port == 6


def test_no_thread_keeps_a_value_of_another_text() -> None:
    """Readers that find a text while a writer changes it never keep the wrong value for it, at rest or in between."""
    settings = Settings()
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            value = settings.port
            if value not in (8000, *range(10)):
                wrong.append(value)

    readers = [threading.Thread(target=read) for _ in range(3)]
    interval = sys.getswitchinterval()
    os.environ["G_PORT"] = "0"
    sys.setswitchinterval(1e-6)
    try:
        for reader in readers:
            reader.start()
        for number in range(3000):
            # Texts of one character are shared objects, so that the same one comes back again and again.
            os.environ["G_PORT"] = str(number % 10)
            assert settings.port == number % 10
            if number % 3 == 0:
                del os.environ["G_PORT"]
                assert settings.port == 8000
    finally:
        stop.set()
        for reader in readers:
            reader.join()
        sys.setswitchinterval(interval)
    assert wrong == []


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_reads_its_own_environment() -> None:
    """What the child sets is the child's, although both kept the same value before."""
    settings = Settings()
    os.environ["G_PORT"] = "5"
    assert (settings.port, settings.port) == (5, 5)
    child = os.fork()
    if child == 0:
        found = settings.port
        os.environ["G_PORT"] = "6"
        os._exit(found * 10 + settings.port)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 56
    assert settings.port == 5


def test_the_declaration_keeps_its_documentation() -> None:
    """Swapping getters leaves `__doc__` what it was."""

    class Documented(BaseConfig):
        """One field with words."""

        port: int = env("G_PORT", "1", parse=int, description="Where it listens")

    settings = Documented()
    assert (settings.port, settings.port) == (1234, 1234)
    assert Documented.port.__doc__ == "Where it listens"  # type: ignore[attr-defined]
