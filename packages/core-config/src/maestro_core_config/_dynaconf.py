"""Dynaconf's layered files as one source: `[default]` and environment sections, merge marks, `.local` and `.secrets` files.

Dynaconf reads the files; typing, validation and everything above stay pydantic's. Its own reading of the environment
is off, since the environment is a layer of ours; its options, given here or as `…_FOR_DYNACONF` variables, hold. Needs
the extra `dynaconf`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_settings import InitSettingsSource

from ._files import KINDS, FileError, kind_of, read_document
from ._places import spellings_of
from ._positions import lines_of_keys
from .crypto import decrypted, keyring_of
from .errors import ConfigError

_MARKS: Final = frozenset({"dynaconf_include", "dynaconf_merge", "dynaconf_merge_unique"})


@dataclass(frozen=True, slots=True)
class _Part:
    """What one section of one file gave."""

    path: Path
    section: str
    content: dict[str, Any]


class DynaconfSource(InitSettingsSource):
    """Settings as Dynaconf layers them for one environment."""

    def __init__(
        self, settings_cls: Any, files: tuple[str, ...], environment: str, options: Mapping[str, Any] | None = None
    ) -> None:
        self.files = [Path(file.removeprefix("?")) for file in files]
        self.environment = environment
        for file, path in zip(files, self.files, strict=True):
            if not file.startswith("?") and not path.is_file():
                raise FileError(f"{path}: no such file; create it, or make it optional with '?{file}'")
        document, self._parts = _read(self.files, environment, options or {})
        fields = _as_fields(settings_cls, document)
        super().__init__(settings_cls, decrypted(fields, where="dynaconf", keyring=keyring_of(settings_cls)))

    def location(self, key_path: tuple[str, ...]) -> str:
        """Say where the key's last assignment stands, as `file:line [section]`."""
        wanted = tuple(step.lower() for step in key_path)
        for part in reversed(self._parts):
            if _has(part.content, wanted) and (line := _line(part, wanted)):
                return f"{part.path}:{line} [{part.section}]"
        return ", ".join(str(path) for path in self.files)

    def __repr__(self) -> str:
        return f"DynaconfSource({[str(path) for path in self.files]}, {self.environment!r})"


def _read(files: list[Path], environment: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], list[_Part]]:
    try:
        from dynaconf import Dynaconf  # type: ignore[import-untyped,unused-ignore]  # it ships no types
        from dynaconf.utils.functional import empty  # type: ignore[import-untyped,unused-ignore]  # it ships no types
        from dynaconf.utils.inspect import (  # type: ignore[import-untyped,unused-ignore]  # it ships no types
            get_history,
        )
    except ImportError:
        raise ConfigError("Dynaconf files need the extra: pip install 'maestro-core-config[dynaconf]'") from None
    chosen = {"environments": True, "env": environment, **options}
    # The environment is our layer, and its order is ours.
    failure = ""
    try:
        loaded = Dynaconf(settings_files=[str(path.resolve()) for path in files], **chosen | {"loaders": []})
        document = {key: value for key, value in loaded.as_dict().items() if value is not empty}
    except Exception as exc:  # noqa: BLE001 - each cast and parser has its own error; their messages may quote the file
        failure = str(exc) if isinstance(exc, ImportError) else type(exc).__name__
    if failure:
        for path in files:  # a file that cannot be parsed is named with the place
            if path.is_file() and path.suffix.lower() in KINDS:
                read_document(path)
        raise FileError(f"{', '.join(map(str, files))}: Dynaconf cannot evaluate a value in them: {failure}")
    given = {path.resolve(): path for path in files}
    parts = [
        _Part(given.get(path) or _shortened(path), entry["env"], entry["value"])
        for entry in get_history(loaded)
        for path in (Path(entry["identifier"]),)
        if path.is_absolute()
    ]
    return document, parts


def _shortened(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _as_fields(model: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    # Dynaconf's names are case-insensitive; a field's own spelling wins, in nested models too.
    spelling = {name.lower(): (name, field) for name, field in model.model_fields.items()}
    for name, field in model.model_fields.items():
        for alias in (spelling[0] for spelling in spellings_of(field, name)[1:] if len(spelling) == 1):
            spelling[name.lower()] = spelling[alias.lower()] = (alias, field)
    fields = {}
    for key, value in document.items():
        if key.lower() in _MARKS:
            continue
        name, field = spelling.get(key.lower(), (key.lower(), None))
        inner = next(_models_of(field.annotation), None) if field and isinstance(value, dict) else None
        fields[name] = _as_fields(inner, value) if inner else value
    return fields


def _models_of(annotation: Any) -> Iterator[Any]:
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part


def _has(content: Any, wanted: tuple[str, ...]) -> bool:
    for step in wanted:
        if not isinstance(content, dict):
            return False
        content = {key.lower(): value for key, value in content.items()}.get(step)
    return content is not None


def _line(part: _Part, wanted: tuple[str, ...]) -> int | None:
    try:
        lines = lines_of_keys(kind_of(part.path), part.path.read_text(encoding="utf-8"))
    except (OSError, FileError):  # gone since it was read, or of a kind that only Dynaconf knows
        return None
    places = {tuple(step.lower() for step in steps): line for steps, line in lines.items()}
    for together in range(1, len(wanted) + 1):  # `db__size` is another spelling of `size` in `db`
        path = ("__".join(wanted[:together]), *wanted[together:])
        for whole in ((part.section.lower(), *path), path):
            if whole in places:
                return places[whole]
    return None
