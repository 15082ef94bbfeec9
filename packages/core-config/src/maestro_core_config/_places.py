"""For any source and any field: whether the source has a value for it, and where that value stands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AliasChoices
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, InitSettingsSource, SecretsSettingsSource

from ._positions import lines_of_keys

ABSENT = object()


@dataclass(frozen=True, slots=True)
class Place:
    """A layer and the place in it: `environment`, `PORT`."""

    layer: str
    location: str

    def __str__(self) -> str:
        return f"{self.layer} {self.location}".rstrip()


def names_of(field: Any, name: str) -> tuple[str, ...]:
    """List the keys by which a field may be given: its name and its aliases."""
    aliases = [name]
    for alias in (field.validation_alias, field.alias):
        if isinstance(alias, AliasChoices):
            aliases += [choice for choice in alias.choices if isinstance(choice, str)]
        elif isinstance(alias, str):
            aliases.append(alias)
    return tuple(dict.fromkeys(aliases))


def value_at(document: Any, steps: list[tuple[str, ...]]) -> Any:
    """Follow a path whose every step may be spelled in several ways; ABSENT where it ends early."""
    for spellings in steps:
        if not isinstance(document, dict):
            return ABSENT
        document = next((document[name] for name in spellings if name in document), ABSENT)
    return document


def place_in(source: Any, settings_cls: Any, path: tuple[str, ...]) -> Place:
    """Say where in a source the value of a field stands."""
    if hasattr(source, "location"):
        return Place(getattr(source, "layer", "file"), source.location(path))
    if isinstance(source, DotEnvSettingsSource):
        return Place(".env", ", ".join(_dotenv_places(source, _variables(source, settings_cls, path))))
    if isinstance(source, EnvSettingsSource):
        return Place("environment", ", ".join(name for name, _ in _variables(source, settings_cls, path)))
    if isinstance(source, SecretsSettingsSource):
        return Place("secret file", f"{source.secrets_dir}/{path[0]}")
    if type(source) is InitSettingsSource:
        return Place("argument", path[0])
    return Place(type(source).__name__, "")


def _variables(source: Any, settings_cls: Any, path: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name the variables that give a field, as the source spells them and as the environment does."""
    field = settings_cls.model_fields[path[0]]
    spelling = {name if source.case_sensitive else name.lower(): name for name in os.environ}
    delimiter = source.env_nested_delimiter
    found = []
    for _, env_name, *_ in source._extract_field_info(field, path[0]):
        exact = delimiter.join((env_name, *(step.lower() for step in path[1:]))) if delimiter else env_name
        matches = [name for name in (exact, env_name) if name in source.env_vars]
        if not matches and delimiter:
            matches = [name for name in source.env_vars if name.startswith(f"{env_name}{delimiter}")]
        found += [(spelling.get(name, name), name) for name in matches[: 1 if exact in matches else None]]
        if found:
            break
    return found


def _dotenv_places(source: Any, variables: list[tuple[str, str]]) -> Iterator[str]:
    files = [source.env_file] if isinstance(source.env_file, str | os.PathLike) else list(source.env_file or ())
    for _, wanted in variables:
        for file in reversed(files):
            path = Path(file).expanduser()
            lines = lines_of_keys("env", path.read_text(encoding="utf-8")) if path.is_file() else {}
            match = next(((steps[0], n) for steps, n in lines.items() if steps[0].lower() == wanted.lower()), None)
            if match:
                yield f"{path}:{match[1]} {match[0]}"
                break
        else:
            yield wanted
