"""Documents from a settings class: JSON Schema, `.env` example, reference page, Kubernetes skeleton.

Each is a pure function of the class, so that CI can tell when a checked-in copy no longer says what the code does.
No default of a secret is in any of them.
"""

from __future__ import annotations

import copy
import json
import warnings
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, PydanticJsonSchemaWarning

from ._descriptions import Description, describe, live_annotation, schema_of
from ._live import REQUIRED
from ._secrecy import without_passwords


def json_schema(settings_cls: Any) -> dict[str, Any]:
    """Return the class's JSON Schema, live fields included; each property names its environment variables."""
    with warnings.catch_warnings():
        # Old pydantic warns that a secret's default is left out, which is what we want of it.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        schema = copy.deepcopy(settings_cls.model_json_schema(schema_generator=_AnySchema))
    properties = schema.setdefault("properties", {})
    for name, field in settings_cls.__live_fields__.items():
        entry = schema_of(live_annotation(field))
        schema.setdefault("$defs", {}).update(entry.pop("$defs", {}))
        default = field.final_default
        if field.is_secret:
            entry |= {"writeOnly": True, "format": "password"}
        elif default is not REQUIRED and isinstance(default, str | int | float | bool | None):
            entry["default"] = default
        if field.description:
            entry["description"] = field.description
        if default is REQUIRED:
            schema.setdefault("required", []).append(name)
        properties[name] = {"title": name.replace("_", " ").title(), **entry}
    for description in describe(settings_cls):
        if description.name in properties:
            properties[description.name]["x-environment-variables"] = list(description.variables)
    if not schema.get("$defs", True):
        del schema["$defs"]
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return dict(json.loads(without_passwords(json.dumps(whole))))


class _AnySchema(GenerateJsonSchema):
    """Pydantic's generator, to which what JSON cannot describe (a callable) is anything, not an error."""

    def handle_invalid_for_json_schema(self, *_of_what: Any) -> dict[str, Any]:  # Any: as Pydantic has it
        """Give the schema of anything."""
        return {}


def json_schema_text(settings_cls: Any) -> str:
    """Return the JSON Schema as text, keys in the order of the class."""
    return json.dumps(json_schema(settings_cls), indent=2, ensure_ascii=False) + "\n"


def env_example(settings_cls: Any) -> str:
    """Return a `.env.example`: required variables to fill in, the others commented out with their defaults."""
    lines = [f"# Settings of {_origin(settings_cls)}. Generated; do not edit."]
    for description in describe(settings_cls):
        lines += ["", f"# {_summary(description)}"]
        variable = description.variables[0]
        value = _dotenv_quoted(description.default or "")
        optional = f"# {variable}={value}".replace("\n", "\n# ")
        lines.append(f"{variable}=" if description.required else optional)
    return "\n".join(lines) + "\n"


def reference_page(settings_cls: Any) -> str:
    """Return a Markdown page with one row per setting."""
    title = settings_cls.__name__
    doc = (settings_cls.__doc__ or "").strip().partition("\n")[0]
    head = [
        f"# {title}",
        "",
        *([doc, ""] if doc else []),
        "| Setting | Variable | Type | Default | |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(_row(description) for description in describe(settings_cls))]) + "\n"


def kubernetes_manifests(settings_cls: Any, *, name: str) -> str:
    """Return a ConfigMap for the plain settings and a Secret for the others, as YAML to start from."""
    descriptions = describe(settings_cls)
    plain = [d for d in descriptions if not d.secret]
    secret = [d for d in descriptions if d.secret]
    documents = [_manifest("ConfigMap", name, "data", plain)]
    if secret:
        documents.append(_manifest("Secret", name, "stringData", secret))
    return "---\n".join(documents)


def _manifest(kind: str, name: str, key: str, settings: list[Description]) -> str:
    head = ["apiVersion: v1", f"kind: {kind}", "metadata:", f"  name: {json.dumps(name)}"]
    body = []
    for each in settings:
        # A JSON string is a YAML string, whatever is in it. An empty one would take a default's place, or be no number and no object.
        written = each.required or each.default_is_a_value
        body.append(f"  {'' if written else '# '}{each.variables[0]}: {json.dumps(each.default or '')}")
    holds = any(not line.startswith("  #") for line in body)
    return "\n".join([*head, f"{key}:" if holds else f"{key}: {{}}", *body]) + "\n"


def _summary(description: Description) -> str:
    text = " ".join(description.text.split())
    traits = [
        description.type,
        *(["secret"] if description.secret else []),
        "required" if description.required else "optional",
    ]
    return f"{text} ({', '.join(traits)})" if text else f"{description.name}: {', '.join(traits)}"


def _row(description: Description) -> str:
    default = "" if description.required or description.secret else f"`{_cell(description.default or '')}`"
    if default == "``":
        default = "(empty)"
    traits = [*(["required"] if description.required else []), *(["secret"] if description.secret else [])]
    traits += ["live"] if description.live else []
    variables = ", ".join(f"`{variable}`" for variable in description.variables)
    note = ". ".join(part for part in (", ".join(traits), _cell(description.text)) if part)
    return f"| `{description.name}` | {variables} | {_cell(description.type)} | {default} | {note} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _dotenv_quoted(value: str) -> str:
    plain = value and not any(character.isspace() or character in "#'\"\\$" for character in value)
    if plain or not value:
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _origin(settings_cls: Any) -> str:
    return f"{settings_cls.__module__}:{settings_cls.__qualname__}"
