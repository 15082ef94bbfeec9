"""
Let structlog's own set-up render the library's lines.

A service that configures structlog keeps its loggers, its processors and where they write. The JSON renderer at their end is replaced by the library's, which writes the same
fields, redacted, and besides those of `log_context` and the ids of the current span where there are any.

```py before
import structlog

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.JSONRenderer(),
    ],
)
```

```py after
import structlog
from maestro_core_logging import structlog_renderer

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog_renderer(),
    ],
)
```

So it is where the renderer is chosen, and in structlog's formatter of standard records:

```py before
import structlog
from structlog.processors import JSONRenderer


def formatter(pretty):
    renderer = structlog.dev.ConsoleRenderer() if pretty else JSONRenderer(sort_keys=True)
    return structlog.stdlib.ProcessorFormatter(processor=renderer)
```

```py after
import structlog
from maestro_core_logging import structlog_renderer


def formatter(pretty):
    renderer = structlog.dev.ConsoleRenderer() if pretty else structlog_renderer()
    return structlog.stdlib.ProcessorFormatter(processor=renderer)
```

A serializer of one's own, indented JSON and a renderer that is used for something else stay:

```py unchanged
import orjson
import structlog

structlog.configure(
    processors=[structlog.processors.JSONRenderer(serializer=orjson.dumps)],
    logger_factory=structlog.BytesLoggerFactory(),
)
line = structlog.processors.JSONRenderer()(None, "info", {"event": "x"})
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Module, Site

from ._dict_config import NotProven
from ._uses import looked_at_by_tests, read_by_tests

WORDS = ("JSONRenderer",)
SITES = ()
NEEDS = ("maestro-core-logging",)
ID = "logging/render_structlog_lines_through_the_library"
RENDERER = "structlog.processors.JSONRenderer"
TARGET = "maestro_core_logging.structlog_renderer"
ACTION = (
    "end the processors with maestro_core_logging.structlog_renderer() once nothing relies on the renderer's own layout"
)
_LAYOUT = frozenset({"sort_keys", "ensure_ascii"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ADDERS = frozenset({"append", "insert", "extend"})


def scan(module: Module) -> dict[str, str]:
    """Return how a file asks about the renderer's class instead of making one."""
    asked = [
        site.line for site in module.references(RENDERER) if site.call is None and not _is_annotation(module, site.node)
    ]
    return {"asks": f"{module.path}:{asked[0]}"} if asked else {}


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every JSON renderer that stands among processors."""
    for site in module.sites(RENDERER, action=ACTION):
        try:
            yield _change(module, site)
        except NotProven as reason:
            module.refuse(site.whole, str(reason), ACTION)


def _is_annotation(module: Module, node: ast.AST) -> bool:
    """Return whether a reference stands in an annotation, which asks nothing when the code runs."""
    for outer in module.ancestors(node):
        if getattr(outer, "annotation", None) is node:
            return True
        node = outer
    return False


def _change(module: Module, site: Site) -> Change:
    local = module.local_name(TARGET)
    if site.call is None:
        raise NotProven("passed-on: the class itself is handed on, so how it is made cannot be told")
    if local is None:
        raise NotProven("name-taken: `structlog_renderer` means something else in this file")
    _check_arguments(module, site.call)
    if not _is_processor(module, site.call):
        raise NotProven("own-use: it does not stand among structlog's processors")
    asked = next((told["asks"] for told in module.project.told(ID).values() if "asks" in told), "")
    if asked:
        raise NotProven(f"asked-about: {asked} asks about the renderer's class")
    if module.source.comments(*module.source.span(site.call)):
        raise NotProven("comment: a comment stands in what would be replaced")
    seen = looked_at_by_tests(module, site) or read_by_tests(module)
    if seen:
        raise NotProven(f"looked-at-by-tests: {seen}")
    return module.change(
        module.replace(site.call, f"{local}()"),
        at=site.call,
        reason="the same fields on the library's line, redacted and with the ids of the span",
        requires=[TARGET],
        sites=0,
    )


def _check_arguments(module: Module, call: ast.Call) -> None:
    for keyword in call.keywords:
        is_plain = keyword.arg in _LAYOUT and isinstance(keyword.value, ast.Constant)
        if not is_plain and not (keyword.arg == "serializer" and module.resolve(keyword.value) == "json.dumps"):
            raise NotProven(
                f"own-layout: it is given {keyword.arg or 'arguments that are spread'}, which the library's does not take"
            )
    if call.args:
        raise NotProven("own-layout: it is given a serializer of its own")


def _is_processor(module: Module, node: ast.expr) -> bool:
    """Return whether a renderer becomes one of a list of processors or a formatter's `processor`, or is chosen, kept or returned to become one."""
    parent = module.parent(node)
    while isinstance(parent, ast.IfExp):
        node, parent = parent, module.parent(parent)
    match parent:
        case ast.List() | ast.Tuple() | ast.keyword(arg="processor"):
            return True
        case ast.Dict(_, values):
            return node in values
        case ast.Return():
            function = next(each for each in module.ancestors(parent) if isinstance(each, _FUNCTIONS))
            returns = getattr(function, "returns", None)
            return returns is None or "JSONRenderer" not in ast.unparse(returns)
        case ast.Call(ast.Attribute(attr=attribute)):
            return attribute in _ADDERS and node in parent.args
        case ast.Assign([ast.Name()]):
            return True
        case ast.AnnAssign(ast.Name(), annotation):
            return "JSONRenderer" not in ast.unparse(annotation)
    return False
