"""
Name the logging set-ups that stay as they are.

`fileConfig`, handlers that are made, adopted or taken away by hand, and the loggers of loguru, structlog and Flask decide what is written where; no rewrite of them is
proven to keep that. Each is a finding with what to do by hand.

```py unchanged finding=own-set-up
from logging.config import fileConfig

fileConfig("logging.ini")
```

loguru's calls are not those of standard loggers: `{}` formatting, its own levels, sinks and `opt`, `bind` and `contextualize`. They stay, and end in the library's lines
once a sink of the library's is added.

```py unchanged finding=third-party-logger
from loguru import logger

logger.info("hello {}", "world")
```

structlog's loggers are lazy proxies that tests look into by structlog's own means, so they stay; their events end in the library's handlers once `configure_logging`
is called and structlog is not configured otherwise, or in the library's lines where `structlog_renderer` ends its processors:

```py unchanged finding=third-party-logger
import structlog

log = structlog.get_logger(__name__)
```

Flask's `app.logger` is the standard logger of the app's name: its calls end in the root logger's handlers. Flask adds a handler of its own when there is none yet, so
where nothing configures logging first, the app is named:

```py unchanged finding=flask-handler
from flask import Flask

app = Flask(__name__)
app.logger.info("ready")
```

So are handlers, formatters and filters of one's own, the module `logging` in a logger's place, and what a server is told to configure:

```py unchanged finding=own-class
import logging


class RequestIds(logging.Filter):
    def filter(self, record):
        record.request_id = "-"
        return True
```

```py unchanged finding=module-as-logger
import logging


class Users:
    def __init__(self, logger=logging):
        self.logger = logger
```

```py unchanged finding=server-set-up
import uvicorn

uvicorn.run("shop.main:app", log_config="logging.yaml")
```

Handlers that come from a server, and lists of handlers that are replaced or cleared, are named too:

```py unchanged finding=takes-handlers
import logging

from flask import current_app

current_app.logger.handlers = logging.getLogger("gunicorn.error").handlers
```
"""

import ast
from collections.abc import Iterator
from typing import Any

from maestro_migrate import Change, Module

REPORTS_ONLY = True
WORDS = ("logging", "loguru", "structlog", "flask", "logger.handlers", "log_config")
SITES = (
    "logging.config.fileConfig",
    "loguru.logger.configure",
    "loguru.logger.remove",
    "structlog.configure",
)
ID = "logging/keep_other_set_ups"
_CONFIGURES = (
    "logging.basicConfig",
    "logging.config.dictConfig",
    "logging.config.fileConfig",
    "maestro_core_logging.configure_logging",
)
_MAKES = ("logging.FileHandler", "logging.StreamHandler", "logging.handlers")
_SERVERS = ("uvicorn.Config", "uvicorn.config.Config", "uvicorn.main.run", "uvicorn.run")
_BASES = frozenset({"Filter", "Formatter", "Handler"})
_OWN = tuple(f"logging.{base}" for base in sorted(_BASES))
_LOOKS = frozenset(
    {"delattr", "dir", "getattr", "hasattr", "id", "object", "print", "reload", "repr", "setattr", "type", "vars"}
)
"""What is called with a module to look into it or to change it, not to log with it (`patch.object`, too)."""
_ACTION = {
    "logging": "replace it by configure_logging once its handlers and formats are what the library writes",
    "loguru": "leave its calls, and add maestro_core_logging.loguru_sink(stream) in the place of the sinks that write to standard streams",
    "structlog": "leave it: its lines are the library's once configure_logging is called and nothing configures structlog, or its processors end with structlog_renderer()",
}
_HANDLERS = "leave it where a server or a test relies on it; else let configure_logging make the root logger's handler and let records propagate"
_CLASS = "keep what it adds to records as a filter of configure_logging; delete it where the library's handler and fields do what it does"
_MODULE = "hand on maestro_core_logging.root_logger, whose methods do what the module's functions do, where nothing compares it with the module"
_SERVER = "call configure_logging() in the app and give the server log_config=None, once its lines may look like the service's"
_FLASK = "call configure_logging() before the app's logger is first used, or Flask writes its lines with a handler of its own"


def scan(module: Module) -> dict[str, Any]:
    """Return whether this module configures logging when it is used by others, not only when it is run, what loggers it has that are not standard ones, and whether there may be something to name in it."""
    calls = [site.call for site in module.references(*_CONFIGURES) if site.call is not None]
    found = {"configures": any(not _is_main_only(module, call) for call in calls)}
    named = {"structlog", "loguru", "flask"} & module.names_by_root.keys()
    found["reports"] = (
        bool(named)
        or b".handlers" in module.source.text
        or b"log_config" in module.source.text
        or any(
            site.qualname in {"logging", *_OWN} or site.qualname.startswith(_MAKES)
            for site in module.references("logging")
        )
    )
    loggers = [name for name, nodes in _third_party(module).items() if nodes]
    return {name: True for name, holds in found.items() if holds} | ({"loggers": loggers} if loggers else {})


