"""
Let a stream handler made by hand write the library's lines.

A formatter of the project's own that writes JSON is replaced by the library's where a `StreamHandler` gets it: the handler, its logger and its filters stay as they
are, and every field that the old lines had is on the new ones. The class goes when nothing else names it.

```py before
import json
import logging
import sys


class JsonFormatter(logging.Formatter):
    def format(self, record):
        return json.dumps({"level": record.levelname, "line": record.lineno, "zone": "eu", "message": record.getMessage()})


def set_up():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
```

```py after
import logging
import sys

from maestro_core_logging import EventFormatter


def set_up():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(EventFormatter(fields={"zone": "eu"}, record_fields=["lineno"]))
    logging.getLogger().addHandler(handler)
```

A formatter that does more than write the record stays, and so does one that writes text:

```py unchanged
import json
import logging


class Masking(logging.Formatter):
    def format(self, record):
        return json.dumps({"message": mask(record.getMessage())})


handler = logging.StreamHandler()
handler.setFormatter(Masking())
plain = logging.StreamHandler()
plain.setFormatter(logging.Formatter("%(message)s"))
```
"""

import ast
from collections.abc import Iterator

from maestro_migrate import Change, Edit, Module
from maestro_migrate._binder import Scope, Use, lookup

from ._dead_code import dead_after, joined
from ._dict_config import NotProven, class_named, keywords_of_lines, local_class
from ._layout import laid_out
from ._lines import JSON_LIBRARIES, Lines, lines_of_class, lines_of_template
from ._uses import names_in, sees_module_names, tests_using

WORDS = (".setFormatter",)
SITES = ()
ORDER = 41
NEEDS = ("maestro-core-logging",)
TARGET = "maestro_core_logging.EventFormatter"
ACTION = "give the handler maestro_core_logging.EventFormatter by hand, with the fields that its lines must have"


def scan(module: Module) -> dict[str, bool]:
    """Say that a file with a formatter class may lose it, so that whoever imports the file is read."""
    return {"retires": True} if any(_formatter_calls(module)) else {}


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every JSON formatter that a plain stream handler gets."""
    local = module.local_name(TARGET)
    calls = list(_formatter_calls(module))
    for number, (call, made, scope) in enumerate(calls):
        try:
            if local is None:
                raise NotProven("name-taken: `EventFormatter` means something else in this file")
            yield _change(module, call, made, scope, local, last=number == len(calls) - 1)
        except NotProven as reason:
            module.refuse(made, str(reason), ACTION)


def _formatter_calls(module: Module) -> Iterator[tuple[ast.Call, ast.Call, Scope]]:
    """Yield each `handler.setFormatter(Class(…))` of a handler that is proven to be a plain stream handler, for classes that may write JSON."""
    for uses in module.tables.uses.values():
        for use in uses:
            call = use.call
            if (
                call is None
                or not isinstance(use.outer, ast.Attribute)
                or use.outer.attr != "setFormatter"
                or len(call.args) != 1
            ):
                continue
            made = call.args[0]
            if isinstance(made, ast.Call) and _is_stream_handler(module, use) and _may_write_json(module, made):
                yield call, made, use.scope


def _is_stream_handler(module: Module, use: Use) -> bool:
    if use.outer.value is not use.root:  # type: ignore[attr-defined]  # an attribute, as the caller saw to
        return False
    owner = lookup(use.root.id, use.scope)
    bindings = owner.bindings[use.root.id] if owner is not None else []
    values = [binding.value for binding in bindings]
    return (
        len(values) == 1
        and isinstance(values[0], ast.Call)
        and module.resolve(values[0].func) == "logging.StreamHandler"
    )


def _may_write_json(module: Module, made: ast.Call) -> bool:
    qualname = class_named(module, made.func)
    return qualname in JSON_LIBRARIES or local_class(module, qualname) is not None


def _change(module: Module, call: ast.Call, made: ast.Call, scope: Scope, local: str, *, last: bool) -> Change:
    qualname = class_named(module, made.func)
    node = local_class(module, qualname)
    _check_tests(module, call, node)
    lines = _lines(module, made, node)
    if isinstance(lines, str):
        raise NotProven(lines)
    words = [f"{argument.name}={argument.source}" for argument in keywords_of_lines(lines, tool=False)]
    sources = [word.partition("=")[2] for word in words]
    if not sees_module_names(module, sources, scope):
        raise NotProven("name-taken: a name that the call needs means something else where it is called")
    if module.source.comments(*module.source.span(made)):
        raise NotProven("comment: a comment stands in what would be replaced")
    edits = [Edit(*module.source.span(made), laid_out(module, made, f"{local}(", words, ")"))]
    dead = joined(dead_after(module, [module.source.span(made)], (), keep=names_in(sources))) if last else []
    edits += [Edit(*span, "") for span in dead]
    return module.change(
        *edits,
        at=made,
        reason="the handler stays and writes the library's lines",
        requires=[TARGET],
        dead=dead,
        sites=0,
    )


def _lines(module: Module, made: ast.Call, node: ast.ClassDef | None) -> Lines | str:
    if node is not None:
        return (
            lines_of_class(module, node)
            if not made.args and not made.keywords
            else "own-formatter: it is built with arguments"
        )
    given = [*made.args, *(keyword.value for keyword in made.keywords if keyword.arg in {"fmt", "format"})]
    if len(given) != len(made.args) + len(made.keywords) or len(given) > 1:
        return "own-formatter: it is built with arguments that the library's does not take"
    lines = lines_of_template(module, given[0], {}) if given else Lines()
    if "?" in lines.record_fields:
        return "computed-configuration: its format is computed"
    return Lines(lines.record_fields)


def _check_tests(module: Module, call: ast.Call, node: ast.ClassDef | None) -> None:
    outer = [
        each.name
        for each in module.ancestors(call)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    for name in (*outer[-1:], *([node.name] if node is not None else ())):
        seen = tests_using(module, name)
        if seen:
            raise NotProven(f"looked-at-by-tests: {seen}")
