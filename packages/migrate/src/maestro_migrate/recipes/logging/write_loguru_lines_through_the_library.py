"""
Let loguru write the library's lines.

A sink on a standard stream is replaced by the library's where it is added: loguru's calls, levels, filters, queues and other sinks stay as they are, and so does when and
where a line is written. The layout is the library's, and every field that the old lines had is on the new ones. Lines are redacted and carry the context and the trace ids,
and tracebacks lose the values of local variables.

```py before
import sys

from loguru import logger

from shop.config import settings

logger.remove()
logger.add(sys.stdout, level=settings.LOG_LEVEL, format="{time} | {level} | {extra[request_id]} | {message}", colorize=True)
```

```py after
import sys

from loguru import logger

from maestro_core_logging import loguru_sink
from shop.config import settings

logger.remove()
logger.add(loguru_sink(sys.stdout), level=settings.LOG_LEVEL)
```

What a line says of the place of the call, of the process or of the thread is asked for:

```py before
import sys

from loguru import logger

LAYOUT = "{time:HH:mm:ss} {level: <8} {name}:{function}:{line} - {message}"


def set_up():
    logger.configure(extra={"request_id": "-"})
    logger.add(sink=sys.stderr, format=LAYOUT, diagnose=False, enqueue=True)
```

```py after
import sys

from loguru import logger
from maestro_core_logging import EventFormatter, loguru_sink


def set_up():
    logger.configure(extra={"request_id": "-"})
    logger.add(loguru_sink(sys.stderr, EventFormatter(record_fields=["funcName", "lineno"])), enqueue=True)
```

So it is where `configure` is given the sinks:

```py before
import sys

from loguru import logger

logger.configure(handlers=[{"sink": sys.stderr, "level": "INFO", "format": "{message}"}, {"sink": "service.log"}])
```

```py after
import sys

from loguru import logger
from maestro_core_logging import loguru_sink

logger.configure(handlers=[{"sink": loguru_sink(sys.stderr), "level": "INFO"}, {"sink": "service.log"}])
```

Files, functions and handlers as sinks stay, and so does a layout that is computed:

```py unchanged
import sys

from loguru import logger

logger.add("service.log", rotation="1 day")
logger.add(sys.stderr, serialize=as_json())
```

People read what a command-line tool prints, so its layout stays, too:

```py unchanged finding=people-read
import argparse
import sys

from loguru import logger

logger.add(sys.stderr, format="{message}")
```
"""

import ast
import string
from collections.abc import Iterator
from dataclasses import dataclass

from maestro_migrate import Change, Edit, Module, Site
from maestro_migrate._binder import lookup

from ._dead_code import dead_after, joined, own_lines
from ._dict_config import NotProven
from ._layout import laid_out
from ._lines import is_tool
from ._plain import has_effects, literal_of
from ._uses import captured_by_tests, looked_at_by_tests

WORDS = ("loguru",)
SITES = ()
NEEDS = ("maestro-core-logging",)
CALLED = "loguru.logger.add"
CONFIGURED = "loguru.logger.configure"
TARGET = "maestro_core_logging.loguru_sink"
FORMATTER = "maestro_core_logging.EventFormatter"
ACTION = "add maestro_core_logging.loguru_sink(stream) in its place once its lines may be the library's"
_STREAMS = frozenset({"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"})
_KEPT = frozenset({"level", "filter", "enqueue", "context", "catch"})
_LAYOUT = frozenset({"format", "colorize", "serialize", "backtrace", "diagnose"})
_ALWAYS_SAID = frozenset({"time", "level", "level.name", "name", "message", "extra", "exception"})
# What loguru calls attributes of standard records, as its templates and its JSON have them.
_RECORD_FIELDS = {
    "elapsed": ("relativeCreated",),
    "file": ("filename",),
    "file.name": ("filename",),
    "file.path": ("pathname",),
    "function": ("funcName",),
    "level.no": ("levelno",),
    "line": ("lineno",),
    "module": ("module",),
    "process": ("process",),
    "process.id": ("process",),
    "process.name": ("processName",),
    "thread": ("thread",),
    "thread.id": ("thread",),
    "thread.name": ("threadName",),
}
_DEFAULT = "{time}{level}{name}{function}{line}{message}"
_AS_JSON = "{elapsed}{file.name}{file.path}{function}{level.no}{line}{module}{process.id}{process.name}{thread.id}{thread.name}"


