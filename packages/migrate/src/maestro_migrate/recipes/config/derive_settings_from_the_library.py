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

Any other use of the class stays:

```py unchanged
from pydantic_settings import BaseSettings


def dump(settings: BaseSettings) -> dict:
    return settings.model_dump() if isinstance(settings, BaseSettings) else {}
```

So does Pydantic 1's own `BaseSettings`: its `Field(env=…)` and its `class Config` mean other things. The finding names the pin that keeps Pydantic 1.

```py unchanged finding=pydantic-1
from pydantic import BaseSettings


class Settings(BaseSettings):
    port: int = 8000
```
"""

import ast
import re
from collections.abc import Iterator

from maestro_migrate import Change, Module
from maestro_migrate._site import only_names_type

from ._mutable_defaults import name_mutable_default

WORDS = ("BaseSettings",)
_OLD = ("pydantic.BaseSettings", "pydantic.env_settings.BaseSettings", "pydantic.v1.BaseSettings", "pydantic.v1.env_settings.BaseSettings")  # fmt: skip
SITES = ("pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings", *_OLD)
NEEDS = ("maestro-core-config",)
TARGET = "maestro_core_config.BaseConfig"
ORDER = 45
_UPGRADE = "move to pydantic-settings first (`Field(env=…)` becomes `validation_alias`, `class Config` becomes `model_config`), then run again"
_PIN = re.compile(r"""(?mi)^[\s"']*(pydantic(?:\[[\w, -]*\])?[ \t]*[=<>~!^][^\n;#]*?)["']?,?[ \t]*(?:[;#].*)?$""")


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every class that derives from `BaseSettings` directly."""
    action = "derive it from maestro_core_config.BaseConfig by hand"
    for site in module.sites(*SITES, action=action):
        parent = module.parent(site.node)
        if not (isinstance(parent, ast.ClassDef) and site.node in parent.bases):
            if not only_names_type(module, site.node):  # of those it is true that a BaseConfig is a BaseSettings
                reason = "passed-on: the class itself is handed on or built, so what becomes of it cannot be told"
                module.refuse(site.whole, reason, action)
            continue
        if site.qualname in _OLD:
            module.refuse(site.node, _of_pydantic_1(module, site.qualname), _UPGRADE)
            continue
        local = module.local_name(TARGET)
        if local is None:
            module.refuse(site.node, "name-taken: `BaseConfig` means something else in this file", action)
        elif module.source.comments(*module.source.span(site.node)):
            module.refuse(site.node, "comment: a comment stands in what would be replaced", action)
        else:
            name_mutable_default(module, parent)
            yield module.change(
                module.replace(site.node, local),
                at=parent,
                reason="the same settings class, with the library's layers and masked errors",
                requires=[TARGET],
            )


def _of_pydantic_1(module: Module, qualname: str) -> str:
    """Return why a class of Pydantic 1 stays, with the requirement that keeps Pydantic 1 where there is one."""
    reason = f"pydantic-1: {qualname} reads its environment by other rules than BaseConfig, which stands on Pydantic 2"
    pins = ((name, found[1]) for name, text in sorted(module.project.deploy.items()) if (found := _PIN.search(text)))
    return next((f"{reason}; {name} asks for {pin.strip()}" for name, pin in pins), reason)
