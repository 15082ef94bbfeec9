"""No secret is in any error, explanation, log line or document, wherever it hides."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NewType, TypeVar

import pytest
from pydantic import (
    BaseModel,
    Field,
    PostgresDsn,
    SecretBytes,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings
from typing_extensions import TypeAliasType, TypedDict

try:
    from pydantic import Secret
except ImportError:  # before 2.7
    Secret: Any = None  # type: ignore[no-redef]

from maestro_core_config import (
    BaseConfig,
    ConfigDict,
    InvalidConfiguration,
    ReloadRefused,
    explain,
    fingerprint,
    load,
    on_change,
    reload,
    secret,
)
from maestro_core_config._secrecy import holds_secret, without_passwords
from maestro_core_config.crypto import Keyring, new_key
from maestro_core_config.documents import env_example, json_schema_text, kubernetes_manifests, reference_page

SECRET = "hunter2-topsecret"


class Account(BaseModel):
    """A model with a secret."""

    user: str = ""
    password: SecretStr = SecretStr("")


class Tree(BaseModel):
    """A model that holds itself."""

    name: str = ""
    children: list[Tree] = Field(default_factory=list)


@dataclass
class Pair:
    """A dataclass with a secret."""

    user: str
    password: SecretStr


class Row(NamedTuple):
    """A named tuple with a secret."""

    user: str
    password: SecretStr


class Options(TypedDict):
    """A typed dictionary with a secret."""

    password: SecretStr


T = TypeVar("T")
Named = TypeAliasType("Named", SecretStr)
Listed = TypeAliasType("Listed", list[T], type_params=(T,))
Nested = TypeAliasType("Nested", list["Nested"] | SecretStr)
Json = TypeAliasType("Json", dict[str, "Json"] | list["Json"] | str)
Password = NewType("Password", SecretStr)
Name = NewType("Name", str)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def everything_of(exc: BaseException) -> str:
    """What a log, a debugger or a collector of errors could show of an error."""
    shown = "".join(traceback.format_exception(exc)) + repr(exc) + repr(exc.args)
    for error in (exc, exc.__cause__, exc.__context__):
        if isinstance(error, ValidationError):
            shown += repr(error.errors()) + error.json()
        elif error is not None:
            shown += repr(vars(error)) + getattr(error, "doc", "") + repr(error) + str(error)
    return shown


@pytest.mark.parametrize(
    "kind",
    [
        SecretStr,
        SecretBytes,
        list[SecretStr],
        dict[str, Account],
        Account | None,
        Pair,
        Row,
        Options,
        list[tuple[Pair, ...]],
        Named,
        Listed[SecretStr],
        Nested,
        list[Password] | None,
        *([] if Secret is None else [Secret[int]]),
    ],
)
def test_a_type_with_a_secret_anywhere_in_it_holds_one(kind: Any) -> None:
    """Lists, models, dataclasses, named tuples, typed dictionaries."""
    assert holds_secret(kind)
    assert not any(map(holds_secret, (str, list[int], Tree, dict[str, Tree] | None, Any, Json, Listed[int], Name)))


@pytest.mark.parametrize("kind", [Named, Password], ids=["a named type", "a new type"])
def test_a_secret_under_another_name_is_shown_nowhere(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Explanations showed what it hides, errors what was given, and a ConfigMap had it."""
    settings_class: Any = type(
        "Settings", (BaseConfig,), {"__annotations__": {"key": kind}, "model_config": ConfigDict(env_prefix="A_")}
    )
    monkeypatch.setenv("A_KEY", SECRET)
    assert SECRET not in str(explain(settings_class(key="other")))
    with pytest.raises(ValidationError) as caught:
        settings_class(key={"a": SECRET})
    assert SECRET not in everything_of(caught.value)
    assert "stringData:\n  A_KEY" in kubernetes_manifests(settings_class, name="s")


def test_values_that_a_higher_layer_hides_are_masked_inside_lists_and_mappings_too() -> None:
    """What a file gives is plain text, which no model masks."""

    class Settings(BaseConfig):
        """Models in containers, from two files."""

        model_config = ConfigDict(files=("low.toml", "high.toml"))
        accounts: list[Account] = Field(default_factory=list)
        by_name: dict[str, Account] = Field(default_factory=dict)
        keys: dict[str, SecretStr] = Field(default_factory=dict)
        maybe: Account | None = None

    content = f"password = '{SECRET}'"
    for name in ("low.toml", "high.toml"):
        Path(name).write_text(
            f"accounts = [{{user = '{name}', {content}}}]\nmaybe = {{{content}}}\n"
            f"[by_name.x]\n{content}\n[keys]\n{content}\n"
        )
    explained = explain(load(Settings))
    assert SECRET not in str(explained)
    assert len(explained["accounts"].overrides) == 1
    assert "user='high.toml'" in explained["accounts"].shown


