"""
Ask the shared library for loggers.

`logging.getLogger(name)` becomes `get_logger(name)`, which returns the very same logger object and also takes fields as keywords.

```py before
import logging

log = logging.getLogger(__name__)  # one per module
```

```py after
from maestro_core_logging import get_logger

log = get_logger(__name__)  # one per module
```

The root logger by its name in the module is the one that `get_logger()` returns, and the function does the same where it is handed on:

```py before
import logging

logging.root.setLevel("INFO")
build(factory=logging.getLogger)
```

```py after
from maestro_core_logging import get_logger

get_logger().setLevel("INFO")
build(factory=get_logger)
```

A `getLogger` of something else is left alone:

```py unchanged
log = registry.getLogger(__name__)
```

So is a name that may mean something else by the time it is used:

```py unchanged
import logging

if DEBUG:
    logging = fake

log = logging.getLogger(__name__)
```
"""

import ast
import logging
from collections.abc import Iterator

from maestro_migrate import Change, Module, Safety, rewrite

from ._uses import is_handed_on

TARGET = "maestro_core_logging.get_logger"
ACTION = "replace it by maestro_core_logging.get_logger once nothing else relies on the name"
_OF_ROOT = sorted({name for name in (*dir(logging.RootLogger), *vars(logging.root)) if not name.startswith("_")})
ROOT = ("logging.root", *(f"logging.root.{name}" for name in _OF_ROOT))
SITES = ("logging.getLogger", *ROOT)
WORDS = ("getLogger", "logging")

get_logger = rewrite(
    "logging.getLogger($*args)",
    to=f"{TARGET}($*args)",
    safety=Safety.SAFE,
    reason="the shared library hands out the same logger object and takes fields as keywords",
    action=ACTION,
)


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every use of the root logger by its name, and for every `getLogger` that is handed on to a call."""
    local = module.local_name(TARGET)
    for site in module.sites(*ROOT, action=ACTION):
        node: ast.expr = site.node
        while isinstance(node, ast.Attribute) and module.resolve(node) != "logging.root":
            node = node.value
        if local is None:
            module.refuse(site.whole, "name-taken: `get_logger` means something else in this file", ACTION)
        elif isinstance(node, ast.Name | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            module.refuse(site.whole, "replaced: another logger is put in the root logger's place", ACTION)
        elif not module.source.comments(*module.source.span(node)):
            yield module.change(
                module.replace(node, f"{local}()"),
                at=site.whole,
                reason="`logging.root` is the logger without a name",
                requires=[TARGET],
            )
    for site in module.sites("logging.getLogger", action=ACTION):
        if site.call is None and local is not None and is_handed_on(module, site):
            module.settled.add(id(site.root))
            yield module.change(
                module.replace(site.node, local),
                at=site.node,
                reason="the library's function does what this one does",
                requires=[TARGET],
            )
