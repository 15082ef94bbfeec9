"""Dynaconf's layered files as one source: `[default]` and environment sections, merge marks, `.secrets.*` files.

Dynaconf reads the files; typing, validation and everything above stay pydantic's. Its own reading of the environment
is off, since the environment is a layer of ours. Needs the extra `dynaconf`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_settings import InitSettingsSource

from ._files import FileError, kind_of
from ._positions import lines_of_keys
from .crypto import decrypted, keyring_of
from .errors import ConfigError


class DynaconfSource(InitSettingsSource):
    """Settings as Dynaconf layers them for one environment."""

    def __init__(self, settings_cls: Any, files: tuple[str, ...], environment: str) -> None:
        self.files = [Path(file.removeprefix("?")) for file in files]
        self.environment = environment
        for file, path in zip(files, self.files, strict=True):
            if not file.startswith("?") and not path.is_file():
                raise FileError(f"{path}: no such file; create it, or make it optional with '?{file}'")
        document = _read(self.files, environment)
        fields = _as_fields(settings_cls, document)
        super().__init__(settings_cls, decrypted(fields, where="dynaconf", keyring=keyring_of(settings_cls)))

    def location(self, key_path: tuple[str, ...]) -> str:
        """Say where the key's last assignment stands, as `file:line [section]`."""
        wanted = tuple(step.lower() for step in key_path)
        for path in reversed([path for path in self.files if path.is_file()]):
            lines = lines_of_keys(kind_of(path), path.read_text(encoding="utf-8"))
            places = {tuple(step.lower() for step in steps): line for steps, line in lines.items()}
            for section in (self.environment.lower(), "global", "default"):
                if line := places.get((section, *wanted)):
                    return f"{path}:{line} [{section}]"
        return ", ".join(str(path) for path in self.files)

    def __repr__(self) -> str:
        return f"DynaconfSource({[str(path) for path in self.files]}, {self.environment!r})"


def _read(files: list[Path], environment: str) -> dict[str, Any]:
    try:
        from dynaconf import Dynaconf  # type: ignore[import-untyped,unused-ignore]  # it ships no types
    except ImportError:
        raise ConfigError("Dynaconf files need the extra: pip install 'maestro-core-config[dynaconf]'") from None
    loaded = Dynaconf(
        settings_files=[str(path.resolve()) for path in files],
        env=environment,
        environments=True,
        loaders=[],  # the environment is our layer, and its order is ours
        merge_enabled=False,
    )
    return dict(loaded.as_dict())


def _as_fields(settings_cls: Any, document: dict[str, Any]) -> dict[str, Any]:
    # Dynaconf's names are upper case and case-insensitive; a field's own spelling wins.
    spelling = {name.lower(): name for name in settings_cls.model_fields}
    for name, field in settings_cls.model_fields.items():
        for alias in (field.alias, field.validation_alias):
            if isinstance(alias, str):
                spelling[name.lower()] = spelling[alias.lower()] = alias
    return {spelling.get(key.lower(), key.lower()): value for key, value in document.items()}
