"""Live fields: the value, the moment and the failure of the expression that they stand for."""

from __future__ import annotations

import copy
import json
import os
import pickle
import threading
import traceback
from pathlib import Path
from typing import Any
from unittest.mock import PropertyMock, patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from maestro_core_config import (
    BaseConfig,
    ConfigError,
    FieldDefinitionError,
    LiveField,
    MissingVariable,
    boolean,
    env,
    loads,
    lower_equals,
    secret,
    split,
)


class Settings(BaseConfig):
    """What the migration engine writes."""

    port: int = env("T_PORT", "8000", parse=int)
    debug: bool = env("T_DEBUG", "false", parse=lower_equals("true"))
    tags: list[str] = env("T_TAGS", "", parse=split(","))
    region: str | None = env("T_REGION", None)
    role: str = env("T_ROLE_ARN")
    workers: int = env("T_WORKERS", None, parse=int)
    accounts: dict[str, Any] = env("T_ACCOUNTS", "{}", parse=loads)
    secret_key: str = secret("T_SECRET_KEY", "open sesame")
    cache: int | str = env("T_CACHE_TTL", 60)
    plain: int = 3


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.__live_fields__.values():
        monkeypatch.delenv(field.variable, raising=False)


def test_defaults_go_through_the_parser_and_are_otherwise_handed_out_as_they_are() -> None:
    """`os.getenv(X, default)` parses its default too, and does not turn 60 into text."""
    settings = Settings()
    assert (settings.port, settings.debug, settings.tags, settings.region, settings.cache) == (
        8000,
        False,
        [""],
        None,
        60,
    )


