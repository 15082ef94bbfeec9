"""What the service's linters are told, so that new code passes them."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ToldStyle", "known_first_party", "ruff_checks", "takes_one_name_each"]

_ONE_NAME_EACH = re.compile(
    r"(?mi)^\s*force[-_]single[-_]line\s*=\s*true\b|^\s*profile\s*=\s*['\"]?google\b|\bid:\s*['\"]?reorder-python-imports\b"
)
_FIRST_PARTY = re.compile(r"(?m)^\s*known[-_]first[-_]party\s*=\s*(\[[^\]]*\]|[^\n]*(?:\n[ \t]+[\w., \t]+$)*)")
_RUFF_FILES = (
    ".ruff.toml",
    "ruff.toml",
    "pyproject.toml",
)  # the first that has something to say is the one that ruff reads


@dataclass(frozen=True)
class ToldStyle:
    """
    Whether each imported name has a statement of its own, and which names are sorted with the service's own; whether ruff wants a comma after a broken call's last argument, and complains
    of lists and dictionaries as defaults of a class.
    """

    one_name_each: bool
    first_party: frozenset[str]
    trailing_commas: bool
    no_mutable_defaults: bool

    @classmethod
    def of(cls, configurations: Mapping[str, str]) -> "ToldStyle":
        """Return what the files of these names and texts say."""
        texts = configurations.values()
        checks = [ruff_checks(configurations, rule) for rule in ("COM812", "RUF012")]
        return cls(takes_one_name_each(texts), known_first_party(texts), *checks)


def takes_one_name_each(configurations: Iterable[str]) -> bool:
    """Return whether isort, ruff or reorder-python-imports is to give every imported name a statement of its own."""
    return any(_ONE_NAME_EACH.search(text) is not None for text in configurations)


def known_first_party(configurations: Iterable[str]) -> frozenset[str]:
    """Return the top-level names that isort or ruff is told to sort with the service's own."""
    told = [found for text in configurations for found in _FIRST_PARTY.findall(text)]
    return frozenset(name for text in told for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*", text))


def ruff_checks(configurations: Mapping[str, str], rule: str) -> bool:
    """Return whether ruff is told to check a rule, by its code or the beginning of it, and not told to leave it out."""
    for name in _RUFF_FILES:
        ruff = _table(configurations.get(name, ""), *(("tool", "ruff") if name == "pyproject.toml" else ()))
        if ruff:
            told = {**ruff, **_inner(ruff, "lint")}
            chosen = [*told.get("select", ()), *told.get("extend-select", ())]
            left_out = [*told.get("ignore", ()), *told.get("extend-ignore", ())]
            return _covers(chosen, rule) and not _covers(left_out, rule)
    return False


def _covers(codes: Iterable[object], rule: str) -> bool:
    return any(code == "ALL" or (isinstance(code, str) and code and rule.startswith(code)) for code in codes)


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
