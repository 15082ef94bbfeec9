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

A `warn` of something else is left alone:

```py unchanged
import warnings

warnings.warn("careful")
console.warn("careful")
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Edit, Module

WORDS = (".warn(",)
SITES = ()
ORDER = 60
_LOGGERS = frozenset({"logging.getLogger()", "maestro_core_logging.get_logger()"})


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every `warn` of a proven logger that no test replaces."""
    for uses in list(module.tables.uses.values()):
        for use in uses:
            if use.call is None or not isinstance(use.outer, ast.Attribute) or use.outer.attr != "warn":
                continue
            if module.provenance(use.outer.value, use.scope) not in _LOGGERS:
                continue
            if any(
                patch.endswith(".warn")
                for facts in module.project.facts.values()
                for patch in (*facts.patches, *facts.loose)
            ):
                module.refuse(
                    use.call,
                    "patched-by-tests: a test replaces a logger's warn",
                    "rename it in the test and here together",
                )
                continue
            end = module.source.span(use.outer)[1]
            yield module.change(Edit(end, end, "ing"), at=use.call, reason="`warn` is a deprecated name of `warning`")