@pytest.mark.parametrize("set_variable", ["setenv", "patch.dict", "os.environ", "plain dict"])
def test_a_change_of_the_environment_is_seen_at_the_next_access(
    set_variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every way in which tests set variables works after the settings were built and read."""
    settings = Settings()
    assert settings.port == 8000
    if set_variable == "setenv":
        monkeypatch.setenv("T_PORT", "9")
        assert settings.port == 9
        monkeypatch.delenv("T_PORT")
    elif set_variable == "patch.dict":
        with patch.dict(os.environ, {"T_PORT": "9"}):
            assert settings.port == 9
    elif set_variable == "os.environ":
        os.environ["T_PORT"] = "9"
        assert settings.port == 9
        os.environ["T_PORT"] = "10"
        assert settings.port == 10
        del os.environ["T_PORT"]
    else:
        with patch("os.environ", {"T_PORT": "9"}):
            assert settings.port == 9
            with patch("os.environ", {"T_PORT": "10"}):
                assert settings.port == 10
    assert settings.port == 8000


def test_a_missing_required_variable_is_the_key_error_of_os_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is a KeyError whose argument is the variable, raised at access and not at construction."""
    settings = Settings()
    with pytest.raises(KeyError) as caught:
        _ = settings.role
    assert isinstance(caught.value, ConfigError)
    assert caught.value.args == ("T_ROLE_ARN",)
    assert str(caught.value) == "'T_ROLE_ARN'"
    assert "Settings.role" in caught.value.__notes__[0]
    monkeypatch.setenv("T_ROLE_ARN", "arn")
    assert settings.role == "arn"


@pytest.mark.parametrize(
    ("attribute", "variable", "text", "expression"),
    [
        ("port", "T_PORT", "x", lambda: int(os.getenv("T_PORT", "8000"))),
        ("workers", "T_WORKERS", None, lambda: int(os.getenv("T_WORKERS"))),  # type: ignore[arg-type]
        ("accounts", "T_ACCOUNTS", "{", lambda: json.loads(os.environ.get("T_ACCOUNTS", "{}"))),
    ],
)
def test_a_parse_failure_is_the_parsers_own(
    attribute: str, variable: str, text: str | None, expression: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Class and arguments are those of the expression, so that an `except` around it still works."""
    if text is not None:
        monkeypatch.setenv(variable, text)
    with pytest.raises(Exception) as expected:
        expression()
    with pytest.raises(Exception) as actual:
        getattr(Settings(), attribute)
    assert type(actual.value) is type(expected.value)
    assert actual.value.args == expected.value.args


def test_mutable_values_are_fresh_at_every_access() -> None:
    """A caller that appends to a list does not change what the next caller sees."""
    settings = Settings()
    settings.tags.append("mine")
    settings.accounts["mine"] = 1
    assert settings.tags == [""]
    assert settings.accounts == {}


def test_an_unknown_callable_runs_at_every_access() -> None:
    """Only parsers known to depend on the text alone are cached."""
    calls: list[str] = []

    class Counting(BaseConfig):
        """One field with a parser of the user's."""

        value: str = env("T_COUNTED", "x", parse=lambda text: calls.append(text) or text)

    settings = Counting()
    assert (settings.value, settings.value) == ("x", "x")
    assert calls == ["x", "x"]


def test_a_pure_parser_runs_once_until_the_environment_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading twice hands out the same object, which is what makes live reading cheap."""

    class Fresh(BaseConfig):
        """Nobody has assigned to it: from the first assignment on, a field is read anew each time."""

        port: int = env("T_PORT", "8000", parse=int)

    monkeypatch.setenv("T_PORT", "123456")
    settings = Fresh()
    assert settings.port is settings.port
    monkeypatch.setenv("T_PORT", "654321")
    assert settings.port == 654321


class TestAssignment:
    """Assigned values win, and whatever undoes an assignment brings the live reading back."""

    def test_assignment_wins_over_the_environment_until_deleted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`settings.port = 1` and `del settings.port`, as on any object."""
        settings, other = Settings(), Settings()
        settings.port = 1
        monkeypatch.setenv("T_PORT", "9")
        assert (settings.port, other.port) == (1, 9)
        del settings.port
        assert settings.port == 9
        with pytest.raises(AttributeError, match="port"):
            del settings.port

    def test_monkeypatch_setattr_is_undone_to_live(self) -> None:
        """After the undo the field follows the environment again instead of keeping the value it had."""
        settings = Settings()
        for attribute, value in (("port", 1), ("tags", ["a"]), ("region", "eu"), ("role", "r")):
            with pytest.MonkeyPatch.context() as patched:
                if attribute == "role":
                    patched.setenv("T_ROLE_ARN", "before")
                patched.setattr(settings, attribute, value)
                assert getattr(settings, attribute) == value
        with pytest.MonkeyPatch.context() as patched:
            for variable, text in (("T_PORT", "9"), ("T_TAGS", "x,y"), ("T_REGION", "us"), ("T_ROLE_ARN", "s")):
                patched.setenv(variable, text)
            assert (settings.port, settings.tags, settings.region, settings.role) == (9, ["x", "y"], "us", "s")

    def test_mock_patch_object_is_undone_to_live(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`patch.object`, alone and nested over an assignment."""
        settings = Settings()
        with patch.object(settings, "port", 1):
            assert settings.port == 1
        monkeypatch.setenv("T_PORT", "9")
        assert settings.port == 9
        settings.port = 5
        with patch.object(settings, "port", 1):
            assert settings.port == 1
        assert settings.port == 5

    def test_the_attribute_can_be_patched_on_the_class(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`patch.object(Settings, …)`, with a value and with a `PropertyMock`, and `monkeypatch`."""
        settings = Settings()
        with patch.object(Settings, "port", 5):
            assert settings.port == 5
        with patch.object(Settings, "port", new_callable=PropertyMock, return_value=6):
            assert settings.port == 6
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Settings, "port", 7)
            assert settings.port == 7
        monkeypatch.setenv("T_PORT", "9")
        assert settings.port == 9

    def test_assign_and_put_back_by_hand_is_undone_to_live(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`old = settings.port; settings.port = 0; …; settings.port = old`, as tests do."""
        settings = Settings()
        old, settings.port = settings.port, 0
        assert settings.port == 0
        settings.port = old
        monkeypatch.setenv("T_PORT", "9")
        assert settings.port == 9

    def test_construction_copy_and_pickle_carry_assigned_values(self) -> None:
        """An assigned value belongs to the instance and goes where it goes."""
        settings = Settings(port=7, plain=4)
        assert (settings.port, settings.plain) == (7, 4)
        copies = [copy.copy(settings), copy.deepcopy(settings), settings.model_copy()]
        copies.append(pickle.loads(pickle.dumps(settings)))
        assert [made.port for made in copies] == [7, 7, 7, 7]
        assert settings.model_copy(update={"port": 8, "plain": 5}).port == 8
        assert Settings.model_construct(port=9, plain=1).port == 9
        assert settings == copies[0]

    def test_assignment_works_where_the_reading_fails(self) -> None:
        """A test may give a value to a setting whose variable is not there."""
        settings = Settings()
        settings.role = "given"
        assert settings.role == "given"
        del settings.role
        with pytest.raises(MissingVariable):
            _ = settings.role


class TestSecrets:
    """A secret's value is in no text that a program writes by accident."""

    class Keys(BaseConfig):
        """Secrets of several shapes."""

        number: int = secret("T_NUMBER", "0", parse=int)
        document: Any = secret("T_DOCUMENT", "{}", parse=loads)
        fancy: str = secret("T_FANCY", "", parse=lambda text: bytes(text, "ascii").decode("utf-16"))
        flag: bool = secret("T_FLAG", "no", parse=boolean)
        key: str = secret("T_KEY", "hunter2-default")

    @pytest.mark.parametrize(
        ("attribute", "variable", "raises"),
        [
            ("number", "T_NUMBER", ValueError),
            ("document", "T_DOCUMENT", json.JSONDecodeError),
            ("fancy", "T_FANCY", ValueError),
            ("flag", "T_FLAG", ValueError),
        ],
    )
    def test_a_parse_failure_does_not_echo_the_value(
        self, attribute: str, variable: str, raises: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The class stays, the message names the variable, and no part of the traceback holds the value."""
        monkeypatch.setenv(variable, "hunter2-value")
        with pytest.raises(raises) as caught:
            getattr(self.Keys(), attribute)
        text = "".join(traceback.format_exception(caught.value))
        assert "hunter2" not in text
        assert "hunter2" not in repr(vars(caught.value))
        assert variable in str(caught.value)
        assert caught.value.__context__ is None

    def test_repr_and_dumps_mask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Repr, str, class repr and both dumps."""
        monkeypatch.setenv("T_NUMBER", "424242")
        keys = self.Keys(fancy="hunter2-assigned")
        dump = keys.model_dump()
        texts = [repr(keys), str(keys), repr(type(keys).key), repr(dump), keys.model_dump_json()]
        texts.append(repr(vars(keys)))
        assert not [text for text in texts if "hunter2" in text or "424242" in text]
        assert dump["key"] == SecretStr("hunter2-default")
        assert keys.key == "hunter2-default"


class TestChains:
    """Nested readings."""

    class Chained(BaseConfig):
        """`os.getenv("T_A", os.getenv("T_B", "x"))` and its relatives."""

        nested: str = env("T_A", "x", fallback="T_B")
        filled: str = env("T_A", "x", fallback="T_B", empty_is_missing=True)
        last_as_it_is: str | None = env("T_A", fallback=env("T_B", None), empty_is_missing=True)
        required: str = env("T_A", fallback="T_B")
        typed: int = env("T_A", 5, parse=int, empty_is_missing=True)

    @pytest.mark.parametrize("first", [None, "", "1"])
    @pytest.mark.parametrize("second", [None, "", "2"])
    def test_every_combination_equals_the_expression(
        self, first: str | None, second: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Unset, empty and set, for each variable of each form."""
        for variable, text in (("T_A", first), ("T_B", second)):
            monkeypatch.delenv(variable, raising=False)
            if text is not None:
                monkeypatch.setenv(variable, text)
        settings = self.Chained()
        assert settings.nested == os.getenv("T_A", os.getenv("T_B", "x"))
        assert settings.filled == (os.getenv("T_A") or os.getenv("T_B") or "x")
        assert settings.last_as_it_is == (os.getenv("T_A") or os.getenv("T_B"))
        assert settings.typed == int(os.getenv("T_A") or 5)
        if first is None and second is None:
            with pytest.raises(KeyError) as caught:
                _ = settings.required
            assert caught.value.args == ("T_B",)

    def test_two_defaults_are_refused(self) -> None:
        """A default beside a fallback field would never be used."""
        with pytest.raises(FieldDefinitionError, match="the default belongs to the field given as fallback"):
            env("T_A", "x", fallback=env("T_B", "y"))


class TestClasses:
    """Live fields on classes: access, inheritance, refusals."""

    def test_the_class_hands_out_the_declaration(self) -> None:
        """`Settings.port` describes itself; pydantic sees no field of that name."""
        field = Settings.port
        assert isinstance(field, LiveField)
        assert (field.variable, field.name, repr(field)) == ("T_PORT", "port", "env('T_PORT', '8000', parse=int)")
        assert set(Settings.model_fields) == {"plain"}

    def test_subclasses_inherit_replace_and_annotate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A subclass may declare again, narrow the annotation, and mix in ordinary fields."""

        class Base(BaseConfig):
            """Two live fields."""

            port: int = env("T_PORT", "1", parse=int)
            host = env("T_HOST", "here")

        class Derived(Base):
            """One replaced, one annotated again, one ordinary field more."""

            port: int = env("T_PORT", "2", parse=int)
            host: str
            extra: int = 5

        assert (Base().port, Derived().port, Derived().host, Derived().extra) == (1, 2, "here", 5)
        monkeypatch.setenv("T_PORT", "3")
        assert (Base().port, Derived().port) == (3, 3)

    def test_an_ordinary_field_cannot_hide_a_live_one(self) -> None:
        """Two readers of one attribute are refused with what to do."""
        with pytest.raises(FieldDefinitionError, match=r"Derived\.port: it is live in a base class"):

            class Derived(Settings):
                """Wrong on purpose."""

                port: int = 5

    def test_live_fields_of_a_plain_mixin_are_live(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A class of constants mixed into settings keeps its live fields, and pydantic makes no fields of them."""

        class Mixin:
            """No settings class."""

            port: int = env("T_PORT", "1", parse=int)

        class Mixed(Mixin, BaseConfig):
            """Settings."""

            plain: int = 1

        monkeypatch.setenv("T_PORT", "6")
        assert (Mixed().port, Mixed(port=7).port, set(Mixed.model_fields)) == (6, 7, {"plain"})

    @pytest.mark.parametrize("option", [{"validate_assignment": True}, {"extra": "allow"}, {"extra": "ignore"}])
    def test_assignment_does_not_depend_on_pydantics_options(self, option: dict[str, Any]) -> None:
        """Live fields are assigned alike whatever the model's configuration."""

        class Configured(Settings):
            """One option more."""

            model_config = SettingsConfigDict(**option)

        settings = Configured(port=2)
        assert settings.port == 2
        settings.port = 3
        assert (settings.port, settings.model_extra or {}) == (3, {})
        del settings.port
        assert settings.port == 8000

    def test_frozen_settings_refuse_assignment_but_take_arguments(self) -> None:
        """Frozen means frozen, for live fields as for others."""

        class Frozen(Settings):
            """Cannot be assigned to."""

            model_config = SettingsConfigDict(frozen=True)

        settings = Frozen(port=2)
        with pytest.raises(ValidationError):
            settings.port = 3
        assert settings.port == 2

    def test_other_ways_to_build_take_live_values_too(self) -> None:
        """`model_validate` of a mapping and of JSON."""
        assert Settings.model_validate({"port": 5, "plain": 4}).port == 5
        assert Settings.model_validate_json('{"port": 6}').port == 6

    def test_a_private_name_is_refused(self) -> None:
        """Pydantic would make a private attribute of it and never read it."""
        with pytest.raises(FieldDefinitionError, match="cannot start with an underscore"):

            class Hidden(BaseConfig):
                """Wrong on purpose."""

                _port: int = env("T_PORT", "1", parse=int)

    def test_dotenv_entries_of_live_variables_are_not_extra(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A `.env` that also serves `load_dotenv` may hold variables of live fields."""
        (tmp_path / ".env").write_text("T_PORT=5\nplain=4\n")
        monkeypatch.chdir(tmp_path)

        class WithFile(Settings):
            """Reads a file for its ordinary fields."""

            model_config = SettingsConfigDict(env_file=".env")

        assert (WithFile().plain, WithFile().port) == (4, 8000)


class TestDumps:
    """Dumps include live fields by pydantic's own rules."""

    def test_selection_follows_pydantics_options(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`include`, `exclude`, `exclude_none`, `exclude_unset`, `exclude_defaults`."""
        settings = Settings(role="r", workers=2)
        assert settings.model_dump(include={"port"}) == {"port": 8000}
        assert settings.model_dump(exclude_unset=True) == {"role": "r", "workers": 2}
        monkeypatch.setenv("T_PORT", "8000")
        monkeypatch.setenv("T_CACHE_TTL", "5")
        assert settings.model_dump(exclude_defaults=True) == {"role": "r", "workers": 2, "cache": "5"}
        assert "region" not in settings.model_dump(exclude_none=True)
        assert json.loads(settings.model_dump_json())["port"] == 8000
        assert dict(settings)["port"] == 8000

    def test_a_dump_does_not_hide_a_missing_variable(self) -> None:
        """A dump without the field would look complete; a repr only says that it is not set."""
        with pytest.raises(MissingVariable):
            Settings().model_dump()
        assert "role=<T_ROLE_ARN is not set>" in repr(Settings())
        assert "workers=<T_WORKERS cannot be parsed: TypeError>" in repr(Settings())


def test_threads_never_see_a_value_that_was_never_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers beside a writer get one of the values written."""
    settings = Settings()
    monkeypatch.setenv("T_PORT", "1")
    seen: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(settings.port)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(2000):
        os.environ["T_PORT"] = str(number % 7)
    stop.set()
    for reader in readers:
        reader.join()
    assert seen <= set(range(7))
    assert settings.port == 1999 % 7


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["set", "unset", "assign", "delete", "patched dict", "plain dict", "nothing"]),
        st.sampled_from(["T_PORT", "T_TAGS"]),
        st.sampled_from(["1", "2", "1,2", ""]),
    ),
    max_size=12,
)


@given(STEPS)
def test_any_sequence_of_changes_reads_what_the_expression_reads(steps: list[tuple[str, str, str]]) -> None:
    """Set, unset, assign, delete, patch, in any order: value or error, the attribute equals the expression."""
    attribute = {"T_PORT": "port", "T_TAGS": "tags"}
    expressions = {
        "port": lambda: int(os.getenv("T_PORT", "8000")),
        "tags": lambda: os.getenv("T_TAGS", "").split(","),
    }
    settings = Settings()
    assigned: dict[str, str] = {}

    def outcome(read: Any) -> Any:
        try:
            return read()
        except ValueError as exc:
            return (type(exc), exc.args)

    def check() -> None:
        for name, expression in expressions.items():
            expected = assigned[name] if name in assigned else outcome(expression)
            assert outcome(lambda name=name: getattr(settings, name)) == expected
            assert outcome(lambda name=name: getattr(settings, name)) == expected

    with patch.dict(os.environ):
        for action, variable, text in steps:
            name = attribute[variable]
            if action == "set":
                os.environ[variable] = text
            elif action == "unset":
                os.environ.pop(variable, None)
            elif action == "assign":
                assigned[name] = f"assigned {text}"
                setattr(settings, name, assigned[name])
            elif action == "delete" and assigned.pop(name, None) is not None:
                delattr(settings, name)
            elif action == "patched dict":
                with patch.dict(os.environ, {variable: text}):
                    check()
            elif action == "plain dict":
                with patch("os.environ", {variable: text}):
                    check()
            check()
