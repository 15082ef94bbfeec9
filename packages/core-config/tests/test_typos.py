"""The typo shield: what it finds inside of lists, mappings and unions, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from maestro_core_config import BaseConfig, ConfigDict, InvalidConfiguration, env, load


class Cat(BaseModel):
    """One kind of pet."""

    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    """Another kind."""

    kind: Literal["dog"] = "dog"
    tricks: int = 0


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Owner(BaseConfig):
    """Pets in every way that a file can have them."""

    model_config = ConfigDict(files=("app.yaml",), env_prefix="ORDERS_")
    first: Pet = Cat()
    others: list[Pet] = Field(default_factory=list)
    by_name: dict[str, Pet] | None = None
    cat_or_counts: Cat | dict[str, int] = Cat()
    anything: dict[str, Any] = Field(default_factory=dict)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_typo_is_found_in_unions_lists_and_mappings_too() -> None:
    """They were passed over, and the default was used without a word."""
    Path("app.yaml").write_text(
        "first: {kind: dog, trick: 1}\n"
        "others:\n- {kind: cat, lives: 1}\n- {kind: cat, livs: 1}\n"
        "by_name:\n  tom: {kind: cat, live: 1}\n"
    )
    with pytest.raises(InvalidConfiguration) as caught:
        load(Owner)
    assert str(caught.value) == (
        "Owner: 3 problems\n"
        "  first.trick: no setting has this name (app.yaml:1); did you mean tricks?\n"
        "  others.1.livs: no setting has this name (app.yaml:2); did you mean lives?\n"
        "  by_name.tom.live: no setting has this name (app.yaml:6); did you mean lives?"
    )


def test_keys_that_some_kind_of_value_takes_are_no_typos() -> None:
    """A union with a mapping takes any key, and so does what says so."""
    Path("app.yaml").write_text("cat_or_counts: {any: 1}\nanything: {a: {b: 1}}\nfirst: {kind: dog, tricks: 1}\n")
    assert load(Owner).cat_or_counts == {"any": 1}


def test_the_first_step_of_an_alias_path_is_no_typo() -> None:
    """A document of another program's making, whose values are picked out."""

    class Picked(BaseConfig):
        """Two values of a document."""

        model_config = ConfigDict(files=("app.yaml",))
        host: str = Field(validation_alias=AliasPath("db", "hosts", 0))
        name: str = Field(validation_alias=AliasChoices("name", AliasPath("db", "name")))

    Path("app.yaml").write_text("db: {hosts: [one, two], name: orders, more: 1}\n")
    assert load(Picked).model_dump() == {"host": "one", "name": "orders"}


def test_the_variables_that_kubernetes_sets_for_services_are_no_typos(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod of the service `orders` has them, and so would not start with the prefix that everybody chooses."""
    Path("app.yaml").touch()
    links = {
        "ORDERS_SERVICE_HOST": "10.0.0.1",
        "ORDERS_SERVICE_PORT": "80",
        "ORDERS_SERVICE_PORT_HTTP": "80",
        "ORDERS_PORT": "tcp://10.0.0.1:80",
        "ORDERS_PORT_80_TCP": "tcp://10.0.0.1:80",
        "ORDERS_PORT_80_TCP_PROTO": "tcp",
        "ORDERS_PORT_80_TCP_PORT": "80",
        "ORDERS_PORT_80_TCP_ADDR": "10.0.0.1",
        "ORDERS_DB_SERVICE_HOST": "10.0.0.2",
        "ORDERS_DB_SERVICE_PORT": "5432",
    }
    for name, value in links.items():
        monkeypatch.setenv(name, value)
    load(Owner)
    monkeypatch.delenv("ORDERS_DB_SERVICE_PORT")
    monkeypatch.setenv("ORDERS_PORTS", "1")
    with pytest.raises(InvalidConfiguration) as caught:
        load(Owner)
    assert [problem.name for problem in caught.value.problems] == ["ORDERS_DB_SERVICE_HOST", "ORDERS_PORTS"]


def test_what_settings_inside_of_settings_read_by_themselves_is_no_typo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts with prefixes of their own, which pydantic-settings' manual shows; `load` refused their variables."""

    class Database(BaseSettings):
        """Pydantic-settings' own."""

        model_config = SettingsConfigDict(env_prefix="APP_DB_")
        host: str = "localhost"

    class Cache(BaseConfig):
        """Ours, with a live field."""

        model_config = ConfigDict(env_prefix="APP_CACHE_")
        size: int = 1
        ttl: str = env("APP_TTL", "1")

    class Settings(BaseConfig):
        """Both."""

        model_config = ConfigDict(env_prefix="APP_")
        database: Database = Field(default_factory=Database)
        cache: Cache | None = Field(default_factory=Cache)

    for name in ("APP_DB_HOST", "APP_CACHE_SIZE", "APP_TTL"):
        monkeypatch.setenv(name, "7")
    assert load(Settings).database.host == "7"
    monkeypatch.setenv("APP_CACHE_SIZ", "7")
    with pytest.raises(InvalidConfiguration, match=r"APP_CACHE_SIZ: .*did you mean APP_CACHE_SIZE\?"):
        load(Settings)
