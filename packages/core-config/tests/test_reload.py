"""Reload: all or nothing, announced, refused when invalid."""

from __future__ import annotations

import gc
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, PrivateAttr, SecretStr

from maestro_core_config import (
    BaseConfig,
    Change,
    ConfigDict,
    ReloadRefused,
    env,
    explain,
    on_change,
    override,
    reload,
)


class Pool(BaseModel):
    """A nested model."""

    size: int = 5


class Settings(BaseConfig):
    """Read from one file."""

    model_config = ConfigDict(files=("app.toml",), frozen=True)
    low: int = 0
    high: int = Field(10, ge=1)
    pool: Pool = Pool()
    key: SecretStr = SecretStr("")
    name: str = "svc"
    live: str = env("T_LIVE", "l")


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("app.toml").write_text("low = 1\nhigh = 2\n")
    return tmp_path / "app.toml"


def test_a_reload_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """An audit of what changed, from what to what, and where the new value stands."""
    settings = Settings()
    Path("app.toml").write_text("low = 3\nhigh = 2\nkey = 'hunter2'\n")
    with caplog.at_level("INFO", logger="maestro_core_config"):
        reload(settings)
        reload(settings)
    assert [record.getMessage() for record in caplog.records] == [
        "Settings reloaded: low: 1 -> 3 (file app.toml:1); key: '**********' -> '**********' (file app.toml:3)"
    ]


def test_a_reload_replaces_values_and_returns_typed_changes() -> None:
    """The object stays the same one, so whoever imported it sees the new values."""
    settings = Settings(name="given")
    Path("app.toml").write_text("low = 3\nhigh = 4\nname = 'file'\nkey = 'hunter2'\n[pool]\nsize = 6\n")
    changes = reload(settings)
    assert [repr(change) for change in changes] == [
        "low: 1 -> 3 (file app.toml:1)",
        "high: 2 -> 4 (file app.toml:2)",
        "pool: Pool(size=5) -> Pool(size=6) (file app.toml:6)",
        "key: '**********' -> '**********' (file app.toml:4)",
    ]
    assert changes[3].new.get_secret_value() == "hunter2"
    assert (settings.low, settings.pool.size, settings.name) == (3, 6, "given")
    assert "low" in settings.model_fields_set
    assert str(explain(settings)["low"]) == "low = 3  <- file app.toml:1"
    assert reload(settings) == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("low = 5\nhigh = 0\n", r"high: Input should be greater than or equal to 1 \(file app.toml:2\)"),
        ("low = 5\nhihg = 2\n", r"hihg: no setting has this name \(app.toml:2\); did you mean high\?"),
        ("low = ", "app.toml: "),
        (None, "no such file"),
    ],
)
def test_an_invalid_change_is_refused_and_nothing_changes(content: str | None, says: str) -> None:
    """Invalid, misspelt, unreadable, gone."""
    settings = Settings()
    calls: list[Any] = []
    on_change(settings)(calls.append)
    if content is None:
        Path("app.toml").unlink()
    else:
        Path("app.toml").write_text(content)
    with pytest.raises(ReloadRefused, match=says):
        reload(settings)
    assert (settings.low, settings.high, calls) == (1, 2, [])


def test_subscribers_hear_of_their_fields_before_the_values_are_visible() -> None:
    """One named field, every field, in order."""
    settings = Settings()
    heard: list[tuple[str, Any, Any, int]] = []

    @on_change(settings, "low")
    def low_changed(change: Change[int]) -> None:
        heard.append((change.name, change.old, change.new, settings.low))

    Path("app.toml").write_text("low = 7\nhigh = 8\n")
    reload(settings)
    assert heard == [("low", 1, 7, 1)]
    with pytest.raises(ValueError, match=r"Settings\.lwo: there is no such field"):
        on_change(settings, "lwo")
    with pytest.raises(ValueError, match=r"Settings\.live: live fields change by themselves"):
        on_change(settings, "live")


