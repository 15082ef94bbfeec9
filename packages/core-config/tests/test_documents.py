"""Generated documents: complete, stable, without secrets, and true to the class."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
import yaml
from dotenv import dotenv_values
from pydantic import AliasPath, BaseModel, Field, HttpUrl, RootModel, SecretStr

from maestro_core_config import BaseConfig, ConfigDict, env, load, secret
from maestro_core_config.documents import (
    env_example,
    json_schema,
    json_schema_text,
    kubernetes_manifests,
    reference_page,
)


class Pool(BaseModel):
    """A nested model."""

    size: int = 5
    password: SecretStr = SecretStr("hunter2")


class Settings(BaseConfig):
    """What the orders service can be told."""

    model_config = ConfigDict(env_prefix="APP_", env_nested_delimiter="__")
    port: int = Field(8000, description="Port to listen on | any free one")
    mode: Literal["fast", "safe"] = "safe"
    ratio: float | None = None
    hosts: list[str] = Field(default_factory=list)
    greeting: str = "it's # not a comment"
    pool: Pool = Pool(size=7)
    token: SecretStr
    region: str | None = env("REGION", None, description="Cloud region")
    role: str = env("ROLE_ARN")
    api_key: str = secret("API_KEY", "hunter2-default")
    chained: int = env("A", "1", fallback="B", parse=int)


def test_the_schema_describes_every_setting_and_no_secret() -> None:
    """Fields and live fields, each with its variables; a valid schema that accepts a dump and refuses a mistake."""
    schema = json_schema(Settings)
    jsonschema.Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert set(properties) == {*Settings.model_fields, *Settings.__live_fields__}
    assert schema["required"] == ["token", "role"]
    assert properties["port"]["x-environment-variables"] == ["APP_PORT"]
    assert properties["chained"]["x-environment-variables"] == ["A", "B"]
    assert properties["chained"]["type"] == "integer"
    assert properties["api_key"]["writeOnly"] is True
    assert "hunter2" not in json_schema_text(Settings)
    jsonschema.validate({"token": "t", "role": "r", "port": 1}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"token": "t", "role": "r", "port": "x"}, schema)


def test_the_env_example_loads_when_its_blanks_are_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncommented and filled in, it gives the defaults back: every variable is right and every value is quoted right."""
    text = env_example(Settings)
    assert "hunter2" not in text
    assert "\n# Port to listen on | any free one (integer, optional)\n# APP_PORT=8000\n" in text
    assert "\nROLE_ARN=\n" in text
    assert "\n# Cloud region (string or null, optional)\n# REGION=\n" in text
    everything = "\n".join(
        line.removeprefix("# ") if "=" in line and line.removeprefix("# ")[0].isupper() else line
        for line in text.splitlines()
    )
    values = {name: value for name, value in dotenv_values(stream=StringIO(everything)).items() if value}
    for name, value in {**values, "APP_TOKEN": "t", "ROLE_ARN": "r", "API_KEY": "k"}.items():
        monkeypatch.setenv(name, value)
    settings = load(Settings)
    assert (settings.port, settings.mode, settings.pool.size, settings.hosts) == (8000, "safe", 7, [])
    assert settings.greeting == "it's # not a comment"


def test_the_reference_page_has_a_row_for_each_setting() -> None:
    """A table that survives pipes in descriptions."""
    page = reference_page(Settings)
    assert page.startswith("# Settings\n\nWhat the orders service can be told.\n\n| Setting |")
    assert "| `port` | `APP_PORT` | integer | `8000` | Port to listen on \\| any free one |" in page
    assert "| `pool.size` | `APP_POOL__SIZE` | integer | `7` |  |" in page
    assert "| `role` | `ROLE_ARN` | string |  | required, live |" in page
    assert "| `mode` | `APP_MODE` | 'fast' or 'safe' | `safe` |  |" in page
    assert "hunter2" not in page


