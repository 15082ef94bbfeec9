"""
Derive settings classes from the shared library's base.

`BaseConfig` is pydantic-settings' `BaseSettings` and more: the same fields, sources, validators and configuration, and errors that show no secret.

```py before
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")

    port: int = 8000
```

```py after
from maestro_core_config import BaseConfig
from pydantic_settings import SettingsConfigDict


class Settings(BaseConfig):
    model_config = SettingsConfigDict(env_prefix="APP_")

    port: int = 8000
```

Any other use of the class, and Pydantic 1's own `BaseSettings`, stay:

```py unchanged
from pydantic_settings import BaseSettings


def dump(settings: BaseSettings) -> dict:
    return settings.model_dump() if isinstance(settings, BaseSettings) else {}
```

```py unchanged
from pydantic import BaseSettings


class Settings(BaseSettings):
    port: int = 8000
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Module

WORDS = ("BaseSettings",)
SITES = ("pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings")
NEEDS = ("maestro-core-config",)
TARGET = "maestro_core_config.BaseConfig"
ORDER = 45


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every class that derives from `BaseSettings` directly."""
    action = "derive it from maestro_core_config.BaseConfig by hand"
    for site in module.sites(*SITES, action=action):
        parent = module.parent(site.node)
        if not (isinstance(parent, ast.ClassDef) and site.node in parent.bases):
            continue  # a BaseConfig is a BaseSettings, so annotations and checks stay true
        local = module.local_name(TARGET)
        if local is None:
            module.refuse(site.node, "name-taken: `BaseConfig` means something else in this file", action)
        elif module.source.comments(*module.source.span(site.node)):
            module.refuse(site.node, "comment: a comment stands in what would be replaced", action)
        else:
            yield module.change(
                module.replace(site.node, local),
                at=parent,
                reason="the same settings class, with the library's layers and masked errors",
                requires=[TARGET],
            )
