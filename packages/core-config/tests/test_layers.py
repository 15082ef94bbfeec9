"""Layers: which source wins over which, and what each file may hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from pydantic_settings import InitSettingsSource

from maestro_core_config import BaseConfig, ConfigDict, ConfigError, FileError, explain, load

Give = Callable[[pytest.MonkeyPatch, dict[str, Any]], None]

# Highest first: the order that DESIGN promises.
LAYERS = ["argument", "environment", ".env", "secret file", "remote", "environment file", "file", "dynaconf", "default"]


def give(layer: str, patched: pytest.MonkeyPatch, arguments: dict[str, Any]) -> None:
    """Give `value` its layer's name in that layer."""
    if layer == "argument":
        arguments["value"] = layer
    elif layer == "environment":
        patched.setenv("VALUE", layer)
    elif layer == "remote":
        patched.setenv("TEST_REMOTE", "on")
    elif layer != "default":
        path, text = {
            ".env": (".env", "VALUE='.env'\n"),
            "secret file": ("secrets/value", "secret file"),
            "environment file": ("config.staging.toml", "value = 'environment file'\n"),
            "file": ("config.toml", "value = 'file'\n"),
            "dynaconf": ("dynaconf.toml", "[default]\nvalue = 'dynaconf'\n"),
        }[layer]
        Path(path).write_text(text)


def remote(settings_cls: Any) -> InitSettingsSource:
    """A remote source that has the value only when asked to."""
    import os

    return InitSettingsSource(settings_cls, {"value": "remote"} if os.environ.get("TEST_REMOTE") else {})


class Layered(BaseConfig):
    """One value that every layer can give."""

    model_config = ConfigDict(
        env_file=".env",
        secrets_dir="secrets",
        files=("?config.toml", "?config.{environment}.toml"),
        dynaconf_files=("?dynaconf.toml",),
        remote=(remote,),
        extra="ignore",
    )
    value: str = "default"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "staging")
    monkeypatch.delenv("VALUE", raising=False)
    (tmp_path / "secrets").mkdir()
    return tmp_path