def edit(module: Module) -> Iterator[Change]:
    """Record a finding for every set-up; there is nothing to change."""
    for root, action in _ACTION.items():
        for site in module.sites(*(name for name in SITES if name.startswith(f"{root}.")), action=action):
            module.refuse(site.whole, f"own-set-up: {site.qualname} decides what handlers see", action)
    _name_loggers(module)
    _name_handlers(module)
    _name_flask(module)
    _name_classes(module)
    _name_servers(module)
    yield from ()


def _is_main_only(module: Module, node: ast.AST) -> bool:
    return any(isinstance(outer, ast.If) and "__name__" in ast.unparse(outer.test) for outer in module.ancestors(node))


def _third_party(module: Module) -> dict[str, list[ast.stmt | ast.expr]]:
    """Return where a file imports loguru's logger and where it asks structlog for one."""
    imports = [
        node
        for node, _scope in module.tables.imports
        if "loguru" in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    asked = module.references("structlog.get_logger", "structlog.getLogger", "structlog.stdlib.get_logger")
    return {"loguru": [*imports], "structlog": [site.call for site in asked if site.call is not None]}


def _name_loggers(module: Module) -> None:
    """Name the loggers of loguru and of structlog once a project, in the first file that has them."""
    for name, nodes in _third_party(module).items():
        files = sorted(path for path, told in module.project.told(ID).items() if name in told.get("loggers", ()))
        if nodes and files[:1] in ([], [module.path]):
            where = f"in {len(files)} files" if len(files) > 1 else "here"
            module.refuse(nodes[0], f"third-party-logger: the loggers {where} are {name}'s own and stay", _ACTION[name])


def _name_handlers(module: Module) -> None:
    for site in module.references(*_MAKES):
        if site.call is not None:
            module.refuse(site.call, f"own-handler: a {site.qualname.rpartition('.')[2]} is made by hand", _HANDLERS)
    if b".handlers" not in module.source.text:
        return
    for node in module.nodes(ast.Attribute):
        if node.attr != "handlers" or not _is_logger(module, node.value):
            continue
        parent = module.parent(node)
        called = isinstance(parent, ast.Attribute) and parent.attr in {
            "clear",
            "remove",
            "pop",
            "append",
            "extend",
            "insert",
        }
        stored = isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load)
        if called or stored or not isinstance(node.ctx, ast.Load):
            module.refuse(node, "takes-handlers: a logger's list of handlers is changed by hand", _HANDLERS)
        elif not isinstance(parent, ast.Assign):
            module.refuse(node, "reads-handlers: what it finds depends on which logger has the handlers", _HANDLERS)


def _name_classes(module: Module) -> None:
    """Name the classes that derive from logging's own (but filters that the library may be given), and the module itself where it is used as a logger."""
    configured = any(True for _ in module.references("maestro_core_logging.configure_logging"))
    for site in module.references("logging"):
        last = site.qualname.rpartition(".")[2]
        is_base = last.endswith(tuple(_BASES))
        if not is_base and site.qualname != "logging":
            continue
        parent = module.parent(site.node)
        if is_base and isinstance(parent, ast.ClassDef) and site.node in parent.bases:
            if last == "Filter" and configured:
                continue
            module.refuse(parent, f"own-class: {parent.name} is a {last} of its own, whose code is not read", _CLASS)
        elif site.qualname == "logging" and _is_handed_on(parent, site.node):
            reason = "module-as-logger: the module is used like a logger, and its functions write to the root logger"
            module.refuse(site.node, reason, _MODULE)


def _is_handed_on(parent: ast.AST | None, node: ast.expr) -> bool:
    if isinstance(parent, ast.Call):
        return (getattr(parent.func, "id", "") or getattr(parent.func, "attr", "")) not in _LOOKS
    return isinstance(parent, ast.arguments | ast.keyword) or (
        isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is node
    )


def _name_servers(module: Module) -> None:
    for site in module.references(*_SERVERS):
        for keyword in site.call.keywords if site.call is not None else ():
            if keyword.arg == "log_config" and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is None
            ):
                module.refuse(keyword.value, f"server-set-up: {site.qualname} configures logging by itself", _SERVER)


def _is_logger(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute) and node.attr == "logger":
        return True
    return module.provenance(node) in {"logging.getLogger()", "maestro_core_logging.get_logger()"} or (
        module.resolve(node) == "logging.root"
    )


def _name_flask(module: Module) -> None:
    if any(found.get("configures") for found in module.project.told(ID).values()):
        return
    for site in module.references("flask.Flask"):
        if site.call is not None:
            module.refuse(site.call, "flask-handler: nothing configures logging before the app does", _FLASK)
