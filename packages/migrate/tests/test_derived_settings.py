"""Whatever `BaseSettings` does with a class, `BaseConfig` does: the same values from the same sources, failures at the same fields."""

import textwrap
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

PRELUDE = """\
import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

from pydantic import AliasChoices, AliasPath, BaseModel, Field, SecretStr, computed_field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Sub(BaseModel):
    host: str = "local"
    port: int = 1


"""

CASES: dict[str, str] = {
    "plain": "port: int = 1\nname: str = 'x'\ndebug: bool = False",
    "required": "port: int\nname: str",
    "prefix": "model_config = SettingsConfigDict(env_prefix='APP_')\nport: int = 1\nitems: list[int] = []",
    "prefix as keyword": "port: int = Field(1, alias='PORT')\nname: str = 'x'\nmodel_config = {'env_prefix': 'app_', 'populate_by_name': True}",
    "case": "model_config = SettingsConfigDict(case_sensitive=True)\nPORT: int = 1\nport: int = 2",
    "env file": "model_config = SettingsConfigDict(env_file='one.env')\nport: int = 1\nname: str = 'x'",
    "env files": "model_config = SettingsConfigDict(env_file=('one.env', 'two.env'), env_file_encoding='utf-8')\nport: int = 1\nname: str = 'x'\ntown: str = ''",
    "no such file": "model_config = SettingsConfigDict(env_file='none.env', extra='ignore')\nport: int = 1",
    "extra": "model_config = SettingsConfigDict(env_file='one.env', extra='ignore')\nport: int = 1",
    "extra kept": "model_config = SettingsConfigDict(env_file='one.env', extra='allow')\nport: int = 1",
    "extra forbidden": "model_config = SettingsConfigDict(env_file='one.env', extra='forbid')\nport: int = 1",
    "nested": "model_config = SettingsConfigDict(env_nested_delimiter='__')\nsub: Sub = Sub()\nother: Optional[Sub] = None",
    "nested prefix": "model_config = SettingsConfigDict(env_prefix='APP_', env_nested_delimiter='__', nested_model_default_partial_update=True)\nsub: Sub = Sub(port=9)",
    "json": "items: list[int] = []\ntable: dict[str, int] = {}\nsub: Sub = Sub()",
    "no decode": "items: Annotated[list[str], NoDecode] = []\n\n@field_validator('items', mode='before')\n@classmethod\ndef cut(cls, value: Any) -> Any:\n    return value.split(',') if isinstance(value, str) else value",
    "alias": "port: int = Field(1, validation_alias='APP_PORT')\nname: str = Field('x', alias='NAME')",
    "alias choices": "port: int = Field(1, validation_alias=AliasChoices('NONE', 'PORT', 'APP_PORT'))\nfirst: int = Field(0, validation_alias=AliasPath('ITEMS', 0))",
    "secrets": "model_config = SettingsConfigDict(secrets_dir='secrets')\ntoken: SecretStr = SecretStr('')\nport: int = 1",
    "no such secrets": "model_config = SettingsConfigDict(secrets_dir='nothing')\nport: int = 1",
    "empty ignored": "model_config = SettingsConfigDict(env_ignore_empty=True)\nempty: int = 3\nport: int = 1",
    "none text": "model_config = SettingsConfigDict(env_parse_none_str='null')\nnothing: Optional[int] = 3",
    "frozen": "model_config = SettingsConfigDict(frozen=True)\nport: int = 1",
    "assignment": "model_config = SettingsConfigDict(validate_assignment=True)\nport: int = 1",
    "no default check": "model_config = SettingsConfigDict(validate_default=False)\nport: int = 'not a number'",
    "defaults are checked": "port: int = 'not a number'",
    "literal": "mode: Literal['dev', 'prod'] = 'dev'\nlevel: int = Field(1, ge=1, le=5)",
    "computed": "port: int = 1\nhost: str = 'h'\n\n@computed_field\n@property\ndef address(self) -> str:\n    return f'{self.host}:{self.port}'",
    "validators": "port: int = 1\n\n@field_validator('port')\n@classmethod\ndef high(cls, value: int) -> int:\n    if value < 10:\n        raise ValueError('too low')\n    return value\n\n@model_validator(mode='after')\ndef whole(self):\n    self.__dict__['seen'] = True\n    return self",
    "sources": "port: int = 1\nname: str = 'x'\n\n@classmethod\ndef settings_customise_sources(cls, settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings):\n    return init_settings, lambda: {'name': 'source'}, env_settings",
    "sources reversed": "model_config = SettingsConfigDict(env_file='one.env')\nport: int = 1\n\n@classmethod\ndef settings_customise_sources(cls, settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings):\n    return dotenv_settings, env_settings, init_settings",
    "old style": "port: int = 1\nname: str = 'x'\n\nclass Config:\n    env_prefix = 'APP_'\n    env_file = 'one.env'\n    case_sensitive = False",
    "default factory": "port: int = Field(default_factory=lambda: 7)\npath: Path = Path('/tmp')\n_private: int = 3",
    "protected names": "model_config = SettingsConfigDict(protected_namespaces=())\nmodel_name: str = 'm'",
    "names of ours": "explain: str = 'a'\nreload: str = 'b'\nload: str = 'c'\nsettings: str = 'd'\nsecret: str = 'e'\nenv: str = 'f'",
    "docs": "model_config = SettingsConfigDict(use_attribute_docstrings=True)\nport: int = 1\n'''The port.'''",
}
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "empty": {},
    "plain": {"PORT": "8000", "NAME": "n", "DEBUG": "yes", "MODE": "prod", "LEVEL": "2", "HOST": "db", "EXPLAIN": "z"},
    "prefixed": {"APP_PORT": "81", "APP_ITEMS": "[1, 2]", "app_name": "a", "APP_SUB__PORT": "4", "SUB__HOST": "s", "OTHER__PORT": "3"},
    "documents": {"ITEMS": "[1, 2]", "TABLE": '{"a": 1}', "SUB": '{"port": 5}', "NOTHING": "null", "EMPTY": ""},
    "bad": {"PORT": "x", "ITEMS": "1,2", "TABLE": "[", "MODE": "none", "LEVEL": "9", "DEBUG": "maybe", "EMPTY": "", "SUB": "{}"},
    "odd case": {"Port": "5", "port": "6", "PORT": "", "token": "t"},
}  # fmt: skip


