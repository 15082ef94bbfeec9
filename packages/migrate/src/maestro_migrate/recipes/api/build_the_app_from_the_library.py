"""
Build the FastAPI app from the shared library.

`FastAPI(…)` becomes `MaestroAPI(…)`: the same class with the production middleware in place. Routes, bodies, status codes and the OpenAPI
document stay; request ids, `/livez`, `/readyz` and `/metrics` come beside them. The library's security headers would change what clients get, so they
are off until you take `security_headers=False` away.

```py before
from fastapi import FastAPI

app = FastAPI(title="orders")  # the service
```

```py after
from maestro_core_api import MaestroAPI

app = MaestroAPI(title="orders", security_headers=False)  # the service
```

Where a test compares all headers of a response with what it expects, the id stays out of them, too, and a finding says so.

An app that is mounted in another one shares that one's middleware, and stays:

```py unchanged
from fastapi import FastAPI
from starlette.applications import Router

inner = FastAPI()
outer = Router()
outer.mount("/inner", inner)
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Module
from maestro_migrate._binder import lookup
from maestro_migrate._site import only_names_type

from ._optional import is_optional
from ._switches import switched_off

WORDS = ("FastAPI", "Mount", ".mount(")
SITES = ("fastapi.FastAPI", "fastapi.applications.FastAPI")
NEEDS = ("maestro-core-api[fastapi]",)
TARGET = "maestro_core_api.MaestroAPI"
_OWN = frozenset(
    {
        "settings",
        "service_name",
        "request_id_header",
        "access_log",
        "metrics",
        "security_headers",
        "probes",
        "tracing",
        "problem_details",
    }
)


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every app that is built and served by itself."""
    action = "build it with maestro_core_api.MaestroAPI by hand"
    for site in module.sites(*SITES, action=action):
        if site.call is None:
            _name_other_use(module, site.node, action)
            continue
        local = module.local_name(TARGET)
        clash = sorted(_OWN & {str(keyword.arg) for keyword in site.call.keywords})
        if clash:
            module.refuse(site.call, f"own-argument: {', '.join(clash)} means something else to the library", action)
        elif _is_mounted(module, site.call):
            module.refuse(
                site.call, "mounted-app: it runs inside another app, which has the middleware", "leave it as it is"
            )
        elif is_optional(module, site.node):
            reason = "optional-import: this code also loads where FastAPI is not installed, and the library needs it"
            module.refuse(site.call, reason, f"{action}, imported inside the same try")
        elif local is None:
            module.refuse(site.call, "name-taken: `MaestroAPI` means something else in this file", action)
        elif module.source.comments(*module.source.span(site.node)):
            module.refuse(site.call, "comment: a comment stands in what would be replaced", action)
        else:
            yield module.change(
                module.replace(site.node, local),
                module.append_arguments(site.call, *switched_off(module, site.call)),
                at=site.call,
                reason="the same FastAPI with request ids, metrics, access events and probes",
                requires=[TARGET],
            )


def _name_other_use(module: Module, node: ast.expr, action: str) -> None:
    """Name what may build an app later; types and instance checks stay true, since a MaestroAPI is a FastAPI."""
    parent = module.parent(node)
    if isinstance(parent, ast.ClassDef) and node in parent.bases:
        reason = f"derived-app: {parent.name} decides by itself what it passes on"
        module.refuse(
            node, reason, "derive it from maestro_core_api.MaestroAPI, with security_headers=False where it is built"
        )
    elif not only_names_type(module, node):
        module.refuse(node, "passed-on: the class itself is handed on, so what it builds cannot be told", action)


def _is_mounted(module: Module, call: ast.Call) -> bool:
    parent = module.parent(call)
    names = (
        {target.id for target in parent.targets if isinstance(target, ast.Name)}
        if isinstance(parent, ast.Assign)
        else set()
    )
    if isinstance(parent, ast.AnnAssign) and isinstance(parent.target, ast.Name):
        names.add(parent.target.id)
    names |= {outer.name for outer in module.ancestors(call) if isinstance(outer, ast.FunctionDef)}
    own = {f"{name}.{local}" for name in module.names for local in names}
    told = module.project.told("api/build_the_app_from_the_library")
    if any(own & set(names) for names in told.values()):
        return True
    return any(each is call or (isinstance(each, ast.Name) and each.id in names) for each in _mounted(module))


def scan(module: Module) -> list[str]:
    """Return the qualified names of the apps that this module mounts in another one, and of the functions that build them."""
    resolved = (module.resolve(each) for each in _mounted(module) if isinstance(each, ast.Name | ast.Attribute))
    return sorted({name for name in resolved if name})


def _mounted(module: Module) -> Iterator[ast.expr]:
    """Yield each argument that says what is mounted, and the function that is called for it."""
    if b"mount(" not in module.source.text.lower():
        return
    for node in module.nodes(ast.Call):
        if _called(node).lower() != "mount":
            continue
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            yield argument
            made: ast.AST | None = argument
            if isinstance(argument, ast.Name):
                owner = lookup(argument.id, module.scope_of(argument))
                made = owner.bindings[argument.id][-1].value if owner is not None else None
            if isinstance(made, ast.Call):
                yield made.func


def _called(call: ast.Call) -> str:
    """Return the last part of the name of what is called."""
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")
