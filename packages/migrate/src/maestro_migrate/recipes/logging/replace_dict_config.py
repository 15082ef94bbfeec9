"""
Say in one call what a `dictConfig` of one stream handler says.

`logging.config.dictConfig(…)` becomes `configure_logging(…)` where the dictionary is written out and says only what the call can say: levels, one handler on a
standard stream, a text or JSON formatter, filters. Levels, logger names, records, propagation and the stream stay; the layout of the lines is the library's, and
every field that the old lines had is on the new ones.

```py before
import logging.config

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stdout"}},
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {"urllib3": {"level": "WARNING"}},
}


def setup_logging():
    logging.config.dictConfig(LOGGING)
```

```py after
from maestro_core_logging import configure_logging


def setup_logging():
    configure_logging(level="INFO", levels={"urllib3": "WARNING"}, stream="stdout", force=True)
```

What the dictionary computed when the module was imported is computed there still. A formatter class that writes JSON goes when nothing else names it, and filters
stay filters of the handler:

```py before
import json
import logging
import logging.config

from shop import config


class RequestIdFilter(logging.Filter):
    def filter(self, record):
        record.request_id = config.current_request()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = {"level": record.levelname, "line": record.lineno, "service": config.NAME, "message": record.getMessage()}
        return json.dumps(line)


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": RequestIdFilter}},
    "formatters": {"json": {"()": JsonFormatter}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request_id"]}},
    "root": {"level": config.LEVEL, "handlers": ["console"]},
}


def setup_logging():
    logging.config.dictConfig(LOGGING)
```

```py after
import logging

from maestro_core_logging import configure_logging
from shop import config


class RequestIdFilter(logging.Filter):
    def filter(self, record):
        record.request_id = config.current_request()
        return True


LOGGING = {"level": config.LEVEL}


def setup_logging():
    configure_logging(
        **LOGGING,
        service_name=config.NAME,
        record_fields=["lineno"],
        filters=[RequestIdFilter()],
        force=True,
    )
```

A dictionary that silences existing loggers, or has more than one handler, stays:

```py unchanged
import logging.config

logging.config.dictConfig({"version": 1, "root": {"level": "INFO"}})
```
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from maestro_migrate import Change, Edit, Module, Site
from maestro_migrate._binder import lookup

from ._dead_code import dead_after, joined, own_lines
from ._dict_config import Argument, NotProven, SetUp, read_dict_config
from ._layout import laid_out
from ._lines import Lines, lines_of_class
from ._uses import left_to_structlog, looked_at_by_tests, names_in, sees_module_names, structlog_use

WORDS = (
    "dictConfig",
    "logging.Formatter",
    "(Formatter)",
    "FileHandler",
    "logging.handlers",
    "structlog",
    '"()"',
    "'()'",
)
SITES = ("logging.config.dictConfig",)
NEEDS = ("maestro-core-logging",)
ORDER = 40
ID = "logging/replace_dict_config"
TARGET = "maestro_core_logging.configure_logging"
ACTION = "call configure_logging by hand, or give the handlers the formatter maestro_core_logging.EventFormatter"
_DOTTED = re.compile(r"(?:ext://)?(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*")


def scan(module: Module) -> dict[str, Any]:
    """Return the formatter classes of a file, the dotted names in its strings, and whether it makes handlers that a dictConfig would close."""
    found: dict[str, Any] = {}
    for name, bindings in module.tables.module.bindings.items():
        node = bindings[0].node
        if len(bindings) != 1 or not isinstance(node, ast.ClassDef):
            continue
        if any(module.resolve(base) == "logging.Formatter" for base in node.bases):
            read = lines_of_class(module, node)
            found.setdefault("formatters", {})[name] = read if isinstance(read, str) else asdict(read)
    if any(b"Config" in module.source.text or quoted in module.source.text for quoted in (b'"()"', b"'()'")):
        strings = {node.value for node in module.nodes(ast.Constant) if isinstance(node.value, str)}
        found["strings"] = sorted(text for text in strings if _DOTTED.fullmatch(text))
    if any(site.call is not None for site in module.references(*SITES)):
        found["retires"] = True
    references = module.references("logging.FileHandler", "logging.handlers")
    others = {site.qualname for site in references if site.call is not None}
    return found | structlog_use(module) | ({"handlers": sorted(others)} if others else {})


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every `dictConfig` whose dictionary says what the library's call says."""
    for site in module.sites(*SITES, action=ACTION):
        try:
            yield _change(module, site)
        except NotProven as reason:
            module.refuse(site.whole, str(reason), ACTION)


def _change(module: Module, site: Site) -> Change:
    call, local = site.call, module.local_name(TARGET)
    if call is None:
        raise NotProven("passed-on: the function itself is handed on, so its dictionary cannot be told")
    if local is None:
        raise NotProven("name-taken: `configure_logging` means something else in this file")
    config, statement = _dictionary(module, site, call)
    if module.source.comments(*module.source.span(call)) or module.source.comments(*module.source.span(config)):
        raise NotProven("comment: a comment stands in what would be replaced")
    _check_project(module, site)
    set_up = read_dict_config(module, config, _formatters(module))
    stays_there = statement is not None and not _follows(module, statement, call)
    kept = [a for a in set_up.arguments if stays_there and not (a.fixed or a.late)]
    given = [argument for argument in set_up.arguments if argument not in kept]
    moved = given if statement in module.tree.body else [argument for argument in given if argument.late]
    if not sees_module_names(module, [argument.source for argument in moved], site.scope):
        raise NotProven("name-taken: a name that the call needs means something else where it is called")
    return _rewritten(module, site, set_up, kept, given, statement, local)