def test_a_subscriber_that_objects_stops_the_reload_and_the_others_are_told_back() -> None:
    """A pool that cannot be rebuilt refuses the change; the cache re-keyed before it goes back."""
    settings = Settings()
    heard: list[tuple[Any, Any]] = []
    on_change(settings, "low")(lambda change: heard.append((change.old, change.new)))

    @on_change(settings, "high")
    def objects(change: Change[int]) -> None:
        raise ConnectionError("hunter2")

    Path("app.toml").write_text("low = 7\nhigh = 8\n")
    with pytest.raises(ReloadRefused, match=r"high: .*objects objects: ConnectionError") as caught:
        reload(settings)
    assert heard == [(1, 7), (7, 1)]
    assert (settings.low, settings.high) == (1, 2)
    assert "hunter2" not in str(caught.value)


def test_readers_never_see_half_of_a_reload() -> None:
    """`low` and `high` change together; a reader that takes both from one view finds them together."""
    settings = Settings()
    torn: list[Any] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            view = settings.__dict__
            if view["high"] != view["low"] + 1:
                torn.append(dict(view))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        Path("app.toml").write_text(f"low = {number}\nhigh = {number + 1}\n")
        reload(settings)
    stop.set()
    reader.join()
    assert torn == []


def test_values_assigned_to_live_fields_survive_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload is about sources; an assignment is above them."""
    settings = Settings(live="assigned")
    Path("app.toml").write_text("low = 2\nhigh = 3\n")
    reload(settings)
    assert (settings.live, settings.low) == ("assigned", 2)


def test_extra_values_are_replaced_private_ones_stay_and_cached_ones_are_computed_anew() -> None:
    """With `extra="allow"` unknown keys are values too; what hangs on the object by itself is the program's."""

    class Open(BaseConfig):
        """Keeps what it does not know."""

        model_config = ConfigDict(files=("app.toml",), extra="allow")
        low: int = 0
        _calls: list[str] = PrivateAttr(default_factory=list)

        @cached_property
        def twice(self) -> int:
            return self.low * 2

    settings: Any = Open()
    settings._calls.append("kept")
    assert (settings.high, settings.twice) == (2, 2)
    Path("app.toml").write_text("low = 5\nother = 6\n")
    reload(settings)
    assert (settings.low, settings.other, settings.twice, settings._calls) == (5, 6, 10, ["kept"])
    assert not hasattr(settings, "high")


def test_everybody_is_told_back_although_one_fails_to_go_back(caplog: pytest.LogCaptureFixture) -> None:
    """One subscriber's failure is not the next one's."""
    settings = Settings()
    told: list[Any] = []

    def stubborn(change: Change[Any]) -> None:
        if change.new == 1:
            raise RuntimeError

    def objects(_: Change[Any]) -> None:
        raise ValueError

    for subscriber in (told.append, stubborn, objects):
        on_change(settings, "low")(subscriber)
    Path("app.toml").write_text("low = 9\nhigh = 2\n")
    with pytest.raises(ReloadRefused, match="objects: ValueError"):
        reload(settings)
    assert [(change.old, change.new) for change in told] == [(1, 9), (9, 1)]
    assert "low was not taken back by a subscriber: RuntimeError" in caplog.text


def test_override_is_for_the_length_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen settings and live fields too, also when the block fails."""
    settings = Settings()
    with override(settings, low=100, live="over") as same:
        assert same is settings
        assert (settings.low, settings.live) == (100, "over")
    assert (settings.low, settings.live) == (1, "l")
    with pytest.raises(ZeroDivisionError), override(settings, low=5):
        _ = 1 / 0
    assert settings.low == 1
    monkeypatch.setenv("T_LIVE", "now")
    assert settings.live == "now"
    with pytest.raises(AttributeError, match="has no setting 'lwo'"), override(settings, lwo=1):
        pass


def test_nothing_is_kept_of_settings_that_are_gone() -> None:
    """Sources and subscribers end with their instance."""
    from maestro_core_config import _reload, _sources

    gc.collect()
    before = (len(_sources._loads), len(_reload._subscriptions))
    settings = Settings()
    on_change(settings)(lambda _: None)
    assert (len(_sources._loads), len(_reload._subscriptions)) != before
    del settings
    gc.collect()
    assert (len(_sources._loads), len(_reload._subscriptions)) <= before