def test_kubernetes_manifests_split_secrets_from_the_rest() -> None:
    """Two valid objects; the secret one has names and no values."""
    text = kubernetes_manifests(Settings, name="orders")
    config_map, secrets = yaml.safe_load_all(text)
    assert (config_map["kind"], secrets["kind"]) == ("ConfigMap", "Secret")
    assert config_map["data"]["APP_GREETING"] == "it's # not a comment"
    assert secrets["stringData"] == {"APP_TOKEN": ""}, "an empty text would take the place of a default"
    assert "  # APP_POOL__PASSWORD:" in text
    assert '  # API_KEY: ""' in text
    assert config_map["metadata"] == secrets["metadata"] == {"name": "orders"}


def test_documents_do_not_depend_on_the_run() -> None:
    """Defaults from factories of the user's are not computed into a document."""
    import uuid

    class Random(BaseConfig):
        """An identifier per process."""

        instance: str = Field(default_factory=lambda: uuid.uuid4().hex)
        anything: Any = env("X", object())

    assert env_example(Random) == env_example(Random)
    assert json.dumps(json_schema(Random)) == json.dumps(json_schema(Random))
    assert "# INSTANCE=(computed)" in env_example(Random)


class Colour(enum.Enum):
    """Two of them."""

    RED = "red"
    BLUE = "blue"


class Sizes(RootModel[dict[str, int]]):
    """A dictionary in a coat."""


class Item(BaseModel):
    """Part of a list."""

    size: int = 1


class Address(BaseModel):
    """What may be left out."""

    host: str
    port: int = 80
    password: SecretStr = SecretStr("")


class Odd(BaseConfig):
    """Types that few settings have."""

    model_config = ConfigDict(env_prefix="ODD_", env_nested_delimiter="__")
    colour: Colour = Colour.RED
    sizes: Sizes = Sizes({"a": 1})
    items: tuple[Item, ...] = (Item(),)
    item: Annotated[Item | None, Field(description="x")] = Item(size=2)
    limit: int | None = None
    url: HttpUrl = HttpUrl("http://u:hunter2@h/")
    call: Callable[[int], int] = abs
    names: list[str] = Field(default_factory=lambda: ["a"])
    nothing: Address | None = None
    keys: dict[str, SecretStr] = Field(default_factory=dict)
    picked: str = Field("x", validation_alias=AliasPath("DOCUMENT", "name"))


def test_a_config_map_as_it_is_generated_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no text stands for (`None`, a factory's result, a masked password) is a comment: as a value it broke the service."""
    config_map, secrets = yaml.safe_load_all(kubernetes_manifests(Odd, name="odd"))
    assert secrets["stringData"] == {}
    for variable, value in config_map["data"].items():
        monkeypatch.setenv(variable, value)
    assert config_map["data"].keys() == {"ODD_COLOUR", "ODD_SIZES", "ODD_ITEMS", "ODD_ITEM__SIZE"}
    assert repr(load(Odd)) == repr(Odd.model_construct())


def test_what_a_model_that_may_be_left_out_needs_is_not_required() -> None:
    """Filling it in would make the model; `.env.example` had its variables as ones that must be set."""
    assert "\n# ODD_NOTHING__HOST=\n" in env_example(Odd)
    assert "\n# ODD_NOTHING__PORT=80\n" in env_example(Odd)
    assert "| `nothing.host` | `ODD_NOTHING__HOST` | string | (empty) |  |" in reference_page(Odd)


def test_a_default_of_two_lines_is_a_comment_as_a_whole() -> None:
    """The second line was read."""

    class Lines(BaseConfig):
        """A text of two lines."""

        greeting: str = "hello\nworld=1"

    assert env_example(Lines).endswith("# GREETING='hello\n# world=1'\n")


def test_what_json_cannot_describe_is_anything_in_the_schema() -> None:
    """A callable was a traceback of `maestro config schema`."""
    assert set(json_schema(Odd)["properties"]["call"]) == {"title", "x-environment-variables"}


def test_a_password_in_the_address_of_a_default_is_in_no_document() -> None:
    """As in explanations."""
    texts = [env_example(Odd), reference_page(Odd), kubernetes_manifests(Odd, name="odd"), json_schema_text(Odd)]
    assert not any("hunter2" in text for text in texts)
