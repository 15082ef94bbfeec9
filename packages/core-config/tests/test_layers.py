"""Layers: which source wins over which, and what each file may hold."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic_settings
import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, Field, RootModel
from pydantic_settings import InitSettingsSource, SecretsSettingsSource, SettingsConfigDict

from maestro_core_config import BaseConfig, ConfigDict, ConfigError, FileError, InvalidConfiguration, explain, load
from maestro_core_config.testing import ROOT_TOKEN, FakeVault
from maestro_core_config.vault import Token, Vault

NestedSecretsSettingsSource: Any = getattr(pydantic_settings, "NestedSecretsSettingsSource", None)
Give = Callable[[pytest.MonkeyPatch, dict[str, Any]], None]

HAS_COMMAND_LINE = "cli_parse_args" in SettingsConfigDict.__annotations__  # older releases have none
# Highest first: the order that DESIGN promises.
LAYERS = [
    *(["command line"] if HAS_COMMAND_LINE else []),
    "argument",
    "environment",
    ".env",
    "secret file",
    "vault",
    "remote",
    "environment file",
    "local json",
    "yaml",
    "toml",
    "dynaconf local",
    "dynaconf section",
    "dynaconf",
    "default",
]


def give(layer: str, patched: pytest.MonkeyPatch, arguments: dict[str, Any]) -> None:
    """Give `value` its layer's name in that layer."""
    if layer == "command line":
        arguments["_cli_parse_args"] = ["--value", layer]
    elif layer == "argument":
        arguments["value"] = layer
    elif layer == "environment":
        patched.setenv("VALUE", layer)
    elif layer in ("remote", "vault"):
        patched.setenv(f"TEST_{layer.upper()}", "on")
    elif layer != "default":
        path, text = {
            ".env": (".env", "VALUE='.env'\n"),
            "secret file": ("secrets/value", "secret file"),
            "environment file": ("config.staging.toml", "value = 'environment file'\n"),
            "local json": ("local.json", '{"value": "local json"}'),
            "yaml": ("config.yaml", "value: yaml\n"),
            "toml": ("config.toml", "value = 'toml'\n"),
            "dynaconf local": ("dynaconf.local.toml", "[default]\nvalue = 'dynaconf local'\n"),
            "dynaconf section": ("dynaconf.toml", "[staging]\nvalue = 'dynaconf section'\n"),
            "dynaconf": ("dynaconf.toml", "[default]\nvalue = 'dynaconf'\n"),
        }[layer]
        with Path(path).open("a") as file:
            file.write(text)


class Remote(InitSettingsSource):
    """A remote source of the user's, as one that asks another service for configuration; below Vault here."""


def remote(settings_cls: Any) -> Remote:
    """Have the value only when asked to."""
    return Remote(settings_cls, {"value": "remote"} if os.environ.get("TEST_REMOTE") else {})


def vault(settings_cls: Any) -> Any:
    """Ask the server of this test, which has a value only when asked to have one."""
    path = "with" if os.environ.get("TEST_VAULT") else "without"
    return Vault(paths=(path,), login=Token(ROOT_TOKEN))(settings_cls)


@pytest.fixture(scope="module")
def server() -> Iterator[FakeVault]:
    with FakeVault() as server:
        server.write("with", value="vault")
        server.write("without")
        yield server


class Layered(BaseConfig):
    """One value that every layer can give."""

    model_config = ConfigDict(
        env_file=".env",
        secrets_dir="secrets",
        files=("?config.toml", "?config.yaml", "?local.json", "?config.{environment}.toml"),
        dynaconf_files=("?dynaconf.toml",),
        remote=(vault, remote),
        extra="ignore",
    )
    value: str = "default"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FakeVault) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAULT_ADDR", server.address)
    monkeypatch.setenv("ENVIRONMENT", "staging")
    monkeypatch.delenv("VALUE", raising=False)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "dynaconf.toml").write_text("# Dynaconf looks for a local file only beside this one.\n")
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
    if lower != "default" and not (higher.startswith("dynaconf") and lower.startswith("dynaconf")):  # one source
        assert [overridden.shown for overridden in explanation.overrides] == [repr(lower)]