def _rewritten(
    module: Module,
    site: Site,
    set_up: SetUp,
    kept: Sequence[Argument],
    given: Sequence[Argument],
    statement: ast.stmt | None,
    local: str,
) -> Change:
    assert site.call is not None
    source = module.source
    name = statement.targets[0].id if isinstance(statement, ast.Assign) else ""  # type: ignore[attr-defined]  # a plain name, as `_dictionary` saw to
    words = [f"**{name}"] if kept else []
    words += [f"{argument.name}={argument.source}" for argument in given]
    edits = [Edit(*source.span(site.call), laid_out(module, site.call, f"{local}(", words, ")"))]
    gone, dead = [source.span(site.call)], []
    if statement is not None:
        assert isinstance(statement, ast.Assign)
        gone.append(source.span(statement.value))
        span = own_lines(module, statement)
        if kept or span is None:
            pairs = [f'"{argument.name}": {argument.source}' for argument in kept]
            edits.append(Edit(*source.span(statement.value), laid_out(module, statement, "{", pairs, "}")))
        else:
            dead.append(span)
    staying = names_in(argument.source for argument in set_up.arguments) | {name}
    dead = joined([*dead, *dead_after(module, [*gone, *dead], set_up.freed, keep=staying)])
    edits += [Edit(*span, "") for span in dead] + _without_submodule(module, site, dead)
    return module.change(
        *edits,
        at=site.call,
        reason="the library's call sets up the same loggers, stream and fields",
        requires=[TARGET],
        dead=dead,
    )


def _dictionary(module: Module, site: Site, call: ast.Call) -> tuple[ast.Dict, ast.Assign | None]:
    """Return the dictionary of a call and, where it has a name, the statement that binds it."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "config")]
    if len(arguments) != 1 or len(call.args) + len(call.keywords) != 1:
        raise NotProven("computed-configuration: its arguments are spread")
    node = arguments[0]
    if isinstance(node, ast.Dict):
        return node, None
    if not isinstance(node, ast.Name):
        raise NotProven("computed-configuration: its dictionary comes from elsewhere")
    owner = lookup(node.id, site.scope)
    bindings = owner.bindings[node.id] if owner is not None else []
    statement = bindings[0].node if len(bindings) == 1 else None
    if (
        not isinstance(statement, ast.Assign)
        or not isinstance(statement.value, ast.Dict)
        or owner is None
        or owner.kind == "class"
    ):
        raise NotProven("computed-configuration: its dictionary is not written out once")
    if len(module.tables.uses[node.id]) != 1 or (owner is module.tables.module and statement not in module.tree.body):
        raise NotProven(f"shared-configuration: `{node.id}` is used for something else, too")
    if owner is not module.tables.module and not _follows(module, statement, call):
        raise NotProven("computed-configuration: something happens between its dictionary and its call")
    needed = module.project.needs_name(module.path, node.id) if owner is module.tables.module else ""
    if needed or (
        owner is module.tables.module
        and re.search(rf"['\"][^'\"\n]*\b{re.escape(node.id)}\b[^'\"\n]*['\"]".encode(), module.source.text)
    ):
        raise NotProven(f"shared-configuration: {needed or f'a string names `{node.id}`'}")
    return statement.value, statement


def _follows(module: Module, statement: ast.stmt, call: ast.Call) -> bool:
    """Return whether the call is the very next statement, so that nothing can happen in between."""
    outer = module.parent(statement)
    after = module.statement(call)
    body: list[ast.stmt] = getattr(outer, "body", [])
    return isinstance(after, ast.Expr) and statement in body and body[body.index(statement) + 1 :][:1] == [after]


def _check_project(module: Module, site: Site) -> None:
    for path, found in module.project.told(ID).items():
        made = found.get("handlers")
        if made:
            raise NotProven(f"other-handlers: {path} makes {made[0]}, which dictConfig closes when it runs later")
    silent = left_to_structlog(module, ID)
    if silent:
        raise NotProven(
            f"structlog: the loggers in {silent} print by themselves, and would go through the library's handler"
        )
    seen = looked_at_by_tests(module, site)
    if seen:
        raise NotProven(f"looked-at-by-tests: {seen}")


def _formatters(module: Module) -> dict[str, Lines | str]:
    found: dict[str, Lines | str] = {}
    for path, told in module.project.told(ID).items():
        for name, plain in told.get("formatters", {}).items():
            read = (
                plain
                if isinstance(plain, str)
                else Lines(tuple(plain["record_fields"]), tuple((k, v) for k, v in plain["fields"]), plain["template"])
            )
            found[f"{module.project.import_name(path)}.{name}"] = read
    return found


def _without_submodule(module: Module, site: Site, dead: Sequence[tuple[int, int]]) -> list[Edit]:
    """Return the edit that takes away `import logging.config` beside an `import logging`, or shortens it, once nothing uses it."""
    statements = [
        node for node, _ in module.tables.imports if isinstance(node, ast.Import) and node in module.tree.body
    ]
    own = [
        node
        for node in statements
        if [(alias.name, alias.asname) for alias in node.names] == [("logging.config", None)]
    ]
    users = [each for each in module.references("logging.config") if each.root is not site.root]
    if len(own) != 1 or users or module.source.comments(*module.source.line_bounds(own[0].lineno)):
        return []
    if any(module.project.needs_name(module.path, name) for name in ("logging", "logging.config")):
        return []
    plain = any(alias.name == "logging" and not alias.asname for node in statements for alias in node.names)
    rest = [
        use
        for use in module.tables.uses.get("logging", ())
        if use.root is not site.root and not any(low <= module.source.span(use.root)[0] < high for low, high in dead)
    ]
    lines = own_lines(module, own[0])
    if lines is None:
        return []
    if plain:
        return [Edit(*module.source.line_bounds(own[0].lineno), "")]
    return [module.replace(own[0], "import logging")] if rest else []
