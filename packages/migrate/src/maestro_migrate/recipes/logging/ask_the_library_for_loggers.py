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

from maestro_migrate import Safety, rewrite

get_logger = rewrite(
    "logging.getLogger($*args)",
    to="maestro_core_logging.get_logger($*args)",
    safety=Safety.SAFE,
    reason="the shared library hands out the same logger object and takes fields as keywords",
    action="replace it by maestro_core_logging.get_logger once nothing else relies on the name",
)
SITES = ("logging.getLogger",)