def test_all_layers_at_once_are_explained_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line tells the whole story, with files and lines."""
    arguments: dict[str, Any] = {}
    for layer in LAYERS:
        give(layer, monkeypatch, arguments)
    explanation = explain(Layered(**arguments))["value"]
    assert [str(explanation.place), *(str(o.place) for o in explanation.overrides)] == [
        *(["command line --value"] if HAS_COMMAND_LINE else []),
        "argument value",
        "environment VALUE",
        ".env .env:1 VALUE",
        "secret file secrets/value",
        "vault secret/with#value (version 1)",
        "Remote",
        "file config.staging.toml:1",
        "file local.json:1",
        "file config.yaml:1",
        "file config.toml:1",
        "file dynaconf.local.toml:2 [default]",
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
        ("base.yaml", "on: hunter2", "base.yaml: the key True is a bool, not a text; put it in quotes"),
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


def test_a_key_is_found_by_whichever_name_a_source_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aliases in files, prefixes and other letters in folders of secrets, options on a command line."""

    class Aliased(BaseConfig):
        """One alias, one prefix."""

        model_config = ConfigDict(
            env_prefix="APP_", secrets_dir="secrets", files=("base.yaml",), env_nested_delimiter="__"
        )
        port: int = Field(1, alias="thePort")
        host: str = "h"
        pool: Pool = Pool()

    Path("base.yaml").write_text("host: h\nthePort: 3\n")
    Path("secrets/App_Host").write_text("mounted")
    explained = explain(Aliased())
    assert str(explained["port"]) == "port = 3  <- file base.yaml:2"
    assert str(explained["host"].place) == "secret file secrets/App_Host"
    Path("base.yaml").unlink()
    Path("base.yaml").write_text("# moved\n\nthePort: 4\n")
    assert str(explained["port"].place) == "file base.yaml:2", "where it stood when it was read"
    if HAS_COMMAND_LINE:
        command = ["--pool.size", "9", "--thePort", "5"]
        explained = explain(Aliased(_cli_parse_args=command))
        assert str(explained["pool.size"]) == "pool.size = 9  <- command line --pool.size"
        assert str(explained["port"]) == "port = 5  <- command line --thePort (overrides file base.yaml:3 = 4)"


def test_what_an_alias_path_picks_out_is_explained_by_the_place_it_is_picked_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was said to be a default."""

    class Picked(BaseConfig):
        """Two values of one document."""

        model_config = ConfigDict(files=("app.toml",))
        host: str = Field("", validation_alias=AliasPath("db", "hosts", 0))
        name: str = Field("", validation_alias=AliasChoices("name_of_db", AliasPath("db", "name")))

    Path("app.toml").write_text("[db]\nhosts = ['one']\nname = 'orders'\n")
    monkeypatch.setenv("DB", '{"name": "payments"}')
    assert str(explain(load(Picked))) == (
        "host = 'one'  <- file app.toml:2\n"
        "name = 'payments'  <- environment DB (overrides file app.toml:3 = 'orders')"
    )


def test_a_root_model_is_explained_as_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was said to be a default."""

    class Ports(RootModel[list[int]]):
        """A list of ports."""

    class Settings(BaseConfig):
        """One root model."""

        ports: Ports = Ports([1])

    monkeypatch.setenv("PORTS", "[1, 2]")
    assert str(explain(load(Settings))) == "ports = Ports(root=[1, 2])  <- environment PORTS"


def test_a_problem_in_a_list_or_in_a_union_has_a_place() -> None:
    """Pydantic names an item by its number and a choice by its tag, which no document has."""

    class One(BaseModel):
        """A choice."""

        kind: Literal["one"] = "one"
        size: int = 1

    class Two(BaseModel):
        """Another."""

        kind: Literal["two"] = "two"

    class Settings(BaseConfig):
        """A list and a union."""

        model_config = ConfigDict(files=("app.yaml",))
        items: list[One]
        either: Annotated[One | Two, Field(discriminator="kind")]

    Path("app.yaml").write_text("items:\n- size: many\neither:\n  kind: one\n  size: few\n")
    with pytest.raises(InvalidConfiguration) as caught:
        load(Settings)
    assert [(problem.name, problem.location) for problem in caught.value.problems] == [
        ("items.0.size", "file app.yaml:1"),
        ("either.one.size", "file app.yaml:3"),
    ]


@pytest.mark.skipif(NestedSecretsSettingsSource is None, reason="this release of pydantic-settings has no such source")
def test_a_remote_source_of_pydantic_settings_is_explained_by_its_name() -> None:
    """As those for the secret stores of clouds: they derive from the environment's source, and are not it."""

    class Remote(BaseConfig):
        """Has a source of pydantic-settings as a remote one."""

        model_config = ConfigDict(
            secrets_dir="secrets",
            remote=(lambda cls: NestedSecretsSettingsSource(SecretsSettingsSource(cls), secrets_dir="more"),),
        )
        value: str = ""

    Path("more").mkdir()
    Path("more/value").write_text("remote")
    settings = load(Remote)
    assert settings.value == "remote"
    assert str(explain(settings)["value"].place) == "NestedSecretsSettingsSource value"


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