@cache
def settings_class(base: str, body: str) -> type[Any]:
    """Return a class of a body under one of the two bases, as the recipe leaves it but for the import."""
    source = f"{PRELUDE}class Settings({base}):\n{textwrap.indent(body, '    ')}\n"
    scope: dict[str, Any] = {"__name__": "settings_under_test"}
    if base == "BaseConfig":
        source = f"from maestro_core_config import BaseConfig\n{source}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old inner `Config` is deprecated under either base
        exec(compile(source, "settings.py", "exec"), scope)
    return scope["Settings"]  # type: ignore[no-any-return]  # what the text defines


def outcome(base: str, body: str, given: dict[str, Any]) -> object:
    """Return what building the settings gives: values and their types, or the class of the failure and where it lies."""
    kind = settings_class(base, body)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder of secrets that is not there, of values that were not validated
        try:
            made = kind(**given)
        except ValidationError as error:
            return "invalid", [
                (each["loc"], each["type"]) for each in error.errors(include_input=False, include_url=False)
            ]
        except Exception as error:  # the class is what callers rely on
            return type(error).__name__, type(error).__mro__[1].__name__
        held = (repr(made), made.model_dump(), made.model_dump_json(), sorted(made.model_fields_set))
        try:
            made.port = "12"
        except Exception as error:
            return held, type(error).__name__
        return held, made.port


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
@pytest.mark.parametrize("body", CASES.values(), ids=list(CASES))
def test_a_derived_class_is_what_it_was(body, environment, tmp_path, monkeypatch):
    """Values, their order of precedence, failures and where they lie, dumps, assignment; from environment, files, secrets and arguments."""
    (tmp_path / "one.env").write_text("PORT=21\nAPP_NAME=filed\nTOWN='Köln'\nexport OTHER_THING=1\n", encoding="utf-8")
    (tmp_path / "two.env").write_text("NAME=${PORT}x\nTOWN=Bonn\n", encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("from a file\n")
    (tmp_path / "secrets" / "PORT").write_text("77")
    monkeypatch.chdir(tmp_path)
    for name in (
        "PORT",
        "NAME",
        "MODE",
        "HOST",
        "LEVEL",
        "DEBUG",
        "TOKEN",
        "LOAD",
        "ENV",
        "SECRET",
        "SETTINGS",
        "RELOAD",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    for given in ({}, {"port": 5}, {"_env_file": "two.env"}, {"_env_prefix": "app_"}, {"_case_sensitive": True}, {"_secrets_dir": "secrets"}, {"unknown": 1}):  # fmt: skip
        assert outcome("BaseConfig", body, given) == outcome("BaseSettings", body, given), given


@pytest.mark.parametrize(
    "arguments", [[], ["--port", "9"], ["--sub.host", "x", "--port=3"], ["--port", "x"], ["--nope", "1"]]
)
def test_a_derived_class_takes_the_same_command_line(arguments, monkeypatch, capsys):
    """`cli_parse_args` with nested models: the same values, the same way out on wrong use."""
    body = "model_config = SettingsConfigDict(cli_parse_args=True, cli_prog_name='x')\nport: int = 1\nsub: Sub = Sub()"
    monkeypatch.setattr("sys.argv", ["x", *arguments])

    def told(base: str) -> object:
        try:
            found = outcome(base, body, {})
        except SystemExit as end:
            found = end.code
        return found, capsys.readouterr()

    assert told("BaseConfig") == told("BaseSettings")


def test_what_people_ask_of_the_class_stays(tmp_path: Path) -> None:
    """Schema, fields, signature, copies, comparison and inheritance are those of the class before."""
    body = "model_config = SettingsConfigDict(env_prefix='APP_', title='T')\nport: int = Field(1, description='p')\nsub: Sub = Sub()"
    old, new = settings_class("BaseSettings", body), settings_class("BaseConfig", body)
    assert new.model_json_schema() == old.model_json_schema()
    assert {name: repr(field) for name, field in new.model_fields.items()} == {
        name: repr(field) for name, field in old.model_fields.items()
    }
    one, other = new(), new(port=2)
    assert one == new()
    assert one != other
    assert one.model_copy(update={"port": 2}) == other
    assert dict(other).keys() == dict(old(port=2)).keys()

    class Child(new):  # type: ignore[misc,valid-type]  # a class made a moment ago
        more: int = 3

    assert Child().model_dump() == {**one.model_dump(), "more": 3}