@dataclass(frozen=True, slots=True)
class _Added:
    """A sink as it is added, by a call or by a dictionary of `configure(handlers=[…])`: what it is told by name, `None` for what is spread."""

    site: Site
    at: ast.Call | ast.Dict
    options: dict[str | None, ast.expr]

    @property
    def sink(self) -> ast.expr | None:
        """The sink, unless it is given in a way that does not tell."""
        return self.options.get("sink")


def scan(module: Module) -> dict[str, bool]:
    """Say that a file may lose the layout that it names, so that whoever imports the file is read."""
    return {"retires": True} if any(_added(module)) else {}


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every sink on a standard stream whose lines the library's say as well."""
    for site in module.references(CALLED):
        if site.call is None:
            reason = "passed-on: the function itself is handed on, so its sink cannot be told"
            module.refuse(site.whole, reason, ACTION)
    sinks = list(_added(module))
    for number, added in enumerate(sinks):
        try:
            yield _change(module, added, last=number == len(sinks) - 1)
        except NotProven as reason:
            module.refuse(added.at, str(reason), ACTION)


def _added(module: Module) -> Iterator[_Added]:
    """Yield each sink that is not the library's already."""
    for site in module.references(CALLED, CONFIGURED):
        found = [] if site.call is None else _in_call(site, site.call)
        for added in found:
            if not (isinstance(added.sink, ast.Call) and module.resolve(added.sink.func) == TARGET):
                yield added


def _in_call(site: Site, call: ast.Call) -> list[_Added]:
    if site.qualname == CALLED:
        # A second positional argument has no name of loguru's, so nothing is known of it.
        options: dict[str | None, ast.expr] = dict(zip(("sink", None), call.args, strict=False))
        options.update((keyword.arg, keyword.value) for keyword in call.keywords)
        return [_Added(site, call, options)]
    lists = [keyword.value for keyword in call.keywords if keyword.arg == "handlers"]
    handlers = lists[0].elts if lists and isinstance(lists[0], ast.List) else []
    return [_Added(site, each, _entries(each)) for each in handlers if isinstance(each, ast.Dict)]


def _entries(node: ast.Dict) -> dict[str | None, ast.expr]:
    pairs = zip(node.keys, node.values, strict=True)
    return {key.value if isinstance(key, ast.Constant) else None: value for key, value in pairs}  # type: ignore[misc]  # what is no text is refused by its name


def _change(module: Module, added: _Added, *, last: bool) -> Change:
    local, sink, options = module.local_name(TARGET), added.sink, added.options
    if sink is None or module.resolve(sink) not in _STREAMS:
        raise NotProven("own-sink: what it is given is not a standard stream")
    fields = _record_fields(module, options)
    formatter = module.local_name(FORMATTER) if fields else ""
    if local is None or formatter is None:
        raise NotProven("name-taken: `loguru_sink` or `EventFormatter` means something else in this file")
    _check_use(module, added)
    source = module.source
    asked = ", ".join(f'"{name}"' for name in fields)
    made = f"{local}({source.slice(sink)}" + (f", {formatter}(record_fields=[{asked}]))" if fields else ")")
    layout = [options[name] for name in options if name in _LAYOUT]
    edits = [_edit(module, added, made)]
    gone = [source.span(value) for value in layout]
    dead = joined([*_dead_locals(module, layout), *(dead_after(module, gone, ()) if last else ())])
    edits += [Edit(*span, "") for span in dead]
    return module.change(
        *edits,
        at=added.at,
        reason="loguru goes on deciding what is written; the line is the library's",
        requires=[TARGET, FORMATTER] if fields else [TARGET],
        dead=dead,
        sites=0,
    )


