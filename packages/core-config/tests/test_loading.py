"""Loading: one message for everything that is wrong, typos found, nothing secret shown."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, BaseModel, Field, RootModel, SecretStr, ValidationError, create_model
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import SchemaError
from pydantic_settings import BaseSettings, SettingsConfigDict
from typing_extensions import TypeAliasType, TypedDict

from maestro_core_config import (
    BaseConfig,
    ConfigDict,
    ConfigError,
    InvalidConfiguration,
    MissingVariable,
    UnknownNamesWarning,
    env,
    explain,
    fingerprint,
    load,
    secret,
)
from maestro_core_config._descriptions import describe


class Database(BaseModel):
    """A nested model."""

    host: str = "localhost"
    password: SecretStr = SecretStr("hunter2-default")
    options: dict[str, str] = Field(default_factory=dict)


class Settings(BaseConfig):
    """Prefixed, nested, from a file, with live fields."""

    model_config = ConfigDict(
        env_prefix="APP_", env_nested_delimiter="__", files=("?app.toml",), unknown_names="refuse"
    )
    port: int = 8000
    workers: int = Field(2, ge=1)
    database: Database = Database()
    key: SecretStr = SecretStr("k")
    alias: str = Field("a", validation_alias=AliasChoices("APP_ALIAS", "OLD_ALIAS"))
    role: str = env("APP_ROLE_ARN", "r")
    token: str = secret("APP_TOKEN", "t")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("APP_PROT", "APP_PORT"),
        ("APP_WORKER", "APP_WORKERS"),
        ("APP_DATABASE__HOTS", "APP_DATABASE__HOST"),
        ("APP_DATABASE__PASWORD", "APP_DATABASE__PASSWORD"),
        ("APP_ROLE_ANR", "APP_ROLE_ARN"),
        ("APP_TOKN", "APP_TOKEN"),
        ("APP_ALAIS", "APP_ALIAS"),
        ("APP_TELEGRAM_BOT_TOKEN_XYZQ", ""),
    ],
)
def test_a_prefixed_variable_that_nothing_reads_is_refused(
    variable: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The typo corpus: each found, each with the name that was meant; the value is not shown."""
    monkeypatch.setenv(variable, "hunter2")
    with pytest.raises(InvalidConfiguration) as caught:
        Settings()
    (problem,) = caught.value.problems
    assert (problem.name, problem.location) == (variable, "environment")
    assert problem.hint == (f"did you mean {hint}?" if hint else problem.hint)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "variable",
    [
        "APP_PORT",
        "app_port",
        "APP_DATABASE__HOST",
        "APP_DATABASE__OPTIONS__ANYTHING",
        "OLD_ALIAS",
        "APPLE",
        "APP_ROLE_ARN",
    ],
)
def test_known_and_foreign_names_are_no_typos(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested names, dictionaries, aliases, live variables and other prefixes."""
    monkeypatch.setenv(variable, "1")
    load(Settings)


class Cat(BaseModel):
    """One kind of two."""

    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    """The other kind."""

    kind: Literal["dog"] = "dog"


class Counts(RootModel[dict[str, int]]):
    """A dictionary in a coat."""


class Open(BaseModel):
    """Whatever one likes."""

    model_config = ConfigDict(extra="allow")


@pydantic_dataclass
class Pool:
    """Pydantic's dataclass."""

    size: int = 1
    pet: Cat = field(default_factory=Cat)


@dataclass
class Plain:
    """The standard library's."""

    size: int = 1


class Table(TypedDict):
    """A dictionary with known keys."""

    size: int


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@pytest.mark.parametrize(
    ("annotation", "variables"),
    [
        (Pet | None, {"KIND": "cat", "LIVES": "7"}),
        (Annotated[Annotated[Cat, Field()] | None, Field(description="x")], {"LIVES": "7"}),
        (TypeAliasType("Alias", Cat), {"LIVES": "7"}),
        (Pool | None, {"SIZE": "2", "PET__LIVES": "7"}),
        (Plain, {"SIZE": "2"}),
        (Table, {"SIZE": "2"}),
        (Counts, {"ANY": "2"}),
        (Open, {"ANY": "2"}),
        (Mapping[str, int], {"ANY": "2"}),
        (defaultdict[str, int], {"ANY": "2"}),
    ],
)
def test_whatever_pydantic_settings_reads_is_no_typo(
    annotation: Any, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unions within `Annotated`, named types, dataclasses, root models, mappings: `load` refused what building alone had read."""
    for name, value in variables.items():
        monkeypatch.setenv(f"APP_PART__{name}", value)

    class Theirs(BaseSettings):
        """As pydantic-settings reads it."""

        model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    class Ours(BaseConfig):
        """The same of ours."""

        model_config = ConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    try:
        read: Any = create_model("Read", __base__=Theirs, part=(annotation, ...))  # Any: a class made here
        expected = read().part
    except (SchemaError, ValidationError):
        pytest.skip("this release of pydantic-settings does not read it")
    loaded: Any = create_model("Loaded", __base__=Ours, part=(annotation, ...))  # as above
    assert load(loaded).part == expected


def test_a_typo_in_a_pydantic_dataclass_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names are known, other than a plain dataclass's."""

    class WithPool(BaseConfig):
        """One dataclass."""

        model_config = ConfigDict(env_prefix="APP_", env_nested_delimiter="__")
        pool: Pool | None = None

    monkeypatch.setenv("APP_POOL__SIZ", "2")
    with pytest.raises(InvalidConfiguration, match=r"did you mean APP_POOL__SIZE\?"):
        load(WithPool)


def test_a_dotenv_file_of_a_class_that_takes_everything_holds_no_typo() -> None:
    """With `extra="allow"` pydantic-settings reads every line of it, under its own name."""

    class Everything(BaseConfig):
        """Takes what it does not know."""

        model_config = ConfigDict(env_prefix="APP_", env_file=".env", extra="allow")

    Path(".env").write_text("APP_MORE=1\n")
    assert load(Everything).model_extra == Everything().model_extra


def test_file_keys_that_nothing_reads_are_refused_with_their_line() -> None:
    """At the top and inside tables."""
    Path("app.toml").write_text("prot = 1\n\n[database]\nhots = 'x'\n\n[database.options]\nany = 'y'\n")
    with pytest.raises(InvalidConfiguration) as caught:
        Settings()
    assert sorted(str(problem) for problem in caught.value.problems) == [
        "database.hots: no setting has this name (app.toml:4); did you mean host?",
        "prot: no setting has this name (app.toml:1); did you mean port?",
    ]


def test_a_prefix_belongs_to_variables_and_not_to_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment and `.env` take it alike; in a file it is a name that nothing reads, and the right one is said."""

    class Prefixed(BaseConfig):
        """The same setting in three places."""

        model_config = ConfigDict(env_prefix="SHOP_", env_file=".env", files=("app.toml",))
        port: int = 1

    Path("app.toml").write_text("port = 2\n")
    assert load(Prefixed).port == 2
    Path(".env").write_text("SHOP_PORT=3\n")
    assert load(Prefixed).port == 3
    monkeypatch.setenv("SHOP_PORT", "4")
    assert load(Prefixed).port == 4
    Path("app.toml").write_text("shop_port = 2\n")
    with pytest.raises(InvalidConfiguration, match=r"shop_port: no setting .*app.toml:1\); did you mean port\?"):
        load(Prefixed)


@pytest.mark.parametrize("extra", ["forbid", "ignore"])
def test_names_in_dotenv_files_and_mounted_secrets_are_shielded_too(extra: Any) -> None:
    """With the line or the file and a suggestion, once, whether or not pydantic forbids extra inputs."""

    class Mounted(BaseConfig):
        """Three kinds of places for a variable's name."""

        model_config = ConfigDict(
            env_prefix="SHOP_", env_file=".env", secrets_dir="secrets", extra=extra, env_nested_delimiter="__"
        )
        port: int = 1
        token: str = ""
        live: str = env("SHOP_LIVE", "")

    Path(".env").write_text("# ours\nSHOP_PROT=hunter2\nSHOP_LIVE=x\nshop_port=2\n")
    Path("secrets").mkdir()
    Path("secrets/shop_tokn").write_text("hunter2")
    Path("secrets/another_service").write_text("hunter2")
    with pytest.raises(InvalidConfiguration) as caught:
        load(Mounted)
    assert list(map(str, caught.value.problems)) == [
        "SHOP_PROT: no setting reads this variable (.env .env:2); did you mean SHOP_PORT?",
        "shop_tokn: no setting reads this variable (secret file secrets/shop_tokn); did you mean shop_token?",
    ]


class Node(BaseModel):
    """A model that holds itself."""

    name: str = "x"
    child: Node | None = None


def test_a_model_that_holds_itself_is_checked_as_deep_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below the second level are anybody's; the documents end there, too."""

    class Trees(BaseConfig):
        """Nested without end."""

        model_config = ConfigDict(env_prefix="T_", env_nested_delimiter="__")
        node: Node = Node()

    monkeypatch.setenv("T_NODE__CHILD__CHILD__NAME", "y")
    settings = load(Trees)
    assert settings.node.child is not None
    assert settings.node.child.child == Node(name="y")
    assert [d.name for d in describe(Trees)] == ["node.name", "node.child"]
    monkeypatch.setenv("T_NODE__NAEM", "y")
    with pytest.raises(InvalidConfiguration, match="did you mean T_NODE__NAME"):
        load(Trees)


def test_names_can_be_warned_about_or_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is pydantic-settings' silence; the shield is asked for by the class."""

    class Warned(Settings):
        """Warns."""

        model_config = ConfigDict(unknown_names="warn")

    class Ignored(Settings):
        """Says nothing."""

        model_config = ConfigDict(unknown_names="ignore")

    monkeypatch.setenv("APP_PROT", "1")
    with pytest.warns(UnknownNamesWarning, match="did you mean APP_PORT"):
        Warned()
    assert load(Ignored).port == 8000


def test_without_the_option_loading_refuses_and_building_ignores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building stays pydantic-settings'; asking for a check checks names too."""

    class Unsaid(BaseConfig):
        """Has a prefix and no opinion."""

        model_config = ConfigDict(env_prefix="APP_")
        port: int = 1

    monkeypatch.setenv("APP_PROT", "1")
    assert Unsaid().port == 1
    with pytest.raises(InvalidConfiguration, match="did you mean APP_PORT"):
        load(Unsaid)


def test_everything_wrong_is_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields, nested fields, live fields and names, each with its place, no value of any."""

    class Whole(Settings):
        """One required live field more."""

        needed: str = env("APP_NEEDED")
        number: int = secret("APP_NUMBER", "0", parse=int)

    Path("app.toml").write_text("workers = 0\n")
    for name, value in {"APP_PORT": "hunter2", "APP_PROT": "hunter3", "APP_NUMBER": "hunter4"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidConfiguration) as caught:
        load(Whole)
    assert str(caught.value).splitlines() == [
        "Whole: 5 problems",
        "  port: Input should be a valid integer, unable to parse string as an integer (environment APP_PORT)",
        "  workers: Input should be greater than or equal to 1 (file app.toml:1)",
        "  APP_PROT: no setting reads this variable (environment); did you mean APP_PORT?",
        "  needed: APP_NEEDED is not set (environment)",
        "  number: APP_NUMBER cannot be parsed (ValueError) (environment)",
    ]
    assert "hunter" not in "".join(traceback.format_exception(caught.value))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_source_that_cannot_be_read_is_one_of_the_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with broken JSON and a missing live variable are told together."""

    class Sources(BaseConfig):
        """A complex field and a live one."""

        hosts: list[str] = Field(default_factory=list)
        needed: str = env("T_NEEDED")

    monkeypatch.setenv("HOSTS", "[")
    with pytest.raises(InvalidConfiguration) as caught:
        load(Sources)
    assert [problem.name for problem in caught.value.problems] == ["sources", "needed"]


def test_every_source_that_cannot_be_read_is_told_with_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files and a remote source; what only they could have given is not called missing."""

    def remote(_: Any) -> Any:
        raise ConfigError("the remote source is down")

    class Sourced(BaseConfig):
        """Many places to be wrong."""

        model_config = ConfigDict(files=("gone.toml", "broken.json", "?optional.yaml"), remote=(remote,))
        needed: str
        port: int = 1
        live: str = env("T_LIVE_NEEDED")

    Path("broken.json").write_text("{hunter2")
    monkeypatch.setenv("PORT", "hunter2")
    with pytest.raises(InvalidConfiguration) as caught:
        load(Sourced)
    assert str(caught.value).splitlines() == [
        "Sourced: 5 problems",
        "  sources: the remote source is down",
        "  sources: broken.json: Expecting property name enclosed in double quotes (line 1, column 2)",
        "  sources: gone.toml: no such file; create it, or make it optional with 'gone.toml'".replace(
            "'gone", "'?gone"
        ),
        "  port: Input should be a valid integer, unable to parse string as an integer (environment PORT)",
        "  live: T_LIVE_NEEDED is not set (environment)",
    ]
    with pytest.raises(ConfigError, match="the remote source is down"):
        Sourced()


def test_good_settings_load_and_arguments_reach_live_fields() -> None:
    """`load` returns what building returns."""
    settings = load(Settings, port=1, role="given")
    assert (settings.port, settings.role) == (1, "given")


def test_building_alone_still_raises_pydantics_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without typos a plain build is pydantic-settings', error class included."""
    monkeypatch.setenv("APP_PORT", "x")
    with pytest.raises(ValidationError):
        Settings()


class TestExplain:
    """`explain`: the layer, the place, what is hidden."""

    def test_secrets_are_masked_in_every_layer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The value, the values it overrides, live secrets and overridden live secrets."""
        Path("app.toml").write_text("key = 'hunter2-file'\n[database]\npassword = 'hunter2-nested'\n")
        monkeypatch.setenv("APP_KEY", "hunter2-env")
        monkeypatch.setenv("APP_TOKEN", "hunter2-live")
        settings = Settings(token="hunter2-argument")
        text = str(explain(settings))
        assert "hunter2" not in text
        assert "key = '**********'  <- environment APP_KEY (overrides file app.toml:1 = '**********')" in text
        assert "database.password = '**********'  <- file app.toml:3" in text
        assert "token = '**********'  <- argument token (overrides environment APP_TOKEN = **********)" in text

    def test_live_fields_are_explained_as_of_now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Default, variable, missing, assigned."""

        class Live(BaseConfig):
            """Live fields only."""

            port: int = env("T_PORT", "1", parse=int)
            role: str = env("T_ROLE")
            chained: str = env("T_A", "x", fallback="T_B")

        monkeypatch.setenv("T_B", "b")
        settings = Live()
        assert str(explain(settings)).splitlines() == [
            "port = 1  <- default",
            "role = <T_ROLE is not set>  <- live nothing",
            "chained = 'b'  <- environment T_B",
        ]
        settings.port = 5
        monkeypatch.setenv("T_ROLE", "r")
        assert str(explain(settings)["port"]) == "port = 5  <- argument port (overrides default = 1)"
        assert str(explain(settings)["role"]) == "role = 'r'  <- environment T_ROLE"
        assert len(explain(settings)) == 3

    def test_explanations_belong_to_the_load_and_not_to_the_moment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that changes after the load does not change where the value came from."""
        monkeypatch.setenv("APP_PORT", "5")
        settings = Settings()
        monkeypatch.delenv("APP_PORT")
        # pydantic-settings folds names to lower case, and the variable is no longer there to ask for its spelling.
        assert str(explain(settings)["port"]) == "port = 5  <- environment app_port"

    def test_a_copy_has_no_sources_and_says_so(self) -> None:
        """Nothing is made up."""
        assert str(explain(copy.deepcopy(Settings()))["port"]) == "port = 8000  <- unknown"


def test_a_fingerprint_tells_configurations_apart_and_not_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal for equal values, another for another value or live value, the same whatever the secret."""
    first = fingerprint(Settings())
    assert first == fingerprint(Settings(key="hunter2", token="hunter3"))
    assert first != fingerprint(Settings(port=1))
    monkeypatch.setenv("APP_ROLE_ARN", "other")
    assert first != fingerprint(Settings())


def test_a_missing_variable_pickles() -> None:
    """Errors travel between processes."""
    assert pickle.loads(pickle.dumps(MissingVariable("X"))).variable == "X"


def test_default_instances_of_other_settings_do_not_confuse_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings inside settings each have their own sources."""

    class Inner(BaseConfig):
        """Built while the outer one is validated."""

        model_config = ConfigDict(env_prefix="INNER_")
        port: int = 1

    class Outer(BaseConfig):
        """Holds another."""

        inner: Any = Field(default_factory=Inner)
        port: int = 2

    monkeypatch.setenv("INNER_PORT", "5")
    monkeypatch.setenv("PORT", "6")
    settings = load(Outer)
    assert (settings.inner.port, settings.port) == (5, 6)
    assert str(explain(settings)["port"].place) == "environment PORT"
    assert str(explain(settings)["inner.port"].place) == "default"
