"""The seam to pydantic-settings' source hook: what a class chose, seen and completed before it is used.

`settings_customise_sources` is the one public place where all supported versions (2.1 to 2.16) meet, so every
override of it is wrapped when its class is made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pydantic_settings import DotEnvSettingsSource

collected_sources: ContextVar[list[Any] | None] = ContextVar("collected_sources", default=None)
"""Where the load under way keeps the sources that its class chose, highest first; None outside a load."""

_WRAPPED = "__maestro_wrapped__"


def wrap_source_hook(cls: type) -> None:
    """Wrap the class's own `settings_customise_sources`, if it has one."""
    hook = cls.__dict__.get("settings_customise_sources")
    if isinstance(hook, classmethod) and not hasattr(hook.__func__, _WRAPPED):
        cls.settings_customise_sources = classmethod(_wrapped(hook.__func__))  # type: ignore[attr-defined]  # set on a subclass of BaseSettings


def _wrapped(hook: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(hook)
    def settings_customise_sources(cls: Any, *args: Any, **kwargs: Any) -> Any:
        sources = hook(cls, *args, **kwargs)
        for source in sources:
            if isinstance(source, DotEnvSettingsSource):
                _forget_live_variables(source, cls.__live_fields__)
        collected = collected_sources.get()
        if collected is not None:
            collected[:] = sources
        return sources

    setattr(settings_customise_sources, _WRAPPED, True)
    return settings_customise_sources


def _forget_live_variables(source: Any, live: dict[str, Any]) -> None:
    # A `.env` file may also serve `load_dotenv`; its entries for live fields are not "extra inputs".
    names = {variable.lower() for field in live.values() for variable in field.variables()}
    if names:
        source.env_vars = {name: value for name, value in source.env_vars.items() if name.lower() not in names}