def _edit(module: Module, added: _Added, made: str) -> Edit:
    source, end = module.source, module.source.span(added.at)[1]
    kept = [(str(name), source.slice(value)) for name, value in added.options.items() if name in _KEPT]
    if isinstance(added.at, ast.Call):
        words = [made, *(f"{name}={value}" for name, value in kept)]
        return Edit(source.span(added.at.func)[1], end, laid_out(module, added.at, "(", words, ")"))
    words = [f'"sink": {made}', *(f'"{name}": {value}' for name, value in kept)]
    return Edit(source.span(added.at)[0], end, laid_out(module, added.at, "{", words, "}"))


def _record_fields(module: Module, given: dict[str | None, ast.expr]) -> list[str]:
    """Return what has to be asked for so that the new lines say what the old ones did."""
    unknown = sorted(str(name) for name in given.keys() - _KEPT - _LAYOUT - {"sink", None})
    if None in given or unknown:
        what = ", ".join(unknown) or "arguments that cannot be told"
        raise NotProven(f"own-sink: it is given {what}, which the library's sink does not know")
    if any(has_effects(value) for name, value in given.items() if name in _LAYOUT):
        raise NotProven("computed-format: what computes its layout may do something else, too")
    serialize = given.get("serialize", ast.Constant(False))
    if not isinstance(serialize, ast.Constant):
        raise NotProven("computed-format: whether it writes JSON is decided when it runs")
    template = _AS_JSON if serialize.value else _template(module, given.get("format"))
    fields: list[str] = []
    for name in _placeholders(template):
        root = name.partition("[")[0]
        if root not in _ALWAYS_SAID and root not in _RECORD_FIELDS:
            raise NotProven(f"own-field: its layout shows {{{name}}}, which the library's lines do not")
        fields += _RECORD_FIELDS.get(root, ())
    return sorted(set(fields))


def _template(module: Module, node: ast.expr | None) -> str:
    if node is None:
        return _DEFAULT
    literal = _text_of(module, node)
    if not isinstance(literal, ast.Constant) or not isinstance(literal.value, str):
        raise NotProven("computed-format: its layout is computed, so it cannot be told which fields it has")
    return literal.value


def _text_of(module: Module, node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Name):
        owner = lookup(node.id, module.scope_of(node))
        bindings = owner.bindings[node.id] if owner is not None and owner.kind == "function" else []
        value = bindings[0].value if len(bindings) == 1 and bindings[0].kind == "assign" else None
        if isinstance(value, ast.expr):
            return value
    return literal_of(module, node)


def _placeholders(template: str) -> list[str]:
    try:
        return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError:
        raise NotProven("computed-format: its layout is not one that loguru takes") from None


def _dead_locals(module: Module, layout: list[ast.expr]) -> list[tuple[int, int]]:
    """Return the spans of what a function computed for the layout alone."""
    spans = []
    for node in (part for value in layout for part in ast.walk(value) if isinstance(part, ast.Name)):
        owner = lookup(node.id, module.scope_of(node))
        bindings = owner.bindings[node.id] if owner is not None and owner.kind == "function" else []
        if len(module.tables.uses[node.id]) > 1 or all(each.kind == "param" for each in bindings):
            continue
        statement = bindings[0].node
        body = getattr(module.parent(statement), "body", None) if len(bindings) == 1 else None
        is_plain = isinstance(statement, ast.Assign) and len(statement.targets) == 1 and body is getattr(owner.node, "body", ())  # type: ignore[union-attr]  # it has bindings
        lines = own_lines(module, statement) if is_plain and not has_effects(statement.value) else None  # type: ignore[arg-type,attr-defined]  # plain, so an assignment
        if lines is None:
            raise NotProven(f"shared-configuration: `{node.id}` would be left without a use")
        spans.append(lines)
    return spans


def _check_use(module: Module, added: _Added) -> None:
    if is_tool(module):
        raise NotProven("people-read: the file belongs to a command-line tool, whose lines people read")
    if module.source.comments(*module.source.span(added.at)):
        raise NotProven("comment: a comment stands in what would be replaced")
    obstacle = module.obstacle(added.site)
    if obstacle is not None:
        raise NotProven(obstacle)
    seen = looked_at_by_tests(module, added.site) or captured_by_tests(module)
    if seen:
        raise NotProven(f"looked-at-by-tests: {seen}")