def test_passwords_in_urls_are_masked_wherever_this_package_shows_a_value(caplog: pytest.LogCaptureFixture) -> None:
    """Explanations, changes and the log of a reload; another password is not another configuration."""

    class Settings(BaseConfig):
        """A DSN as text and as a type."""

        model_config = ConfigDict(files=("app.toml",))
        dsn: str = ""
        url: PostgresDsn | None = None

    Path("app.toml").write_text(f"dsn = 'redis://:{SECRET}@h/0'\nurl = 'postgresql://u:{SECRET}@h/db'\n")
    settings = load(Settings)
    assert str(explain(settings)) == (
        "dsn = 'redis://:**********@h/0'  <- file app.toml:1\n"
        f"url = {type(settings.url).__name__}('postgresql://u:**********@h/db')  <- file app.toml:2"
    ) or SECRET not in str(explain(settings))
    before, seen = fingerprint(settings), []
    on_change(settings)(seen.append)
    Path("app.toml").write_text(f"dsn = 'redis://:{SECRET}2@h/0'\nurl = 'postgresql://u:{SECRET}@h/db'\n")
    with caplog.at_level(logging.INFO, "maestro_core_config"):
        reload(settings)
    assert SECRET not in caplog.text + repr(seen)
    assert SECRET in seen[0].new
    assert fingerprint(settings) == before
    assert without_passwords("https://h/a:b@c and http://h:80/") == "https://h/a:b@c and http://h:80/"


class OwnWords(BaseConfig):
    """Validators that quote what they refuse."""

    model_config = ConfigDict(env_prefix="S_")
    token: SecretStr = SecretStr("")
    port: int = 1

    @field_validator("token")
    @classmethod
    def refused(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) > 5:
            raise ValueError(f"bad token {value.get_secret_value()}")
        return value


class OwnWordsTogether(BaseConfig):
    """A validator of the whole model that quotes one field."""

    model_config = ConfigDict(env_prefix="S_")
    token: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def refused(self) -> Any:
        raise ValueError(f"bad token {self.token.get_secret_value()}")


class BrokenJson(BaseConfig):
    """A nested model given as JSON."""

    model_config = ConfigDict(env_prefix="S_")
    token: Account = Account()


class StrictAccount(Account):
    """Refuses names that it does not know."""

    model_config = {"extra": "forbid"}


class Misspelt(BaseConfig):
    """A list of strict models."""

    model_config = ConfigDict(env_prefix="S_")
    token: list[StrictAccount] = Field(default_factory=list)


