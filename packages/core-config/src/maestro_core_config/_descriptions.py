"""What a settings class declares, setting by setting, as plain values: the source of every generated document."""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined, to_jsonable_python
from pydantic_settings import EnvSettingsSource

from ._live import MASK, REQUIRED, LiveField
from ._places import models_of, spellings_of
from ._secrecy import holds_secret, without_passwords

COMPUTED: Final = "(computed)"


@dataclass(frozen=True, slots=True)
class Description:
    """One setting: its dotted name, the variables that give it, and what may be in them."""

    name: str
    variables: tuple[str, ...]
    type: str
    default: str | None
    secret: bool
    live: bool
    text: str
    part_of_none: bool = False

    @property
    def required(self) -> bool:
        """Whether there is no default; a part of a model that is `None` by default may be left out with it."""
        return self.default is None and not self.part_of_none

    @property
    def default_is_a_value(self) -> bool:
        """Whether the default's text would give the default, if somebody set the variable to it."""
        return not self.part_of_none and self.default not in (None, "", COMPUTED) and MASK not in (self.default or "")


def describe(settings_cls: Any) -> list[Description]:
    """Describe every setting of a class: fields, nested ones leaf by leaf, then live fields."""
    source = EnvSettingsSource(settings_cls)
    found: list[Description] = []
    for name, field in settings_cls.model_fields.items():
        variables = tuple(info[1] for info in source._extract_field_info(field, name))
        found += _of_field(name, field, variables, source)
    return [*found, *(_of_live(name, field) for name, field in settings_cls.__live_fields__.items())]


def live_annotation(field: LiveField) -> Any:
    """Return a live field's annotation as a type, or Any when it cannot be told."""
    if not isinstance(field.annotation, str):
        return Any if field.annotation is None else field.annotation
    namespace = vars(sys.modules[field.owner.__module__]) if field.owner else {}
    try:
        return eval(field.annotation, dict(namespace), dict(vars(typing)))  # noqa: S307 - what `get_type_hints` does
    except Exception:  # noqa: BLE001 - a name known to the type checker only
        return Any


def schema_of(annotation: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type, empty when it has none."""
    try:
        return dict(TypeAdapter(annotation).json_schema())
    except Exception:  # noqa: BLE001 - arbitrary types have no schema, and pydantic's error classes for that vary
        return {}


def _of_field(
    name: str, field: Any, variables: tuple[str, ...], source: Any, above: tuple[Any, ...] = ()
) -> Iterator[Description]:
    models = list(models_of(field.annotation))
    delimiter = source.env_nested_delimiter
    if len(models) == 1 and delimiter and models[0] not in above:
        for inner_name, inner in models[0].model_fields.items():
            inner_variables = tuple(f"{variable}{delimiter}{inner_name}" for variable in variables)
            default = PydanticUndefined if field.is_required() else field.get_default(call_default_factory=True)
            yield from (
                _with_default(description, inner_name, name, default)
                for description in _of_field(inner_name, inner, inner_variables, source, (*above, models[0]))
            )
        return
    secret = holds_secret(field.annotation)
    # The variable is a document of which an alias path picks a part.
    picked = any(
        len(spelling) > 1 and spelling[0].lower() == variables[0].lower() for spelling in spellings_of(field, name)
    )
    shown = tuple(v if source.case_sensitive or not v.islower() else v.upper() for v in variables)
    yield Description(
        name=name,
        variables=tuple(v.upper() if not source.case_sensitive else v for v in shown),
        type="any, as JSON" if picked else _type_text(schema_of(field.annotation), field.annotation),
        default=(
            None if field.is_required() else COMPUTED if picked else _default_text(_default_of(field), secret=secret)
        ),
        secret=secret,
        live=False,
        text=field.description or "",
    )


def _with_default(description: Description, inner: str, outer: str, default: Any) -> Description:
    value = getattr(default, inner, PydanticUndefined)
    text = description.default
    if value is not PydanticUndefined and not isinstance(value, BaseModel):
        text = _default_text(value, secret=description.secret)
    part_of_none = description.part_of_none or default is None
    return replace(description, name=f"{outer}.{description.name}", default=text, part_of_none=part_of_none)


def _of_live(name: str, field: LiveField) -> Description:
    annotation = live_annotation(field)
    default = field.final_default
    return Description(
        name=name,
        variables=field.variables(),
        type=_type_text(schema_of(annotation), annotation),
        default=None if default is REQUIRED else _default_text(default, secret=field.is_secret),
        secret=field.is_secret,
        live=True,
        text=field.description,
    )


def _default_of(field: Any) -> Any:
    # A factory may read the clock or make an identifier; its result would make a document differ from run to run.
    return (
        COMPUTED
        if field.default_factory not in (None, list, dict, set, tuple)
        else field.get_default(call_default_factory=True)
    )


def _default_text(value: Any, *, secret: bool) -> str:
    if secret or value is None:
        return ""
    try:
        plain = to_jsonable_python(value)
        return without_passwords(plain if isinstance(plain, str) else json.dumps(plain))
    except Exception:  # noqa: BLE001 - an arbitrary object, which no text stands for
        return COMPUTED


def _type_text(schema: dict[str, Any], annotation: Any) -> str:
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    if "anyOf" in schema or "oneOf" in schema:
        parts = schema.get("anyOf") or schema["oneOf"]
        return " or ".join(dict.fromkeys(_type_text(part, Any) for part in parts))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type_text(schema.get('items', {}), Any).removesuffix(', as JSON')}, as JSON"
    if kind == "object" or "$ref" in schema:
        return "object, as JSON"
    if isinstance(kind, str):
        return f"{kind} ({schema['format']})" if "format" in schema else kind
    return "any" if annotation is Any else getattr(annotation, "__name__", "any")
