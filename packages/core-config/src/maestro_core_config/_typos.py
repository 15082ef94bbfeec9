"""The typo shield: names that look like settings and are none, with the name that was probably meant."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SecretsSettingsSource

from ._places import alternatives_of, is_a, names_of, paths_of, types_of
from ._positions import lines_of_keys
from ._problems import Problem


def unknown_names(settings_cls: Any, sources: tuple[Any, ...]) -> list[Problem]:
    """Find prefixed environment variables and file keys that belong to no field."""
    return [*_unknown_variables(settings_cls, sources), *_unknown_keys(settings_cls, sources)]


def closest(name: str, known: set[str]) -> str:
    """Say which known name was probably meant, as the end of a sentence; empty when none is near."""
    by_folded = {candidate.lower(): candidate for candidate in sorted(known)}
    match = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return f"did you mean {by_folded[match[0]]}?" if match else ""


def known_variables(settings_cls: Any, source: Any, above: tuple[Any, ...] = ()) -> tuple[set[str], set[str]]:
    """List the variables that a class reads, and the beginnings under which anything goes (dictionaries).

    Settings in settings read variables of their own besides.
    """
    exact: set[str] = set()
    open_ended: set[str] = set()
    for name, field in settings_cls.model_fields.items():
        for _, env_name, *_ in source._extract_field_info(field, name):
            exact.add(env_name)
            if source.env_nested_delimiter:
                _nested(env_name, field.annotation, source.env_nested_delimiter, exact, open_ended)
        for part in types_of(field.annotation):
            if is_a(part, BaseSettings) and part not in above:
                inner = known_variables(part, EnvSettingsSource(part), (*above, part))
                exact, open_ended = exact | inner[0], open_ended | inner[1]
    exact |= {
        variable.lower()
        for field in getattr(settings_cls, "__live_fields__", {}).values()
        for variable in field.variables()
    }
    return exact, open_ended


def _nested(
    env_name: str,
    annotation: Any,
    delimiter: str,
    exact: set[str],
    open_ended: set[str],
    above: tuple[Any, ...] = (),
) -> None:
    for part in types_of(annotation):
        fields = _fields_of(part)
        if fields is None:
            if _is_open(part):
                open_ended.add(f"{env_name}{delimiter}".lower())
            continue
        if part in above or _takes_any_key(part):  # it holds itself: as deep as anybody likes
            open_ended.add(f"{env_name}{delimiter}".lower())
            continue
        for name, field in fields.items():
            for spelling in names_of(field, name):
                inner = f"{env_name}{delimiter}{spelling}".lower()
                exact.add(inner)
                _nested(inner, field.annotation, delimiter, exact, open_ended, (*above, part))


def _unknown_variables(settings_cls: Any, sources: tuple[Any, ...]) -> Iterator[Problem]:
    source = next((s for s in sources if type(s) is EnvSettingsSource), None)
    prefix = (source.env_prefix or "").lower() if source else ""
    if not prefix:
        return
    exact, open_ended = known_variables(settings_cls, source)
    folded = {name.lower() for name in exact}
    of_kubernetes = _service_links()
    for name, place in _names_given(settings_cls, sources):
        if of_kubernetes(name):
            continue
        lowered = name.lower()
        if (
            lowered.startswith(prefix)
            and lowered not in folded
            and not lowered.startswith(tuple(open_ended) or ("\0",))
        ):
            hint = closest(name, {known.upper() if name.isupper() else known for known in exact})
            yield Problem(name, "no setting reads this variable", place, hint)


def _service_links() -> Callable[[str], object]:
    """Tell the variables that Kubernetes sets for each service in a pod's namespace: the service itself has one of its own name."""
    ends = "_SERVICE_HOST"
    hosts = [name for name in os.environ if name.endswith(ends)]
    services = [name[: -len(ends)] for name in hosts if f"{name[: -len(ends)]}_SERVICE_PORT" in os.environ]
    if not services:
        return lambda _: False
    link = r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PORT|PROTO|ADDR))?"
    return re.compile(rf"({'|'.join(map(re.escape, services))})_({link})").fullmatch


def _names_given(settings_cls: Any, sources: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    """List the names in the environment, in `.env` files and in folders of mounted secrets, each with its place."""
    yield from ((name, "environment") for name in sorted(os.environ))
    for source in sources:
        if isinstance(source, DotEnvSettingsSource):
            if settings_cls.model_config.get("extra") == "allow":  # then all that such a file says is read
                continue
            for path in paths_of(source.env_file):
                lines = (
                    lines_of_keys("env", path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else {}
                )
                yield from ((name, f".env {path}:{line}") for (name,), line in lines.items())
        elif isinstance(source, SecretsSettingsSource):
            for path in paths_of(source.secrets_dir):
                names = sorted(file.name for file in path.iterdir()) if path.is_dir() else []
                yield from ((name, f"secret file {path / name}") for name in names)


def _unknown_keys(settings_cls: Any, sources: tuple[Any, ...]) -> Iterator[Problem]:
    for source in sources:
        if hasattr(source, "location"):
            for path, known in _stray(source(), [settings_cls], ()):
                hint = closest(path[-1], known)
                yield Problem(".".join(path), "no setting has this name", source.location(path), hint)


def _stray(document: Any, kinds: list[Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Find the keys that none of the kinds a value may be of has a field for."""
    if any(_takes_any_key(kind) for kind in kinds):
        return
    spelling: dict[str, list[Any]] = {}
    for kind in kinds:
        for name, field in _fields_of(kind).items():
            for key in names_of(field, name):
                spelling.setdefault(key, []).append(field.annotation)
    for key, value in document.items():
        if key not in spelling:
            yield (*path, str(key)), set(spelling)
        else:
            yield from _stray_inside(value, spelling[key], (*path, key))


def _stray_inside(
    value: Any, annotations: list[Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    parts = [part for annotation in annotations for part in alternatives_of(annotation)]
    if isinstance(value, list):
        items = [kind for part in parts if is_a(get_origin(part), Collection) for kind in get_args(part)]
        for index, item in enumerate(value):
            yield from _stray_inside(item, items, (*path, str(index)))
    if not isinstance(value, dict):
        return
    kinds = [part for part in parts if _fields_of(part) is not None]
    others = [part for part in parts if _fields_of(part) is None and _is_open(get_origin(part) or part)]
    if kinds and not others:
        yield from _stray(value, kinds, path)
    elif not kinds and len(others) == 1 and len(get_args(others[0])) == 2:  # a mapping
        for key, item in value.items():
            yield from _stray_inside(item, [get_args(others[0])[1]], (*path, str(key)))


def _fields_of(part: Any) -> Any:
    """Give the fields of a model or of Pydantic's dataclass, by name; None where the names are not listed."""
    if is_a(part, BaseModel):
        return None if is_a(part, RootModel) else part.model_fields
    return getattr(part, "__pydantic_fields__", None) if is_dataclass(part) else None


def _takes_any_key(part: Any) -> bool:
    return is_a(part, BaseModel) and part.model_config.get("extra") == "allow"


def _is_open(part: Any) -> bool:
    """Tell whether a value of this type may have keys that we cannot list."""
    return part is Any or is_dataclass(part) or is_a(part, Mapping) or is_a(part, RootModel)