@pytest.mark.parametrize(("higher", "lower"), list(itertools.combinations(LAYERS, 2)))
def test_of_every_two_layers_the_higher_wins(higher: str, lower: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The precedence matrix: every pair of sources, and `explain` names both."""
    arguments: dict[str, Any] = {}
    give(lower, monkeypatch, arguments)
    give(higher, monkeypatch, arguments)
    settings = Layered(**arguments)
    assert settings.value == higher
    explanation = explain(settings)["value"]
    assert explanation.shown == repr(higher)
    if lower != "default":
        assert [overridden.shown for overridden in explanation.overrides] == [repr(lower)]


def test_all_layers_at_once_are_explained_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line tells the whole story, with files and lines."""
    arguments: dict[str, Any] = {}
    for layer in LAYERS:
        give(layer, monkeypatch, arguments)
    explanation = explain(Layered(**arguments))["value"]
    assert [str(explanation.place), *(str(o.place) for o in explanation.overrides)] == [
        "argument value",
        "environment VALUE",
        ".env .env:1 VALUE",
        "secret file secrets/value",
        "argument value",
        "file config.staging.toml:1",
        "file config.toml:1",
        "file dynaconf.toml:2 [default]",
    ]


class Pool(BaseModel):
    """A nested model."""

    size: int = 5
    timeout_s: float = 1.0


class Filed(BaseConfig):
    """Read from files."""

    model_config = ConfigDict(files=("base.yaml", "?local.json"), env_nested_delimiter="__", env_prefix="APP_")
    name: str = "svc"
    pool: Pool = Pool()
    hosts: list[str] = Field(default_factory=list)


def test_files_merge_key_by_key_and_say_where_each_key_stands(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later file replaces single keys of a table; variables replace single keys of both."""
    Path("base.yaml").write_text("name: base\npool:\n  size: 10\n  timeout_s: 2\nhosts: [a, b]\n")
    Path("local.json").write_text('{\n  "pool": {\n    "size": 20\n  }\n}\n')
    monkeypatch.setenv("APP_POOL__TIMEOUT_S", "9")
    settings = Filed()
    assert (settings.name, settings.pool, settings.hosts) == ("base", Pool(size=20, timeout_s=9), ["a", "b"])
    assert str(explain(settings)) == (
        "name = 'base'  <- file base.yaml:1\n"
        "pool.size = 20  <- file local.json:3 (overrides file base.yaml:3 = 10)\n"
        "pool.timeout_s = 9.0  <- environment APP_POOL__TIMEOUT_S (overrides file base.yaml:4 = 2)\n"
        "hosts = ['a', 'b']  <- file base.yaml:5"
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("base.yaml", None, "base.yaml: no such file; create it, or make it optional with '?base.yaml'"),
        ("base.yaml", "a: [hunter2", "base.yaml: expected ',' or ']', but got '<stream end>' (line 1, column 12)"),
        ("base.yaml", "- hunter2", "base.yaml: the root is a list, not a mapping"),
        ("base.json", '{"key": hunter2}', "base.json: Expecting value (line 1, column 9)"),
        ("base.toml", "key = 'hunter2", 'base.toml: Expected "\'" (at end of document)'),
        ("base.ini", "[x]", "base.ini: unknown kind of file; use one of .toml, .json, .yaml, .yml"),
        ("base.json", b"\xff\xfe", "base.json: not UTF-8"),
    ],
)
def test_an_unusable_file_is_an_error_with_its_place(name: str, content: str | bytes | None, says: str) -> None:
    """Missing, broken, of the wrong shape: named, never skipped, and the content is not quoted."""

    class OneFile(BaseConfig):
        """Reads one file."""

        model_config = ConfigDict(files=(name,))

    if content is not None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FileError) as caught:
        OneFile()
    assert str(caught.value) == says
    assert isinstance(caught.value, ConfigError)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_an_empty_yaml_file_is_an_empty_layer() -> None:
    """A file with nothing but comments is no error."""
    Path("base.yaml").write_text("# nothing yet\n")
    assert load(Filed).name == "svc"


class TestDynaconf:
    """Fleets with Dynaconf's layered files keep them."""

    def test_sections_merge_marks_and_secrets_files_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`[default]` under the environment's section, `dynaconf_merge`, `.secrets.toml` on top."""

        class Fleet(BaseConfig):
            """Typed over Dynaconf's files."""

            model_config = ConfigDict(dynaconf_files=("settings.toml", "?.secrets.toml"), env_prefix="APP_")
            port: int = 1
            host: str = "h"
            db: dict[str, int] = Field(default_factory=dict)
            token: str = ""

        Path("settings.toml").write_text(
            "[default]\nPORT = 1000\nhost = 'default'\ndb = {x = 1, y = 2}\n\n"
            "[staging]\nport = 2000\ndb = {x = 9, dynaconf_merge = true}\n"
        )
        Path(".secrets.toml").write_text("[default]\ntoken = 't'\n")
        monkeypatch.setenv("DYNACONF_PORT", "3000")
        settings = Fleet()
        assert (settings.port, settings.host, settings.db, settings.token) == (2000, "default", {"x": 9, "y": 2}, "t")
        assert str(explain(settings)["port"].place) == "file settings.toml:7 [staging]"
        monkeypatch.setenv("APP_PORT", "4000")
        assert Fleet().port == 4000


def test_order_is_the_class_own_when_it_overrides_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """`settings_customise_sources` has the last word, as in pydantic-settings; `super()` gives our layers."""

    class FilesFirst(BaseConfig):
        """Files above everything."""

        model_config = ConfigDict(files=("config.toml",))
        value: str = "default"

        @classmethod
        def settings_customise_sources(cls, *args: Any, **kwargs: Any) -> Any:
            sources = super().settings_customise_sources(*args, **kwargs)
            return (sources[-1], *sources[:-1])

    Path("config.toml").write_text("value = 'file'\n")
    monkeypatch.setenv("VALUE", "environment")
    settings = FilesFirst(value="argument")
    assert settings.value == "file"
    assert len(explain(settings)["value"].overrides) == 2
