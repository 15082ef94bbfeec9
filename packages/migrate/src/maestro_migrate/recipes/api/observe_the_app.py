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

A call of several lines is wrapped as black would have it:

```py before
from starlette.applications import Starlette

app = Starlette(
    debug=True,
)
```

```py after
from maestro_core_api import instrument
from starlette.applications import Starlette

app = instrument(
    Starlette(
        debug=True,
    ),
    security_headers=False,
)
```

An app that is wrapped already stays, and so does a class that derives from one:

```py unchanged
from flask import Flask
from maestro_core_api import instrument

app = instrument(Flask(__name__))


class Shop(Flask):
    pass
```

Hooks of one's own run inside the library's pass; they stay, each with a finding:

```py unchanged finding=own-hook
from flask import g, request


def before_request():
    g.request_id = request.headers.get("X-Request-Id")


def init_app(app):
    app.before_request(before_request)
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Edit, Module
from maestro_migrate._site import only_names_type

from ._advice import advice
from ._optional import is_optional
from ._switches import switched_off

_WHEN = {
    "before_request": "before each request",
    "after_request": "with each response",
    "teardown_request": "after each request",
}
WORDS = ("Flask", "Starlette", *sorted(_WHEN))
SITES = ("flask.Flask", "flask.app.Flask", "starlette.applications.Starlette")
NEEDS = ("maestro-core-api",)
TARGET = "maestro_core_api.instrument"


def scan(module: Module) -> list[str]:
    """Return whether the module may register hooks, on an app that another one builds."""
    return ["hooks"] if any(hook.encode() in module.source.text for hook in _WHEN) else []


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every app that is built and not yet observed."""
    action = "call maestro_core_api.instrument on the app where it is built"
    for site in module.sites(*SITES, action=action):
        if site.call is None:
            owner = module.parent(site.node)
            if isinstance(owner, ast.ClassDef) and site.node in owner.bases:
                module.refuse(site.node, f"derived-app: {owner.name} is built elsewhere", action)
            elif not only_names_type(module, site.node):
                reason = "passed-on: the class itself is handed on, so what it builds cannot be told"
                module.refuse(site.node, reason, action)
            continue
        parent = module.parent(site.call)
        if isinstance(parent, ast.Call) and module.resolve(parent.func) == TARGET:
            continue
        local = module.local_name(TARGET)
        if not isinstance(parent, ast.Assign | ast.AnnAssign | ast.Return):
            module.refuse(site.call, "unnamed-app: it is built inside another expression", action)
        elif is_optional(module, site.node):
            reason = "optional-import: this code also loads where the framework is not installed, and the library's import is no part of that"
            module.refuse(site.call, reason, f"{action}, imported inside the same try")
        elif local is None:
            module.refuse(site.call, "name-taken: `instrument` means something else in this file", action)
        else:
            yield module.change(
                *_wrapped(module, site.call, local),
                at=site.call,
                reason="request ids, access events, metrics and probes around the same app",
                requires=[TARGET],
            )
    if scan(module) and any(home.split(".")[0] == "flask" for home in module.names_by_root):
        _name_hooks(module)


def _wrapped(module: Module, call: ast.Call, local: str) -> list[Edit]:
    """Return the edits that put a call around the one that builds the app, indented by one more where that one is laid out over lines."""
    source = module.source
    switches = switched_off(module, call)
    start, end = source.span(call)
    lines = [source.line_bounds(line) for line in range(call.lineno, (call.end_lineno or call.lineno) + 1)]
    (first, _), (last, _) = lines[0], lines[-1]
    statement = source.text[first:start].decode()
    indent = statement[: len(statement) - len(statement.lstrip())]
    is_laid_out = (
        len(lines) > 1
        and source.text[start : lines[0][1]].rstrip().endswith(b"(")
        and source.text[last:end].strip() == b")"
        and not any(isinstance(node, ast.Constant | ast.JoinedStr) and _has_lines(node) for node in ast.walk(call))
    )
    if not is_laid_out:
        return [Edit(start, start, f"{local}("), Edit(end, end, f", {', '.join(switches)})")]
    step = "\t" if "\t" in indent else "    "
    newline = source.newline
    within = [Edit(low, low, step) for low, high in lines[1:] if source.text[low:high].strip()]
    opening = Edit(start, start, f"{local}({newline}{indent}{step}")
    closing = "".join(f",{newline}{indent}{step}{switch}" for switch in switches)
    return [opening, *within, Edit(end, end, f"{closing},{newline}{indent})")]


def _has_lines(node: ast.expr) -> bool:
    return node.lineno != node.end_lineno


def _name_hooks(module: Module) -> None:
    """Name each function that is made a hook by a decorator or by a call."""
    functions = {node.name: node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(module.tree):
        decorators = getattr(node, "decorator_list", [])
        hook = next((each for each in decorators if isinstance(each, ast.Attribute) and each.attr in _WHEN), None)
        name, kind = getattr(node, "name", ""), hook.attr if hook is not None else ""
        match node:
            case ast.Call(ast.Attribute(_, called), [ast.Name(given)], []) if called in _WHEN:
                name, kind = given, called
        if kind:
            reason = (
                f"own-hook: {name} stays: what it does {_WHEN[kind]} is not read; it runs inside the library's pass"
            )
            body = functions.get(name)
            module.refuse(node, reason, advice(module.source.slice(body) if body is not None else ""))
