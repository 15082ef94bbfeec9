"""pydantic-settings is a subset: each class here is built on both bases and must behave the same."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    PostgresDsn,
    PrivateAttr,
    SecretStr,
    ValidationError,
    computed_field,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from maestro_core_config import BaseConfig
from maestro_core_config._secrecy import holds_secret

MakeClass = Callable[[type[BaseSettings]], type[Any]]


class Database(BaseModel):
    """A nested model."""

    host: str = "localhost"
    port: int = 5432


def plain(base: type[BaseSettings]) -> type[Any]:
    class Settings(base):  # type: ignore[misc, valid-type]
        """Defaults of several types."""

        name: str = "svc"
        port: int = 8000
        debug: bool = False
        tags: list[str] = Field(default_factory=lambda: ["a"])
        ratio: float | None = None

    return Settings


def prefixed(base: type[BaseSettings]) -> type[Any]:
    class Settings(base):  # type: ignore[misc, valid-type]
        """A prefix, nesting and a file."""

        model_config = SettingsConfigDict(
            env_prefix="SUB_", env_nested_delimiter="__", env_file=".env", env_file_encoding="utf-8", extra="ignore"
        )
        db: Database = Database()
        port: int = 1
        mapping: dict[str, int] = Field(default_factory=dict)

    return Settings


def required(base: type[BaseSettings]) -> type[Any]:
    class Settings(base):  # type: ignore[misc, valid-type]
        """Required fields, aliases, secrets."""

        token: SecretStr
        port: int = Field(alias="PORT_ALIAS")
        host: str = Field("h", validation_alias=AliasChoices("HOST_A", "HOST_B"))

    return Settings


def validated(base: type[BaseSettings]) -> type[Any]:
    class Settings(base):  # type: ignore[misc, valid-type]
        """Validators, computed and private attributes."""

        model_config = SettingsConfigDict(validate_assignment=True)
        port: int = 8000
        host: str = "localhost"
        _seen: list[str] = PrivateAttr(default_factory=list)

        @field_validator("port")
        @classmethod
        def positive(cls, value: int) -> int:
            if value <= 0:
                raise ValueError("port must be positive")
            return value

        @model_validator(mode="after")
        def together(self) -> Any:
            if self.host == "nowhere":
                raise ValueError("nowhere is not a host")
            return self

        @computed_field  # type: ignore[prop-decorator]
        @property
        def url(self) -> str:
            return f"http://{self.host}:{self.port}"

    return Settings


def customised(base: type[BaseSettings]) -> type[Any]:
    class Fixed(PydanticBaseSettingsSource):
        """A source of the user's."""

        def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
            return None, field_name, False

        def __call__(self) -> dict[str, Any]:
            return {"port": 77, "name": "fixed"}

    class Settings(base):  # type: ignore[misc, valid-type]
        """The environment above the constructor, and a source above both."""

        name: str = "svc"
        port: int = 8000
        debug: bool = False

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: Any,
            init_settings: Any,
            env_settings: Any,
            dotenv_settings: Any,
            file_secret_settings: Any,
        ) -> tuple[Any, ...]:
            return env_settings, Fixed(settings_cls), init_settings

    return Settings


def inherited(base: type[BaseSettings]) -> type[Any]:
    class Common(base):  # type: ignore[misc, valid-type]
        """A base class of the service's own."""

        model_config = SettingsConfigDict(env_prefix="SUB_", extra="allow", frozen=True)
        port: int = 1

        @classmethod
        def settings_customise_sources(cls, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
            return super().settings_customise_sources(*args, **kwargs)  # type: ignore[no-any-return]

    class Settings(Common):
        """A class of the service."""

        host: str = "h"

    return Settings


def dsn(base: type[BaseSettings]) -> type[Any]:
    class Settings(base):  # type: ignore[misc, valid-type]
        """A DSN put together from parts."""

        POSTGRES_HOST: str = "db"
        POSTGRES_DSN: PostgresDsn | str = ""

        @field_validator("POSTGRES_DSN", mode="before")
        @classmethod
        def assemble(cls, value: str, found: Any) -> Any:
            return value or f"postgresql://u:p@{found.data['POSTGRES_HOST']}/app"

    return Settings


def dynamic(base: type[BaseSettings]) -> type[Any]:
    return create_model("Settings", __base__=base, port=(int, 5), name=(str, "n"))


CLASSES: list[MakeClass] = [plain, prefixed, required, validated, customised, inherited, dsn, dynamic]
ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"PORT": "9", "NAME": "env", "DEBUG": "yes", "TAGS": '["x", "y"]', "RATIO": "0.5"},
    {"PORT": "not a number", "DEBUG": "maybe"},
    {"PORT": "-1", "HOST": "nowhere"},
    {"SUB_DB__PORT": "1", "SUB_DB__HOST": "x", "SUB_PORT": "2", "SUB_MAPPING": '{"a": 1}', "SUB_UNKNOWN": "u"},
    {"SUB_DB": "{", "TAGS": "not json"},
    {"TOKEN": "t", "PORT_ALIAS": "3", "HOST_B": "b"},
    {"POSTGRES_HOST": "elsewhere", "port": "8"},
]
ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"port": 4},
    {"port": "x"},
    {"unknown": 1},
    {"_env_file": None},
    {"_env_prefix": "SUB_"},
]


