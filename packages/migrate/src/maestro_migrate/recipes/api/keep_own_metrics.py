"""
Name the service's own `/metrics`, which answers instead of the library's.

The library answers `/metrics` only where the service has no route of its own, since whoever scrapes it relies on what it says. The library's series
(`http_requests_total` and its kin) are then collected and shown to nobody, until the route goes: the library's shows the service's series and its own.

```py unchanged finding=own-metrics
from fastapi import APIRouter, Response
from prometheus_client import generate_latest

router = APIRouter()


@router.get("/metrics")
def metrics():
    return Response(generate_latest())
```

```py unchanged finding=own-metrics
from flask import Flask
from prometheus_client import make_wsgi_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware


def show(app: Flask):
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": make_wsgi_app()})
```

A page of that name on another server is none of the app's:

```py unchanged
from prometheus_client import start_http_server

start_http_server(9100)
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Module

REPORTS_ONLY = True
WORDS = ("/metrics", "expose(")
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_DECORATORS = frozenset({"api_route", "get", "route"})
_CALLS = frozenset({"Mount", "Route", "add_api_route", "add_route", "add_url_rule", "mount"})
_FRAMEWORKS = frozenset({"fastapi", "flask", "maestro_core_api", "prometheus_fastapi_instrumentator", "starlette"})
_ACTION = "delete it where it shows nothing but Prometheus' default registry: the library then answers /metrics with these series and its own"


def edit(module: Module) -> Iterator[Change]:
    """Name every route and mount of `/metrics`; change nothing."""
    if not any(home.split(".")[0] in _FRAMEWORKS for home in module.names_by_root):
        return iter(())
    functions: list[_Function] = [*module.nodes(ast.FunctionDef), *module.nodes(ast.AsyncFunctionDef)]
    decorators = {id(each) for node in functions for each in node.decorator_list}
    for node in module.nodes(ast.Call):
        if _answers(node, is_decorator=id(node) in decorators):
            reason = "own-metrics: it answers /metrics instead of the library, whose series `http_*` nobody sees then"
            module.refuse(node, reason, _ACTION)
    return iter(())


def _answers(call: ast.Call, *, is_decorator: bool) -> bool:
    called = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
    if called == "expose":
        return isinstance(call.func, ast.Attribute) and "Instrumentator" in ast.dump(call.func.value)
    if called == "DispatcherMiddleware":
        return any(_is_path(key) for each in call.args if isinstance(each, ast.Dict) for key in each.keys)
    if called not in (_DECORATORS if is_decorator else _CALLS):
        return False
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg in {"path", "rule"})]
    return any(_is_path(each) for each in given)


def _is_path(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.rstrip("/") == "/metrics"
