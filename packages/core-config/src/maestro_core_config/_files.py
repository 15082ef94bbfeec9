"""Files as layers: TOML, JSON and YAML, each key with the line it stands on, encrypted values opened."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydantic_settings import InitSettingsSource

from ._positions import lines_of_keys
from .crypto import decrypted, keyring_of
from .errors import ConfigError


class FileError(ConfigError, ValueError):
    """A configuration file that is missing or cannot be read."""


class FileSource(InitSettingsSource):
    """One configuration file; its keys are field names or aliases."""

    def __init__(self, settings_cls: Any, path: Path) -> None:
        self.path = path
        self.kind = kind_of(path)
        self.text, self.document = read_document(path)
        super().__init__(settings_cls, decrypted(self.document, where=str(path), keyring=keyring_of(settings_cls)))

    def location(self, key_path: tuple[str, ...]) -> str:
        """Say where a key stood when the file was read, as `file:line`; of a key in a list, where the list does."""
        lines = lines_of_keys(self.kind, self.text)
        known = (lines[key_path[:depth]] for depth in range(len(key_path), 0, -1) if key_path[:depth] in lines)
        line = next(known, None)
        return f"{self.path}:{line}" if line else str(self.path)

    def __repr__(self) -> str:
        return f"FileSource({str(self.path)!r})"


def kind_of(path: Path) -> str:
    """Name the format of a file by its suffix.

    Raises:
        FileError: when the suffix is none of a known format.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise FileError(f"{path}: unknown kind of file; use one of {', '.join(KINDS)}")
    return kind


def read_document(path: Path) -> tuple[str, dict[str, Any]]:
    """Read and parse a file whose root is a mapping: its text and the mapping; an empty YAML file is an empty one.

    Raises:
        FileError: when it cannot be read or parsed; the message has the place, never the content.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = _READERS[kind_of(path)](text)
    except OSError as exc:
        raise FileError(f"{path}: {exc.strerror or exc}") from None
    except UnicodeDecodeError:
        raise FileError(f"{path}: not UTF-8") from None
    except ImportError:
        raise ConfigError(f"{path}: YAML files need the extra: pip install 'maestro-core-config[yaml]'") from None
    except Exception as exc:  # noqa: BLE001 - each parser has its own error; their messages may quote the file
        reason = _place_of(exc)
    else:
        if document is None:
            return text, {}
        reason = _unusable(document)
        if not reason:
            return text, document
    raise FileError(f"{path}: {reason}")


def _unusable(document: Any) -> str:
    if not isinstance(document, dict):
        return f"the root is a {type(document).__name__}, not a mapping"
    odd = next((key for key in document if not isinstance(key, str)), None)  # YAML's `on` is a boolean, too
    return "" if odd is None else f"the key {odd!r} is a {type(odd).__name__}, not a text; put it in quotes"


def _place_of(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg} (line {exc.lineno}, column {exc.colno})"
    if isinstance(exc, tomllib.TOMLDecodeError):
        return str(exc)  # tomllib names the place and the expected token only
    mark = getattr(exc, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{getattr(exc, 'problem', None) or type(exc).__name__}{place}"


def _read_yaml(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


KINDS: Final = {".toml": "toml", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}
_READERS: Final[dict[str, Callable[[str], Any]]] = {"toml": tomllib.loads, "json": json.loads, "yaml": _read_yaml}