@pytest.mark.parametrize("how", [lambda cls: cls(), load], ids=["building", "load"])
@pytest.mark.parametrize(
    ("settings_class", "given"),
    [
        (OwnWords, SECRET),
        (OwnWordsTogether, SECRET),
        (BrokenJson, f'{{"password": "{SECRET}"'),
        (BrokenJson, f'{{"password": ["{SECRET}"]}}'),
        (BrokenJson, f'["{SECRET}"]'),
        (Misspelt, f'[{{"pasword": "{SECRET}"}}]'),
        (Misspelt, f'[{{"password": ["{SECRET}"]}}]'),
    ],
)
def test_no_error_has_a_secret_in_it(
    settings_class: type[Any], given: str, how: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message, the traceback, `errors()`, JSON, the cause, and after a trip between processes."""
    monkeypatch.setenv("S_TOKEN", given)
    with pytest.raises(ValueError) as caught:
        how(settings_class)
    assert SECRET not in everything_of(caught.value)
    if isinstance(caught.value, InvalidConfiguration):
        assert SECRET not in everything_of(pickle.loads(pickle.dumps(caught.value)))


class Odd(Exception):
    """An error with arguments and words of its own."""

    def __init__(self, code: int, *, given: str) -> None:
        super().__init__(code)
        self.given = given

    def __str__(self) -> str:
        return f"odd {self.given}"


def chained(value: str) -> None:
    try:
        {}[value]  # type: ignore[index]  # it fails, which is the point
    except KeyError as exc:
        raise RuntimeError("no such account") from exc


def grouped(value: str) -> None:
    raise ExceptionGroup(f"about {value}", [TypeError(value), KeyError([value])])


def noted(value: str) -> None:
    error = TypeError("no good")
    error.add_note(f"it was {value}")
    raise error


def odd(value: str) -> None:
    raise Odd(3, given=value)


def open_file(value: str) -> None:
    Path(f"/nowhere/{value}").read_text()


def typed(value: str) -> None:
    raise TypeError(f"bad token {value!r} of 3")


ANY_ERROR: dict[Callable[[str], None], tuple[type[Exception], str]] = {
    chained: (RuntimeError, "no such account"),
    grouped: (ExceptionGroup, r"about \*\*\*"),
    noted: (TypeError, "no good"),
    odd: (RuntimeError, r"Odd: odd \*\*\*"),
    open_file: (FileNotFoundError, "No such file"),
    typed: (TypeError, r"bad token '\*+' of 3"),
}


def failing(*, by: Callable[[str], None], where: str) -> type[BaseConfig]:
    """Make a class whose own code fails, in one of the places that a class has for code."""
    if where == "a validator of another field":

        class Other(BaseConfig):
            model_config = ConfigDict(validate_default=True)
            token: SecretStr
            port: int = 1

            @field_validator("port")
            @classmethod
            def refused(cls, _: int, info: Any) -> int:
                by(info.data["token"].get_secret_value())
                return 1

        return Other
    if where == "a validator of the whole":

        class Whole(BaseConfig):
            token: SecretStr

            @model_validator(mode="before")
            @classmethod
            def refused(cls, given: Any) -> Any:
                by(given["token"])
                return given

        return Whole

    class After(BaseConfig):
        token: SecretStr
        live: str = secret("TOKEN")

        def model_post_init(self, _: Any) -> None:
            by(self.live)

    return After


@pytest.mark.parametrize("how", [lambda cls: cls(), load], ids=["building", "load"])
@pytest.mark.parametrize("where", ["a validator of another field", "a validator of the whole", "post init"])
@pytest.mark.parametrize("by", ANY_ERROR, ids=lambda by: by.__name__)
def test_no_secret_is_in_what_a_services_own_code_raises(
    by: Callable[[str], None], where: str, how: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The class of the error, the place and the other words stay: it is a mistake that somebody has to find."""
    monkeypatch.setenv("TOKEN", SECRET)
    kind, words = ANY_ERROR[by]
    with pytest.raises(kind, match=words) as caught:
        how(failing(by=by, where=where))
    assert SECRET not in everything_of(caught.value)
    assert by.__name__ in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


def test_what_quotes_no_secret_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same object, with its cause."""
    error = TypeError("no good")

    class Settings(BaseConfig):
        """Fails in its own words."""

        token: SecretStr

        def model_post_init(self, _: Any) -> None:
            raise error from ValueError("because")

    monkeypatch.setenv("TOKEN", SECRET)
    with pytest.raises(TypeError) as caught:
        Settings()
    assert caught.value is error
    assert isinstance(error.__cause__, ValueError)


def test_a_validator_of_another_field_gives_no_secret_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message is about the other field, and so is the error."""

    class Settings(BaseConfig):
        """A port that depends on a token."""

        token: SecretStr
        port: int

        @field_validator("port")
        @classmethod
        def refused(cls, _: int, info: Any) -> int:
            raise ValueError(f"not with {info.data['token'].get_secret_value()}")

    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("PORT", "1")
    for how in (Settings, lambda: load(Settings)):
        with pytest.raises(ValueError, match="the message quotes a secret") as caught:
            how()
        assert SECRET not in everything_of(caught.value)


def test_a_refused_assignment_shows_no_secret() -> None:
    """Where a class validates assignments, or forbids them."""

    class Validated(OwnWords):
        """Checks what is assigned."""

        model_config = ConfigDict(validate_assignment=True)

    class Frozen(BaseConfig):
        """Takes no assignment."""

        model_config = ConfigDict(frozen=True)
        token: SecretStr = SecretStr("")

    for settings, value in ((Validated(), SECRET), (Validated(), [SECRET]), (Frozen(), SECRET)):
        with pytest.raises(ValidationError) as caught:
            settings.token = value  # type: ignore[assignment,attr-defined]  # it is what is refused
        assert SECRET not in everything_of(caught.value)


def test_a_subscribers_objection_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the cause of the refusal, and what a driver says quotes the password that it was given."""

    class Settings(BaseConfig):
        """One secret."""

        token: SecretStr = SecretStr("")

    settings = Settings()

    @on_change(settings)
    def connect(change: Any) -> None:
        raise ConnectionError(f"not with {change.new.get_secret_value()}")

    monkeypatch.setenv("TOKEN", SECRET)
    with pytest.raises(ReloadRefused) as caught:
        reload(settings)
    assert SECRET not in everything_of(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_what_stood_in_an_envelope_is_a_secret_of_whatever_type(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody encrypted it; an explanation, a reload's log and the error of a number showed it."""

    class Settings(BaseConfig):
        """Types that hide nothing."""

        model_config = ConfigDict(files=("low.toml", "app.toml"), env_file=".env")
        password: str = ""
        hosts: list[str] = Field(default_factory=list)
        token: str = ""
        port: int = 1

    monkeypatch.setenv("MAESTRO_CONFIG_KEYS", new_key("k"))
    sealed = Keyring.from_environment().encrypt(SECRET)
    Path("low.toml").write_text(f"password = '{sealed}'\n")
    Path("app.toml").write_text(f"password = '{sealed}'\nhosts = ['{sealed}']\n")
    Path(".env").write_text(f"TOKEN={sealed}\n")
    settings = load(Settings)
    assert (settings.password, settings.token, settings.hosts) == (SECRET, SECRET, [SECRET])
    assert type(settings.password) is str
    assert SECRET not in str(explain(settings))
    assert str(explain(settings)["token"]) == "token = '**********'  <- .env .env:1 TOKEN"
    Path("app.toml").write_text(f"password = '{Keyring.from_environment().encrypt(SECRET + '2')}'\n")
    with caplog.at_level(logging.INFO, "maestro_core_config"):
        assert [change.name for change in reload(settings)] == ["password", "hosts"]
    assert SECRET not in caplog.text
    Path("app.toml").write_text(f"port = '{sealed}'\n")
    for how in (Settings, lambda: load(Settings)):
        with pytest.raises(ValueError, match="valid integer") as caught:
            how()
        assert SECRET not in everything_of(caught.value)


def test_a_message_that_quotes_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a validator says is worth reading; only the one that gives the secret away is replaced."""

    class Settings(BaseConfig):
        """Says what it wants."""

        token: SecretStr = SecretStr("")
        port: int = 1

        @field_validator("token")
        @classmethod
        def long_enough(cls, value: SecretStr) -> SecretStr:
            raise ValueError("a token has 20 characters")

    monkeypatch.setenv("TOKEN", SECRET)
    with pytest.raises(ValidationError, match="a token has 20 characters"):
        Settings()
    monkeypatch.setenv("S_TOKEN", SECRET)
    monkeypatch.setenv("S_PORT", "x")
    with pytest.raises(ValidationError) as caught:
        OwnWords()
    assert [(e["type"], e["msg"]) for e in caught.value.errors()] == [
        ("value_error", "the message quotes a secret, so it is not shown"),
        ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    ]
    with pytest.raises(ValidationError, match=SECRET):  # pydantic-settings' own, for comparison
        type("Theirs", (BaseSettings,), {"__annotations__": {"token": int}})()


def test_no_document_or_dump_has_a_secrets_default() -> None:
    """Schema, `.env` example, page, manifests, repr, JSON, and pydantic's warnings on the way."""

    class Settings(BaseConfig):
        """Secrets as defaults of every kind."""

        token: SecretStr = SecretStr(SECRET)
        raw: SecretBytes = SecretBytes(SECRET.encode())
        by_name: dict[str, SecretStr] = Field(default_factory=lambda: {"a": SecretStr(SECRET)})
        account: Account = Account(password=SecretStr(SECRET))
        accounts: list[Account] = Field(default_factory=lambda: [Account(password=SecretStr(SECRET))])
        live: str = secret("S_LIVE", SECRET)

    settings = Settings()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        shown = [make(Settings) for make in (json_schema_text, env_example, reference_page)]
        shown += [kubernetes_manifests(Settings, name="s"), repr(settings), settings.model_dump_json()]
    shown += [str(explain(settings)), json.dumps([str(w.message) for w in warned]), repr(Settings.__live_fields__)]
    assert not [text for text in shown if SECRET in text]
    secret_part = shown[3].partition("kind: Secret")[2]
    assert "ACCOUNTS" in secret_part, "a list of models with secrets belongs into the Secret"
