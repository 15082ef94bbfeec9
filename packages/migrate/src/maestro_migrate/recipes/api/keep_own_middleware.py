"""
Name the middleware that stays.

A middleware of one's own may do what the library does, and something else besides; it is kept, in its place and order, and is a finding.

```py unchanged
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware


class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)
```

```py unchanged
from middleware import BaseHTTPMiddleware


class Timing(BaseHTTPMiddleware):
    pass
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Module

REPORTS_ONLY = True
WORDS = ("BaseHTTPMiddleware",)
SITES = ("starlette.middleware.base.BaseHTTPMiddleware", "fastapi.middleware.base.BaseHTTPMiddleware")


def edit(module: Module) -> Iterator[Change]:
    """Record a finding for every class that derives from the base; there is nothing to change."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and any(module.resolve(base) in SITES for base in node.bases):
            module.refuse(
                node,
                f"own-middleware: {node.name} may do more than the library's one pass, which now runs outside it",
                "remove it once the library's request ids, access events, headers and metrics replace it",
            )
    yield from ()
