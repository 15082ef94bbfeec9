"""The layers of a settings class and their order.

Highest first: explicit arguments, environment, `.env`, mounted secret files, remote sources (Vault), files in reverse
order, Dynaconf's files, defaults. A class that uses none of our options has exactly pydantic-settings' sources.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic_settings import SettingsConfigDict

from ._files import FileError, FileSource
from ._sources import made
from .crypto import Keyring


class ConfigDict(SettingsConfigDict, total=False):
    """pydantic-settings' options and ours.

    `files`: paths, lowest first; `{environment}` stands for the current environment; a leading `?` makes a file
    optional. `environment_variable`: which variable names the environment (default `ENVIRONMENT`); without it the
    environment is `default_environment` (default `development`). `remote`: source factories such as `Vault(...)`,
    highest first. `dynaconf_files`: files read the way Dynaconf reads them; `dynaconf_options`: its own options, such as
    `merge_enabled`, and `environments=False` for files without sections. `unknown_names`: what happens to prefixed
    variables and file keys that no field has: `ignore`, `warn` or `refuse`; unset, `load()` refuses and building ignores.
    `keyring`: where the keys of encrypted values come from; asked only when there is one (default:
    `MAESTRO_CONFIG_KEYS`).
    """

    files: tuple[str, ...]
    environment_variable: str
    default_environment: str
    remote: tuple[Callable[[Any], Any], ...]
    dynaconf_files: tuple[str, ...]
    dynaconf_options: Mapping[str, Any]
    unknown_names: Literal["ignore", "warn", "refuse"]
    keyring: Callable[[], Keyring]


def with_layers(settings_cls: Any, built_in: tuple[Any, ...]) -> tuple[Any, ...]:
    """Add the class's remote and file layers below pydantic-settings' own sources.

    Raises:
        FileError: when a required file is missing or unreadable.
    """
    options = settings_cls.model_config
    layers = [
        *(functools.partial(make, settings_cls) for make in options.get("remote", ())),
        *(functools.partial(_file, settings_cls, template) for template in reversed(options.get("files", ()))),
        *([functools.partial(_dynaconf, settings_cls)] if options.get("dynaconf_files") else []),
    ]
    sources = [source for layer in layers for source in made(layer) if source is not None]
    return (*built_in, *sources)


def environment_of(options: Any) -> str:
    """Name the current environment."""
    variable = options.get("environment_variable", "ENVIRONMENT")
    return os.environ.get(variable) or str(options.get("default_environment", "development"))


def possible_files(options: Any) -> list[Path]:
    """List every file of our own layers that a class may read, whether it exists now or not."""
    dynaconf = [Path(file.removeprefix("?")) for file in options.get("dynaconf_files", ())]
    return [
        *(Path(_resolved(file, options).removeprefix("?")).expanduser() for file in options.get("files", ())),
        *dynaconf,
        *(path.with_name(f"{path.stem}.local{path.suffix}") for path in dynaconf),  # Dynaconf reads them by itself
    ]


def _resolved(template: str, options: Any) -> str:
    return template.replace("{environment}", environment_of(options))


def _file(settings_cls: Any, template: str) -> FileSource | None:
    path = Path(_resolved(template, settings_cls.model_config).removeprefix("?")).expanduser()
    if path.is_file():
        return FileSource(settings_cls, path)
    if template.startswith("?"):
        return None
    raise FileError(f"{path}: no such file; create it, or make it optional with '?{template}'")


def _dynaconf(settings_cls: Any) -> Any:
    from ._dynaconf import DynaconfSource

    options = settings_cls.model_config
    files, more = options["dynaconf_files"], options.get("dynaconf_options")
    return DynaconfSource(settings_cls, files, environment_of(options), more)
