"""What the service's linters are told about imports and commas, so that new code passes them."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ToldStyle", "known_first_party", "takes_one_name_each", "takes_trailing_commas"]

_ONE_NAME_EACH = re.compile(
    r"(?mi)^\s*force[-_]single[-_]line\s*=\s*true\b|^\s*profile\s*=\s*['\"]?google\b|\bid:\s*['\"]?reorder-python-imports\b"
)
_FIRST_PARTY = re.compile(r"(?m)^\s*known[-_]first[-_]party\s*=\s*(\[[^\]]*\]|[^\n]*(?:\n[ \t]+[\w., \t]+$)*)")
_COMMAS = ("ALL", "COM", "COM8", "COM81", "COM812")


@dataclass(frozen=True)
class ToldStyle:
    """Whether each imported name has a statement of its own, whether a comma follows a broken call's last argument, and which names are sorted with the service's own."""

    one_name_each: bool
    trailing_commas: bool
    first_party: frozenset[str]

    @classmethod
    def of(cls, configurations: Mapping[str, str]) -> "ToldStyle":
        """Return what the files of these names and texts say."""
        texts = configurations.values()
        return cls(takes_one_name_each(texts), takes_trailing_commas(configurations), known_first_party(texts))


def takes_one_name_each(configurations: Iterable[str]) -> bool:
    """Return whether isort, ruff or reorder-python-imports is to give every imported name a statement of its own."""
    return any(_ONE_NAME_EACH.search(text) is not None for text in configurations)


def known_first_party(configurations: Iterable[str]) -> frozenset[str]:
    """Return the top-level names that isort or ruff is told to sort with the service's own."""
    told = [found for text in configurations for found in _FIRST_PARTY.findall(text)]
    return frozenset(name for text in told for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*", text))


def takes_trailing_commas(configurations: Mapping[str, str]) -> bool:
    """Return whether ruff asks for a comma after the last argument of a call that is broken (COM812)."""
    tables = [_table(configurations.get("pyproject.toml", ""), "tool", "ruff")]
    tables += [_table(configurations.get(name, "")) for name in ("ruff.toml", ".ruff.toml")]
    for table in tables:
        lint = {**table, **_inner(table, "lint")}
        selected = {*lint.get("select", ()), *lint.get("extend-select", ())}
        ignored = {*lint.get("ignore", ()), *lint.get("extend-ignore", ())}
        if selected.intersection(_COMMAS) and not ignored.intersection(_COMMAS):
            return True
    return False


def _table(text: str, *path: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    for name in path:
        found = _inner(found, name)
    return found


def _inner(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = table.get(name, {})
    return inner if isinstance(inner, dict) else {}