def outcome(settings_class: type[Any], arguments: dict[str, Any]) -> Any:
    try:
        settings = settings_class(**arguments)
    except ValidationError as exc:
        inputs = [] if holds_secret(settings_class) else [e["input"] for e in exc.errors()]
        return ("invalid", exc.title, [(e["type"], e["loc"], e["msg"]) for e in exc.errors(include_url=False)], inputs)
    except Exception as exc:
        return (type(exc), str(exc))
    return (
        settings.model_dump(mode="json"),
        json.loads(settings.model_dump_json()),
        settings.model_fields_set,
        repr(settings),
        sorted(settings_class.model_fields),
        dict(settings).keys(),
        settings == copy.deepcopy(settings) == copy.copy(settings) == settings.model_copy(),
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: "+".join(e) or "empty")
@pytest.mark.parametrize("make_class", CLASSES, ids=lambda f: f.__name__)
def test_loading_is_the_same_on_both_bases(
    make_class: MakeClass, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same values, the same errors in class and detail, the same dumps and reprs."""
    (tmp_path / ".env").write_text("SUB_PORT=6\nSUB_DB__HOST=dotenv\nOTHER=1\n")
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for arguments in ARGUMENTS:
        assert outcome(make_class(BaseConfig), arguments) == outcome(make_class(BaseSettings), arguments), arguments


@pytest.mark.parametrize("make_class", CLASSES, ids=lambda f: f.__name__)
def test_schema_and_signature_are_the_same(make_class: MakeClass) -> None:
    """Tools that look at the class see what they saw."""
    import inspect

    ours, theirs = make_class(BaseConfig), make_class(BaseSettings)
    assert ours.model_json_schema() == theirs.model_json_schema()
    assert inspect.signature(ours) == inspect.signature(theirs)


@pytest.mark.parametrize("make_class", CLASSES, ids=lambda f: f.__name__)
def test_assignment_is_the_same_on_both_bases(make_class: MakeClass) -> None:
    """Tests mutate settings: allowed, validated or refused exactly as before."""

    def assign(base: type[BaseSettings], name: str, value: Any) -> Any:
        settings = make_class(base).model_construct(port=1)
        try:
            setattr(settings, name, value)
            after = getattr(settings, name)
            delattr(settings, name)
        except Exception as exc:
            return (type(exc).__name__, str(exc) if not isinstance(exc, ValidationError) else exc.error_count())
        return (after, hasattr(settings, name))

    for name, value in (("port", 5), ("port", -5), ("port", "x"), ("unknown", 1), ("_private", 2)):
        assert assign(BaseConfig, name, value) == assign(BaseSettings, name, value), (name, value)


def test_an_inner_config_class_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """`class Config` is deprecated by pydantic, with the same warning on both bases."""
    monkeypatch.setenv("SUB_PORT", "3")
    made = []
    for base in (BaseConfig, BaseSettings):
        with pytest.warns(DeprecationWarning, match="class-based `config` is deprecated"):

            class Settings(base):  # type: ignore[misc, valid-type]
                """v1 style."""

                port: int = 1

                class Config:
                    """The v1 way to configure."""

                    env_prefix = "SUB_"

        made.append(Settings().port)
    assert made == [3, 3]


def test_local_types_resolve_in_annotations_written_as_text() -> None:
    """With `from __future__ import annotations`, a class inside a function may name another one beside it."""

    class Local(BaseModel):
        """Known in this function only."""

        value: int = 1

    class Settings(BaseConfig):
        """Names it in an annotation."""

        inner: Local = Local()

    assert Settings(inner={"value": 2}).inner.value == 2


class Module(BaseConfig):
    """At module level, so that it pickles."""

    port: int = 1
    key: SecretStr = SecretStr("k")


def test_settings_pickle_and_are_cached_by_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """`@lru_cache def get_settings()` and worker processes."""
    again = pickle.loads(pickle.dumps(Module(port=2)))
    assert (again.port, again.key.get_secret_value()) == (2, "k")

    @lru_cache
    def get_settings() -> Module:
        return Module()

    monkeypatch.setenv("PORT", "9")
    assert get_settings().port == 9
    monkeypatch.setenv("PORT", "10")
    assert get_settings().port == 9
    get_settings.cache_clear()
    assert get_settings().port == 10


@pytest.mark.parametrize("option", ["input", "message"])
def test_a_validation_error_does_not_echo_inputs(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one difference on purpose: pydantic prints the offending input, which may be a secret."""

    class Keys(BaseConfig):
        """A secret with a rule."""

        key: SecretStr = Field(min_length=20)
        port: int = 1

    monkeypatch.setenv("KEY", "hunter2")
    monkeypatch.setenv("PORT", "hunter3")
    with pytest.raises(ValidationError) as caught:
        Keys()
    assert "hunter" not in str(caught.value)
    if option == "input":
        inputs = {error["loc"][0]: error["input"] for error in caught.value.errors()}
        assert "hunter2" not in str(inputs["key"])


def test_debug_logging_has_names_and_no_values(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`PYDANTIC_SETTINGS_DEBUG` of pydantic-settings prints every source's values; here it has the names in them."""
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    monkeypatch.setenv("KEY", "hunter2")
    with caplog.at_level("DEBUG", "pydantic_settings"):
        assert Module().key.get_secret_value() == "hunter2"
    assert "hunter2" not in caplog.text
    if hasattr(BaseSettings, "_settings_log_debug"):  # of 2.16 and later
        assert "Resolving settings for 'Module' (sources in priority order, highest first):" in caplog.text
        assert "EnvSettingsSource: ['key']" in caplog.text


def test_importing_loads_no_optional_system() -> None:
    """`import maestro_core_config` stays cheap: no driver, no parser, no command line."""
    import subprocess

    code = (
        "import sys, maestro_core_config as c; [getattr(c, name) for name in c.__all__];"
        "print([m for m in ('dynaconf', 'hvac', 'cryptography', 'click', 'yaml', 'requests') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
