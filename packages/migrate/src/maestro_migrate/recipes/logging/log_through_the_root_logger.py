"""
Log through the library's root logger instead of the module's functions.

`logging.info(…)` is the root logger's `info`, except that it first calls `basicConfig` when the root logger has no handlers. `root_logger.info(…)` does
both as well, whenever it is called, and also takes fields as keywords:

```py before
import logging


def main():
    logging.basicConfig(level="INFO")
    logging.info("started with %s", 3)
```

```py after
import logging

from maestro_core_logging import root_logger


def main():
    logging.basicConfig(level="INFO")
    root_logger.info("started with %s", 3)
```

`warn` and `fatal` are other names of `warning` and `critical`, which are written instead:

```py before
import logging

logging.warn("careful")
```

```py after
from maestro_core_logging import root_logger

root_logger.warning("careful")
```

A function that is handed on does the same wherever it is called; as an attribute of a class it would become a method, so there it stays:

```py before
import atexit
import logging

atexit.register(logging.info, "done")
```

```py after
import atexit

from maestro_core_logging import root_logger

atexit.register(root_logger.info, "done")
```

```py unchanged
import logging


class Job:
    say = logging.info
```
"""

from collections.abc import Iterator

from maestro_migrate import Change, Module

from ._uses import is_handed_on

WORDS = ("logging",)
LEVELS = ("debug", "info", "warning", "error", "critical", "exception", "log")
_CURRENT = {"warn": "warning", "fatal": "critical"}
"""The root logger's methods for functions that are other names of them."""
SITES = tuple(f"logging.{level}" for level in (*LEVELS, *_CURRENT))
NEEDS = ("maestro-core-logging",)
TARGET = "maestro_core_logging.root_logger"
ACTION = "use maestro_core_logging.root_logger, whose methods do what the functions do"


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every use of a root function that is called or handed on to a call."""
    for site in module.sites(*SITES, action=ACTION):
        local = module.local_name(TARGET)
        if site.call is None and not is_handed_on(module, site):
            module.refuse(
                site.node,
                "passed-on: the function itself is kept, and a method may not be what is wanted there",
                ACTION,
            )
        elif local is None:
            module.refuse(site.whole, "name-taken: `root_logger` means something else in this file", ACTION)
        elif module.source.comments(*module.source.span(site.node)):
            module.refuse(site.whole, "comment: a comment stands in what would be replaced", ACTION)
        else:
            level = site.qualname.rpartition(".")[2]
            yield module.change(
                module.replace(site.node, f"{local}.{_CURRENT.get(level, level)}"),
                at=site.whole,
                reason="its method does what the function does, the hidden basicConfig included",
                requires=[TARGET],
            )
