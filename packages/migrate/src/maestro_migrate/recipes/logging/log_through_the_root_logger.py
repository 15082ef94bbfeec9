"""
Log through the root logger instead of the module's functions.

`logging.info(…)` is the root logger's `info`, except that it first calls `basicConfig` when the root logger has no handlers. Where the project
configures logging itself, inside a function, both do the same:

```py before
import logging


def main():
    logging.basicConfig(level="INFO")
    logging.info("started with %s", 3)
```

```py after
import logging

from maestro_core_logging import get_logger


def main():
    logging.basicConfig(level="INFO")
    get_logger().info("started with %s", 3)
```

Where nothing configures it, the hidden `basicConfig` is what makes the lines appear, so the call stays:

```py unchanged
import logging


def work():
    logging.error("no one configured me")
```
"""

from collections.abc import Iterator

from maestro_migrate import Change, Module

WORDS = ("logging",)
LEVELS = ("debug", "info", "warning", "error", "critical", "exception", "log")
SITES = tuple(f"logging.{level}" for level in LEVELS)
NEEDS = ("maestro-core-logging",)
TARGET = "maestro_core_logging.get_logger"
ID = "logging/log_through_the_root_logger"
_CONFIGURED = (
    "logging.basicConfig",
    "logging.config.dictConfig",
    "logging.config.fileConfig",
    "maestro_core_logging.configure_logging",
)


def scan(module: Module) -> bool:
    """Return whether this module configures logging."""
    return any(site.call is not None for site in module.references(*_CONFIGURED))


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every call of a root function that runs after logging is configured."""
    action = "call configure_logging where the program starts, then use get_logger()"
    configured = any(facts.recipes.get(ID) for facts in module.project.facts.values())
    for site in module.sites(*SITES, action=action):
        local = module.local_name(TARGET)
        if site.call is None:
            module.refuse(site.node, "passed-on: the function itself is handed on", action)
        elif not configured:
            module.refuse(
                site.call,
                "implicit-configuration: nothing configures logging, so this call's hidden basicConfig does",
                action,
            )
        elif site.scope.kind in {"module", "class"}:
            module.refuse(
                site.call, "import-time: it may run before logging is configured, and then configures it", action
            )
        elif local is None:
            module.refuse(site.call, "name-taken: `get_logger` means something else in this file", action)
        elif module.source.comments(*module.source.span(site.node)):
            module.refuse(site.call, "comment: a comment stands in what would be replaced", action)
        else:
            level = site.qualname.rpartition(".")[2]
            yield module.change(
                module.replace(site.node, f"{local}().{level}"),
                at=site.call,
                reason="the root logger's own method does the same once logging is configured",
                requires=[TARGET],
            )
