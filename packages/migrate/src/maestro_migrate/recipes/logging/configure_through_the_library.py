"""
Configure logging through the shared library.

`logging.basicConfig(level=…)` becomes `configure_logging(level=…)`, which like the original does nothing when the root logger already has
handlers. A service then writes structured lines, so its text format goes; logger names, levels and records stay as they are.

```py before
import logging

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
```

```py after
import logging

from maestro_core_logging import configure_logging

configure_logging(level=logging.INFO)
```

People read what a command-line tool prints, so there the format stays what it was:

```py before
import argparse
import logging


def main():
    args = argparse.ArgumentParser().parse_args()
    logging.basicConfig(level="DEBUG" if args else "INFO", format="%(levelname)s %(message)s")
```

```py after
import argparse

from maestro_core_logging import configure_logging


def main():
    args = argparse.ArgumentParser().parse_args()
    configure_logging(level="DEBUG" if args else "INFO", template="%(levelname)s %(message)s")
```

So it does where structlog hands lines to `logging` that are whole already, since they would be a text within a line:

```py before
import logging

import structlog

structlog.configure(processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.stdlib.LoggerFactory())
logging.basicConfig(level="INFO", format="%(message)s")
```

```py after
import structlog
from maestro_core_logging import configure_logging

structlog.configure(processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.stdlib.LoggerFactory())
configure_logging(level="INFO", template="%(message)s")
```

What a service's format shows beyond time, level, name and message is asked for, so that no field is lost:

```py before
import logging

logging.basicConfig(level="INFO", format="%(asctime)s %(threadName)s %(message)s")
```

```py after
from maestro_core_logging import configure_logging

configure_logging(level="INFO", record_fields=["threadName"])
```

Handlers of one's own, files and spread arguments are left alone:

```py unchanged
import logging

logging.basicConfig(handlers=[InterceptHandler()], level=0, force=True)
```

```py unchanged
import logging

logging.basicConfig(filename="service.log", level=logging.INFO)
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Edit, Module, Safety

from ._dict_config import keywords_of_lines
from ._layout import laid_out
from ._lines import is_tool, lines_of_template
from ._plain import has_effects, literal_of
from ._uses import keeps_text, left_to_structlog, structlog_use

WORDS = ("basicConfig", "dictConfig", "fileConfig", "structlog")
SITES = ("logging.basicConfig",)
NEEDS = ("maestro-core-logging",)
TARGET = "maestro_core_logging.configure_logging"
ID = "logging/configure_through_the_library"
BASIC_FORMAT = '"%(levelname)s:%(name)s:%(message)s"'
_TEXT = {"format": "template", "datefmt": "datefmt", "style": "style"}
_SAME = frozenset({"level", "stream", "force"})


def scan(module: Module) -> dict[str, bool]:
    """Return whether this module has a set-up that may disable loggers, which `force` of the library's enables again, and what it does with structlog."""
    others = module.references("logging.config.dictConfig", "logging.config.fileConfig")
    return structlog_use(module) | ({"disables": True} if any(site.call is not None for site in others) else {})


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every `basicConfig` whose arguments the library takes."""
    action = "call configure_logging by hand and add the handlers that it does not make"
    for site in module.sites("logging.basicConfig", action=action):
        call = site.call
        if call is None:
            module.refuse(
                site.node, "passed-on: the function itself is handed on, so its arguments cannot be told", action
            )
            continue
        reason = _unsupported(module, call)
        local = module.local_name(TARGET)
        if reason is None and local is None:
            reason = "name-taken: `configure_logging` means something else in this file"
        if reason is None and module.source.comments(*module.source.span(site.node)):
            reason = "comment: a comment stands in what would be replaced"
        edits = None if reason else _edits(module, site.node, call, str(local))
        if reason is None and edits is None:
            reason = "comment: a comment stands between the arguments"
        if edits is None:
            module.refuse(call, str(reason), action)
            continue
        yield module.change(
            *edits,
            at=call,
            reason="the shared library configures the root logger under the same conditions",
            requires=[TARGET],
            safety=Safety.SAFE,
        )


def _unsupported(module: Module, call: ast.Call) -> str | None:
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        return "computed-arguments: the arguments are spread, so it cannot be told what they say"
    unknown = sorted(str(k.arg) for k in call.keywords if k.arg not in _SAME and k.arg not in _TEXT)
    if unknown:
        return f"own-handlers: it sets {', '.join(unknown)}, which the library does not take over"
    if any(keyword.arg in _TEXT and has_effects(keyword.value) for keyword in call.keywords):
        return "computed-format: what computes the format may do something else, too"
    silent = left_to_structlog(module, ID)
    if silent and not is_tool(module):
        return f"structlog: the loggers in {silent} print by themselves, and would go through the library's handler"
    forced = next((keyword.value for keyword in call.keywords if keyword.arg == "force"), None)
    if forced is not None and any(found.get("disables") for found in module.project.told(ID).values()):
        return "disabled-loggers: with force the library enables loggers that another set-up of this project disables"
    return None


def _edits(module: Module, function: ast.expr, call: ast.Call, local: str) -> list[Edit] | None:
    arguments = [module.source.slice(keyword) for keyword in call.keywords if keyword.arg in _SAME]
    arguments += _lines(module, {str(keyword.arg): keyword.value for keyword in call.keywords if keyword.arg in _TEXT})
    if not any(keyword.arg == "level" for keyword in call.keywords):
        arguments.insert(0, "level=None")  # without a level, the original leaves the root logger's as it is
    start, end = module.source.span(function)[1], module.source.span(call)[1]
    if [module.source.slice(keyword) for keyword in call.keywords] == arguments:
        return [module.replace(function, local)]
    if module.source.comments(start + 1, end - 1):
        return None
    return [Edit(module.source.span(function)[0], end, laid_out(module, call, f"{local}(", arguments, ")"))]


def _lines(module: Module, texts: dict[str, ast.expr]) -> list[str]:
    """Return the keywords for the text that the lines had: itself where it has to stay, in any other service what the library's lines lack of its fields."""
    if not keeps_text(module):
        if "format" not in texts:
            return []
        options = {name: literal_of(module, node) for name, node in texts.items()}
        lines = lines_of_template(module, options.pop("format"), options)
        if "?" not in lines.record_fields:
            return [f"{argument.name}={argument.source}" for argument in keywords_of_lines(lines, tool=False)]
    shown = {name: module.source.slice(node) for name, node in texts.items()}
    return [f"template={shown.pop('format', BASIC_FORMAT)}", *(f"{_TEXT[name]}={text}" for name, text in shown.items())]
