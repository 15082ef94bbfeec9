"""Dynaconf's files: what Dynaconf itself makes of them, typed, and with the place of each value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

pytest.importorskip("dynaconf")

from dynaconf import Dynaconf

from maestro_core_config import BaseConfig, ConfigDict, FileError, InvalidConfiguration, explain, load


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "staging")
    monkeypatch.delenv("ENV_FOR_DYNACONF", raising=False)


class Open(BaseConfig):
    """Takes whatever is there."""

    model_config = ConfigDict(dynaconf_files=("settings.toml",), extra="allow", env_prefix="NOBODY_")


CASTS = """[default]
integer = "@int 42"
number = "@float 1.5"
truth = "@bool true"
document = '@json {"x": [1]}'
text = "@str 5"
host = "h"
formatted = "@format {this.HOST}:{env[ENVIRONMENT]}"
nothing = "@none"
"""
MERGES = """[default]
numbers = [1, 2]
unique = [1, 2]
gone = 1
marked = "a"
db = {x = 1, y = {z = 1}, gone = 2}
[staging]
numbers = ["dynaconf_merge", 3]
unique = [2, 3, "dynaconf_merge_unique"]
gone = "@del"
[staging.db]
dynaconf_merge = true
gone = "@del"
y = {w = 2}
"""
CASES = {
    "casts": (CASTS, {}),
    "merge marks": (MERGES, {}),
    "no marks": ("[default]\ndb = {x = 1}\n[staging]\ndb = {y = 2}\n", {}),
    "merge option": ("[default]\ndb = {x = 1}\n[staging]\ndb = {y = 2}\n", {"merge_enabled": True}),
    "double underscores": (
        "[default]\ndb = {x = 1, y = {z = 1}}\nl = [1]\n[staging]\ndb__y__z = 5\nl = '@merge 3'\n",
        {},
    ),
    "global": ("[default]\nx = 1\n[staging]\nx = 2\n[global]\nx = 3\n", {}),
    "another environment": ("[default]\nx = 1\n[production]\nx = 2\n", {}),
    "flat": ("x = 1\n[db]\nhost = 'h'\n", {"environments": False}),
    "capitals": ("[DEFAULT]\nX = 1\n[STAGING]\nX = 2\n", {}),
}


@pytest.mark.parametrize("variable", [None, "ENV_FOR_DYNACONF=production", "MERGE_ENABLED_FOR_DYNACONF=true"])
@pytest.mark.parametrize("case", CASES)
def test_what_dynaconf_reads_is_what_settings_get(
    case: str, variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dynaconf is the oracle: casts, merge marks, `.local` and `.secrets` files, its own options and variables."""
    text, options = CASES[case]
    files = ["settings.toml", ".secrets.toml"]
    Path("settings.toml").write_text(text)
    Path("settings.local.toml").write_text("x = 7\n" if case == "flat" else "[default]\nlocal = 7\n")
    Path(".secrets.toml").write_text("token = 't'\n" if case == "flat" else "[default]\ntoken = 't'\n")
    if variable:
        monkeypatch.setenv(*variable.split("="))
    oracle = Dynaconf(settings_files=files, env="staging", loaders=[], **{"environments": True, **options})

    class Fleet(Open):
        """The same files."""

        model_config = ConfigDict(dynaconf_files=tuple(files), dynaconf_options=options)

    assert Fleet().model_dump() == {name.lower(): value for name, value in oracle.as_dict().items()}


class Pool(BaseModel):
    """A nested model."""

    size: int = 1
    host: str = ""


class Fleet(BaseConfig):
    """Typed over Dynaconf's files."""

    model_config = ConfigDict(
        dynaconf_files=("settings.toml", "?.secrets.toml"), env_prefix="APP_", env_nested_delimiter="__"
    )
    port: int = 1
    host: str = "h"
    db: dict[str, int] = Field(default_factory=dict)
    pool: Pool = Pool()
    token: str = ""


def test_files_are_typed_and_the_environment_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dynaconf's variables are not read, since the environment is a layer above; names may be in capitals at any depth."""
    Path("settings.toml").write_text(
        "[default]\nPORT = 1000\nhost = 'default'\ndb = {x = 1, y = 2}\n\n"
        "[staging]\nport = 2000\ndb = {x = 9, dynaconf_merge = true}\n[staging.POOL]\nSIZE = 5\n"
    )
    Path(".secrets.toml").write_text("[default]\ntoken = 't'\n")
    monkeypatch.setenv("DYNACONF_PORT", "3000")
    settings = load(Fleet)
    assert (settings.port, settings.host, settings.db, settings.token) == (2000, "default", {"x": 9, "y": 2}, "t")
    assert settings.pool.size == 5
    assert str(explain(settings)["port"].place) == "file settings.toml:7 [staging]"
    assert str(explain(settings)["pool.size"].place) == "file settings.toml:10 [staging]"
    monkeypatch.setenv("APP_PORT", "4000")
    assert Fleet().port == 4000


def test_the_place_is_the_one_that_decided() -> None:
    """A local file, an included one, a nested key by its long name, a key merged from the default section."""
    Path("settings.toml").write_text(
        "[default]\nport = 1\ndynaconf_include = ['more.toml']\n[default.pool]\nsize = 1\nhost = 'a'\n"
        "[staging]\nhost = 'x'\npool__size = 2\n"
    )
    Path("settings.local.toml").write_text("# mine\n[default]\nport = 9\n")
    Path("more.toml").write_text("[default]\ntoken = 't'\n")
    settings = load(Fleet)
    assert {name: explanation.place.location for name, explanation in explain(settings).items()} == {
        "port": "settings.local.toml:3 [default]",
        "host": "settings.toml:8 [staging]",
        "db": "",
        "pool.size": "settings.toml:9 [staging]",
        "pool.host": "settings.toml:6 [default]",
        "token": "more.toml:2 [default]",
    }
    os.remove("more.toml")
    assert explain(settings)["token"].place.location == "settings.toml, .secrets.toml"


def test_a_misspelt_key_is_refused_with_its_line() -> None:
    """The typo shield covers these files as well."""
    Path("settings.toml").write_text("[default]\nhots = 'x'\n[staging.pool]\nszie = 1\n")
    with pytest.raises(InvalidConfiguration) as caught:
        load(Fleet)
    assert {str(problem) for problem in caught.value.problems} == {
        "hots: no setting has this name (settings.toml:2 [default]); did you mean host?",
        "pool.szie: no setting has this name (settings.toml:4 [staging]); did you mean size?",
    }


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("hunter2 oops", "settings.toml: Invalid value (at line 2, column 8)"),
        ("'@int hunter2'", "settings.toml, .secrets.toml: Dynaconf cannot evaluate a value in them: "),
        ("'@format {this.hunter2}'", "settings.toml, .secrets.toml: Dynaconf cannot evaluate a value in them: "),
    ],
)
def test_what_dynaconf_cannot_read_is_an_error_that_quotes_nothing(value: str, says: str) -> None:
    """Its own errors name no file and have the value in them."""
    Path("settings.toml").write_text(f"[default]\nhost = {value}\n")
    with pytest.raises(FileError) as caught:
        Fleet()
    assert str(caught.value).startswith(says)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None
