"""
Call `warning`, which `warn` is a deprecated name of.

`log.warn(…)` becomes `log.warning(…)` where `log` is proven to be a logger: Python has no `warn` any more from 3.13 on for some loggers, and warns before.

```py before
import logging

log = logging.getLogger(__name__)


def shrink(size):
    log.warn("shrinking to %s", size)
```

```py after
import logging

log = logging.getLogger(__name__)


def shrink(size):
    log.warning("shrinking to %s", size)
```

A `warn` of something else is left alone, and so is every one where the project has a `warn` of its own for loggers:

```py unchanged
import warnings

warnings.warn("careful")
console.warn("careful")
```
"""

import ast
import re
from collections.abc import Iterator

from maestro_migrate import Change, Edit, Module
from maestro_migrate._binder import Use

WORDS = ((".warn(", r"(?<!warnings)\.warn\("), ".warn =", ".warn=", "setLoggerClass")
SITES = ()
ORDER = 60
ID = "logging/warn_by_its_current_name"
_REPLACED = re.compile(rb"\.[\s\\]*warn\b(?!\s*\()")  # not called: the tree need not be walked for calls
_LOGGERS = frozenset({"logging.getLogger()", "maestro_core_logging.get_logger()"})


def scan(module: Module) -> bool:
    """Return whether this module gives loggers a `warn` of its own: a logger class, or another method in its place."""
    if any(True for _ in module.references("logging.setLoggerClass")):
        return True
    if _REPLACED.search(module.source.text) is None:
        return False
    return any(node.attr == "warn" and not isinstance(node.ctx, ast.Load) for node in module.nodes(ast.Attribute))


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every `warn` of a proven logger that no test replaces."""
    own = next(iter(module.project.told(ID)), "")
    for uses in list(module.tables.uses.values()):
        for use in uses:
            if use.call is None or not isinstance(use.outer, ast.Attribute) or use.outer.attr != "warn":
                continue
            if module.provenance(use.outer.value, use.scope) not in _LOGGERS:
                continue
            if own:
                module.refuse(
                    use.call, f"own-warn: {own} gives loggers a `warn` of its own", "rename it there and here together"
                )
                continue
            if _is_replaced(module, use):
                module.refuse(
                    use.call,
                    "patched-by-tests: a test replaces the logger or its warn",
                    "rename it in the test and here together",
                )
                continue
            end = module.source.span(use.outer)[1]
            yield module.change(Edit(end, end, "ing"), at=use.call, reason="`warn` is a deprecated name of `warning`")


def _is_replaced(module: Module, use: Use) -> bool:
    """Return whether a fake may stand in the logger's place, which then is asked for its `warn`."""
    assert isinstance(use.outer, ast.Attribute)
    logger, project = use.outer.value, module.project
    if "warn" in project.replaced_attributes:
        return True
    if isinstance(logger, ast.Attribute):
        return logger.attr in project.replaced_attributes
    name = use.root.id
    return bool(project.patched(module.names, name, name, name)) or project.is_set_from_outside(name)
