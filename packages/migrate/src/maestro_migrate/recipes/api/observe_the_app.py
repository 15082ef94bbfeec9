"""
Observe a Flask or Starlette app without touching its routes.

`instrument(app)` returns the app it was given, now with request ids, access events, metrics and probes around it. The library's security headers would change what
clients get, so they are off until you take `security_headers=False` away.

```py before
from flask import Flask

app = Flask(__name__, static_folder=None)
```

```py after
from flask import Flask
from maestro_core_api import instrument

app = instrument(Flask(__name__, static_folder=None), security_headers=False)
```

An app that is wrapped already stays, and so does a class that derives from one:

```py unchanged
from flask import Flask
from maestro_core_api import instrument

app = instrument(Flask(__name__))


class Shop(Flask):
    pass
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Edit, Module

WORDS = ("Flask", "Starlette")
SITES = ("flask.Flask", "flask.app.Flask", "starlette.applications.Starlette")
NEEDS = ("maestro-core-api",)
TARGET = "maestro_core_api.instrument"


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every app that is built and not yet observed."""
    action = "call maestro_core_api.instrument on the app where it is built"
    for site in module.sites(*SITES, action=action):
        if site.call is None:
            owner = module.parent(site.node)
            if isinstance(owner, ast.ClassDef) and site.node in owner.bases:
                module.refuse(site.node, f"derived-app: {owner.name} is built elsewhere", action)
            continue
        parent = module.parent(site.call)
        if isinstance(parent, ast.Call) and module.resolve(parent.func) == TARGET:
            continue
        local = module.local_name(TARGET)
        if not isinstance(parent, ast.Assign | ast.AnnAssign | ast.Return):
            module.refuse(site.call, "unnamed-app: it is built inside another expression", action)
        elif local is None:
            module.refuse(site.call, "name-taken: `instrument` means something else in this file", action)
        else:
            start, end = module.source.span(site.call)
            yield module.change(
                Edit(start, start, f"{local}("),
                Edit(end, end, ", security_headers=False)"),
                at=site.call,
                reason="request ids, access events, metrics and probes around the same app",
                requires=[TARGET],
            )
