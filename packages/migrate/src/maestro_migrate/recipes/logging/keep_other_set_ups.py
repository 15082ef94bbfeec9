"""
Name the logging set-ups that stay as they are.

`fileConfig` and third-party loggers decide what handlers see; no rewrite of them is proven to keep that. Each is a finding, so that a person
can move it to `configure_logging`.

```py unchanged
from logging.config import fileConfig

fileConfig("logging.ini")
```

```py unchanged
from loguru import logger

logger.info("hello {}", "world")
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Module

REPORTS_ONLY = True
WORDS = ("fileConfig", "loguru", "structlog")
SITES = (
    "logging.config.fileConfig",
    "loguru.logger.add",
    "loguru.logger.configure",
    "loguru.logger.remove",
    "structlog.configure",
)
_ACTION = {
    "logging": "replace it by configure_logging once its handlers and formats are what the library writes",
    "loguru": "move its calls to get_logger: their {} formatting, levels and sinks are loguru's own",
    "structlog": "leave it: structlog's loggers end in the library's sink once configure_logging is called",
}


def edit(module: Module) -> Iterator[Change]:
    """Record a finding for every set-up; there is nothing to change."""
    for site in module.sites(*SITES, action="see the recipe's page"):
        root = site.qualname.split(".")[0]
        module.refuse(site.whole, f"own-set-up: {site.qualname} decides what handlers see", _ACTION[root])
    for node, _scope in module.tables.imports:
        if isinstance(node, ast.ImportFrom) and node.module == "loguru":
            module.refuse(
                node, "third-party-logger: loguru's logger formats, filters and writes by itself", _ACTION["loguru"]
            )
    yield from ()
