"""The seam to pydantic-settings' source hook: what a class chose, seen and completed before it is used.

`settings_customise_sources` is the one public place where all supported versions (2.1 to 2.16) meet, so every
override of it is wrapped when its class is made.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

from pydantic_settings import DotEnvSettingsSource

from .crypto import decrypted, is_encrypted, keyring_of
from .errors import ConfigError

_WRAPPED = "__maestro_wrapped__"
_under_way: ContextVar[list[Any] | None] = ContextVar("maestro_sources_under_way", default=None)
_observed: ContextVar[list[Any] | None] = ContextVar("maestro_sources_observed", default=None)
_failures: ContextVar[list[ConfigError] | None] = ContextVar("maestro_sources_failed", default=None)


@dataclass(frozen=True, slots=True)
class Load:
    """How an instance came to be: the sources of its class, highest first, and the arguments it was given."""

    sources: tuple[Any, ...]
    arguments: dict[str, Any]


# Kept beside the instances and not in them: an instance stays what pydantic makes of it, to compare, copy and pickle.
_loads: dict[int, Load] = {}


@contextmanager
def collecting() -> Iterator[list[Any]]:
    """Collect the sources that the load inside chooses; a load nested in it has a list of its own."""
    chosen: list[Any] = []
    token = _under_way.set(chosen)
    try:
        yield chosen
    finally:
        _under_way.reset(token)
        observed = _observed.get()
        if observed is not None:
            observed[:] = chosen  # the outermost load ends last, so its sources stay


@contextmanager
def observing() -> Iterator[tuple[list[Any], list[ConfigError]]]:
    """Collect the sources of the settings built inside, also when building them fails, and those that cannot be read.

    What cannot be read is left out, so that the rest can be looked at; the settings built without it are not for use.
    """
    observed: list[Any] = []
    failures: list[ConfigError] = []
    tokens = _observed.set(observed), _failures.set(failures)
    try:
        yield observed, failures
    finally:
        _observed.reset(tokens[0])
        _failures.reset(tokens[1])


def made(make: Callable[[], Any]) -> tuple[Any, ...]:
    """Make a source; where failures are collected, one that cannot be read is none.

    Raises:
        ConfigError: when it cannot be read and nobody collects failures.
    """
    failures = _failures.get()
    try:
        return (make(),)
    except ConfigError as exc:
        if failures is None:
            raise
        failures.append(exc)
        return ()


def remember_load(instance: Any, sources: tuple[Any, ...], arguments: dict[str, Any]) -> None:
    """Keep how an instance was loaded, for as long as it lives."""
    key = id(instance)
    if key not in _loads:
        weakref.finalize(instance, _loads.pop, key, None).atexit = False
    _loads[key] = Load(sources, arguments)


def load_of(instance: Any) -> Load:
    """Return how an instance was loaded; a copy or an unpickled instance has no sources."""
    return _loads.get(id(instance), Load((), {}))


def wrap_source_hook(cls: type) -> None:
    """Wrap the class's own `settings_customise_sources`, if it has one."""
    hook = cls.__dict__.get("settings_customise_sources")
    if isinstance(hook, classmethod) and not hasattr(hook.__func__, _WRAPPED):
        cls.settings_customise_sources = classmethod(_wrapped(hook.__func__))  # type: ignore[attr-defined]  # it has one


def _wrapped(hook: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(hook)
    def settings_customise_sources(cls: Any, *args: Any, **kwargs: Any) -> Any:
        sources = hook(cls, *args, **kwargs)
        for source in sources:
            if isinstance(source, DotEnvSettingsSource):
                _prepare_dotenv(source, cls.__live_fields__)
        chosen = _under_way.get()
        if chosen is None:
            return sources
        chosen[:] = sources
        return _Watched(sources, chosen)

    setattr(settings_customise_sources, _WRAPPED, True)
    return settings_customise_sources


class _Watched(tuple[Any, ...]):  # noqa: SLOT001 - a tuple cannot have any
    """Chosen sources that notice the one put before them: pydantic-settings adds the command line after its hook."""

    chosen: list[Any]

    def __new__(cls, sources: Iterable[Any], chosen: list[Any]) -> Self:
        watched = super().__new__(cls, sources)
        watched.chosen = chosen
        return watched

    def __add__(self, lower: tuple[Any, ...]) -> Self:
        return type(self)((*self, *lower), self.chosen)

    def __radd__(self, higher: tuple[Any, ...]) -> Self:
        self.chosen[:0] = higher
        return type(self)((*higher, *self), self.chosen)


def _prepare_dotenv(source: Any, live: dict[str, Any]) -> None:
    # A `.env` file may also serve `load_dotenv`; its entries for live fields are not "extra inputs". It is a file,
    # so it may hold encrypted values.
    names = {variable.lower() for field in live.values() for variable in field.variables()}
    changes = names or any(is_encrypted(value) for value in source.env_vars.values())
    if changes:
        source.env_vars = {
            name: decrypted(
                value, where=f"{source.env_file}:{name}", keyring=keyring_of(source.settings_cls), path=(name,)
            )
            for name, value in source.env_vars.items()
            if name.lower() not in names
        }
