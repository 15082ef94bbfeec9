"""For any source and any field: whether the source has a value for it, and where that value stands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, InitSettingsSource, SecretsSettingsSource

from ._positions import lines_of_keys

ABSENT = object()
Spelling = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A layer and the place in it: `environment`, `PORT`."""

    layer: str
    location: str

    def __str__(self) -> str:
        return f"{self.layer} {self.location}".rstrip()


def names_of(field: Any, name: str) -> tuple[str, ...]:
    """List the keys by which a field may be given: its name, its aliases, and the first steps of alias paths."""
    return tuple(dict.fromkeys(spelling[0] for spelling in spellings_of(field, name)))


def spellings_of(field: Any, name: str) -> tuple[Spelling, ...]:
    """List the paths at which a field may be given, from the model that it is in: of one step, but for alias paths."""
    found: list[Spelling] = [(name,)]
    for alias in (field.validation_alias, field.alias):
        for choice in alias.choices if isinstance(alias, AliasChoices) else (alias,):
            if isinstance(choice, AliasPath):
                found.append(tuple(map(str, choice.path)))
            elif isinstance(choice, str):
                found.append((choice,))
    return tuple(dict.fromkeys(found))


def types_of(annotation: Any) -> tuple[Any, ...]:
    """Give the types that a value may be of, without their arguments: `dict` and `NoneType` for `dict[str, int] | None`."""
    return tuple(get_origin(part) or part for part in alternatives_of(annotation))


def alternatives_of(annotation: Any) -> tuple[Any, ...]:
    """Give the types that a value may be of: `dict[str, int]` and `NoneType` for `dict[str, int] | None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(each for part in get_args(annotation) for each in alternatives_of(part))
    named = getattr(annotation, "__value__", None)  # `type Name = …`, and its backport
    return (annotation,) if named is None else alternatives_of(named)


def models_of(annotation: Any) -> Iterator[Any]:
    """Give the models that a value may be of, whose fields have variables or keys of their own."""
    for part in types_of(annotation):
        if is_a(part, BaseModel) and not is_a(part, RootModel):
            yield part


def is_a(part: Any, base: type) -> bool:
    """Tell whether a part of an annotation is a class that derives from `base`."""
    return isinstance(part, type) and issubclass(part, base)


def paths_of(given: Any) -> list[Path]:
    """List the paths of an option that takes one, several or none."""
    several = [given] if isinstance(given, str | os.PathLike) else list(given or ())
    return [Path(path).expanduser() for path in several]


def found_at(document: Any, steps: Iterable[tuple[Spelling, ...]]) -> tuple[Any, tuple[str, ...]]:
    """Follow a path whose every step may be spelled in several ways: the value, and the path as the document has it.

    The value is ABSENT where the path ends early.
    """
    path: tuple[str, ...] = ()
    for spellings in steps:
        for spelling in spellings:
            value = _followed(document, spelling)
            if value is not ABSENT:
                break
        else:
            return ABSENT, path
        document, path = value, (*path, *spelling)
    return document, path


def _followed(document: Any, spelling: Spelling) -> Any:
    for step in spelling:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return ABSENT
    return document


def place_in(source: Any, settings_cls: Any, name: str, path: tuple[str, ...]) -> Place:
    """Say where in a source the value of the field `name` stands, which the source has at `path`."""
    if hasattr(source, "location"):
        return Place(getattr(source, "layer", "file"), source.location(path))
    if isinstance(source, DotEnvSettingsSource):
        return Place(".env", ", ".join(_dotenv_places(source, _variables(source, settings_cls, name, path))))
    if any(kind.__name__ == "CliSettingsSource" for kind in type(source).__mro__):  # older releases have none to import
        option = ".".join(path)
        return Place("command line", "--" + (option.replace("_", "-") if source.cli_kebab_case else option))
    if isinstance(source, EnvSettingsSource):
        # Pydantic-settings' sources for the secret stores of clouds derive from this one.
        own = type(source) is not EnvSettingsSource and type(source).__module__.startswith("pydantic_settings.")
        layer = type(source).__name__ if own else "environment"
        return Place(layer, ", ".join(name for name, _ in _variables(source, settings_cls, name, path)))
    if isinstance(source, SecretsSettingsSource):
        return Place("secret file", _secret_file(source, settings_cls, name))
    if type(source) is InitSettingsSource:
        return Place("argument", path[0])
    return Place(type(source).__name__, "")


def _variables(source: Any, settings_cls: Any, field_name: str, path: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name the variables that give a field, as the source spells them and as the environment does."""
    spelling = {name if source.case_sensitive else name.lower(): name for name in os.environ}
    delimiter = source.env_nested_delimiter
    found = []
    for env_name in _names_in(source, settings_cls, field_name):
        exact = delimiter.join((env_name, *(step.lower() for step in path[1:]))) if delimiter else env_name
        matches = [name for name in (exact, env_name) if name in source.env_vars]
        if not matches and delimiter:
            matches = [name for name in source.env_vars if name.startswith(f"{env_name}{delimiter}")]
        found += [(spelling.get(name, name), name) for name in matches[: 1 if exact in matches else None]]
        if found:
            break
    return found


def _names_in(source: Any, settings_cls: Any, field_name: str) -> list[str]:
    field = settings_cls.model_fields[field_name]
    return [info[1] for info in source._extract_field_info(field, field_name)]


def _secret_file(source: Any, settings_cls: Any, field_name: str) -> str:
    folders = paths_of(source.secrets_dir)
    names = _names_in(source, settings_cls, field_name)
    wanted = {name if source.case_sensitive else name.lower() for name in names}
    for folder in reversed(folders):  # the last one wins
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if (file.name if source.case_sensitive else file.name.lower()) in wanted:
                return str(file)
    return ", ".join(str(folder) for folder in folders)


def _dotenv_places(source: Any, variables: list[tuple[str, str]]) -> Iterator[str]:
    for _, wanted in variables:
        for path in reversed(paths_of(source.env_file)):
            lines = lines_of_keys("env", path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else {}
            match = next(((steps[0], n) for steps, n in lines.items() if steps[0].lower() == wanted.lower()), None)
            if match:
                yield f"{path}:{match[1]} {match[0]}"
                break
        else:
            yield wanted
