"""What lines a formatter writes, read from its template or from its class, so that a set-up of the library's can be proven to lose no field."""

import ast
import logging
import re
from dataclasses import dataclass

from maestro_migrate import Module

__all__ = ["JSON_LIBRARIES", "SERVICE_KEYS", "Lines", "is_tool", "lines_of_class", "lines_of_template"]

# Attributes of records that the library writes on request (`record_fields=`), and those that it always says in its own way.
RECORD_FIELDS = frozenset({
    "filename", "funcName", "lineno", "module", "pathname", "process", "processName", "relativeCreated", "taskName",
    "thread", "threadName",
})  # fmt: skip
ALWAYS_SAID = frozenset({
    "name", "levelname", "levelno", "created", "msecs", "message", "asctime", "exc_info", "exc_text", "stack_info", "getMessage", "__dict__",
})  # fmt: skip
SERVICE_KEYS = frozenset({"service", "service_name", "app", "app_name", "application"})
JSON_LIBRARIES = frozenset({
    "pythonjsonlogger.jsonlogger.JsonFormatter", "pythonjsonlogger.json.JsonFormatter", "json_log_formatter.JSONFormatter",
})  # fmt: skip
_TOOLS = frozenset({"argparse", "click", "typer", "fire", "docopt", "optparse", "cleo", "cmd"})
_DUMPS = frozenset({"json.dumps", "orjson.dumps", "ujson.dumps", "simplejson.dumps"})
_MODULES = frozenset({"json", "orjson", "ujson", "simplejson", "datetime", "time", "traceback", "logging"})
_BUILTINS = frozenset({
    "str", "int", "float", "bool", "repr", "dict", "list", "set", "tuple", "sorted", "round", "getattr", "hasattr", "isinstance", "vars",
    "len", "super", "type", "max", "min", "frozenset",
})  # fmt: skip
_OWN = frozenset({"formatTime", "formatException", "formatStack", "datefmt", "usesTime"})
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_WRITTEN_BY_FORMATTERS = frozenset({"message", "asctime", "exc_text"})
_PLACEHOLDERS = {
    "%": re.compile(r"%\((\w+)\)"),
    "{": re.compile(r"(?<!\{)\{(\w+)"),
    "$": re.compile(r"\$\{?(\w+)"),
}


@dataclass(frozen=True, slots=True)
class Lines:
    """
    What a formatter writes: JSON, or text by a template.

    `record_fields` and `fields` (a key and the source of its value) are what the library's line must carry besides what it always does.
    `template` is the source of the template, empty for JSON; `options` the source of `datefmt` and `style`.
    """

    record_fields: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    template: str = ""
    options: tuple[tuple[str, str], ...] = ()


def is_tool(module: Module) -> bool:
    """Return whether the file belongs to a command-line tool, whose lines people read."""
    return not _TOOLS.isdisjoint(
        str(binding.target).split(".")[0]
        for scope in module.tables.scopes
        for bindings in scope.bindings.values()
        for binding in bindings
        if binding.kind == "import"
    )


def lines_of_template(module: Module, template: ast.expr, options: dict[str, ast.expr]) -> Lines:
    """Return what a text template writes; one that is not a literal tells nothing of its fields, so it has to be kept."""
    style = options.get("style")
    shown = tuple((name, module.source.slice(node)) for name, node in sorted(options.items()))
    source = module.source.slice(template)
    if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
        return Lines(("?",), (), source, shown)
    pattern = _PLACEHOLDERS.get(str(style.value) if isinstance(style, ast.Constant) else "%" if style is None else "?")
    names = ["?"] if pattern is None else pattern.findall(template.value)
    return Lines(_asked_for(names), (), source, shown)


def _asked_for(names: "list[str] | set[str]") -> tuple[str, ...]:
    """Return, of attributes that are shown, those that the library's lines carry only on request."""
    return tuple(dict.fromkeys(name for name in names if name in RECORD_FIELDS or name == "?"))


def lines_of_class(module: Module, node: ast.ClassDef) -> Lines | str:
    """Return what a formatter class of the project's own writes, or why that cannot be told."""
    method = _format_method(module, node)
    return method if isinstance(method, str) else _Reading(module, method).lines()


def _format_method(module: Module, node: ast.ClassDef) -> ast.FunctionDef | str:
    plain = len(node.bases) == 1 and not node.keywords and not node.decorator_list
    if not plain or module.resolve(node.bases[0]) != "logging.Formatter":
        return f"own-formatter: {node.name} is not a plain subclass of logging.Formatter"
    found: ast.FunctionDef | None = None
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "format":
            found = statement
        elif not (isinstance(statement, ast.FunctionDef) and statement.name == "formatTime") and not (
            isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign) and not _calls(statement)
        ):
            return f"own-formatter: {node.name} does more than format records"
    if found is None or found.decorator_list or len(found.args.args) != 2 or found.args.vararg or found.args.kwarg:
        return f"own-formatter: {node.name} has no plain format(self, record)"
    return found


def _names_stored(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _asks_for_message(node: ast.expr) -> bool:
    is_mapping = isinstance(node, ast.Dict) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "dict")
    asks = (isinstance(part, ast.Attribute) and part.attr in {"getMessage", "message"} for part in ast.walk(node))
    return not is_mapping and any(asks)


def _texts_in(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _calls(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


class _Reading:
    """One look at a `format` method: every name in it must be the record's, time, JSON or a constant."""

    def __init__(self, module: Module, method: ast.FunctionDef) -> None:
        self.module = module
        self.method = method
        self.own, self.record = (argument.arg for argument in method.args.args)
        self.nodes = list(ast.walk(method))
        self.locals = {node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        self.locals |= {node.name for node in self.nodes if isinstance(node, ast.ExceptHandler) and node.name}
        self.tests = {id(part) for test in self._tests() for part in ast.walk(test)}
        self.fields: dict[str, str] = {}
        self.constants: set[int] = set()

    def lines(self) -> Lines | str:
        """Return what the method writes, or why that cannot be told."""
        returned = [node.value for node in self.nodes if isinstance(node, ast.Return)]
        if not returned or not all(value is not None and self._is_json(value) for value in returned):
            return "own-formatter: it does not write plain JSON"
        kinds = (ast.Yield, ast.YieldFrom, ast.Await, ast.Lambda, ast.FunctionDef, ast.Global, ast.NamedExpr, ast.With)
        if any(isinstance(node, kinds) for node in self.nodes[1:]):
            return "own-formatter: its method is not a plain one"
        changed = self._changed()
        if changed:
            return changed
        for key, value in self._pairs():
            if self._is_constant(value):
                self.fields[key] = self.module.source.slice(value)
                self.constants |= {id(part) for part in ast.walk(value)}
        asked: list[str] = []
        for node in self.nodes[1:]:
            problem = self._problem(node, asked)
            if problem:
                return problem
        return Lines(_asked_for(asked), tuple(self.fields.items()))

    def _tests(self) -> list[ast.AST]:
        """Return what only selects attributes: `key not in STANDARD`."""
        return [
            part
            for node in self.nodes
            if isinstance(node, ast.Compare) and all(isinstance(op, ast.In | ast.NotIn) for op in node.ops)
            for part in node.comparators
        ]

    def _changed(self) -> str:
        """Return what the method makes of a record that the library's lines would show as it was, or the same for every record."""
        constants: dict[str, set[str]] = {}
        for key, value in self._pairs():
            if isinstance(value, ast.Constant) or self._is_constant(value):
                constants.setdefault(key, set()).add(ast.unparse(value))
                if self._is_conditional(value):
                    return f"own-field: its formatter writes the constant {key!r} only on some lines"
        twice = next((key for key, values in constants.items() if len(values) > 1), None)
        if twice is not None:
            return f"own-field: its formatter writes {twice!r} in two ways"
        for node in self.nodes:
            match node:
                case ast.IfExp(body=ast.Constant(), orelse=ast.Constant()):
                    return "own-field: its formatter writes what it decides for each record"
                case ast.Assign([ast.Subscript(slice=place)], ast.Constant()) if not isinstance(place, ast.Constant):
                    return "changes-fields: its formatter writes something else in place of a field"
                case ast.Subscript(value=shown, slice=ast.Slice()) | ast.Attribute(value=shown) if self._is_message(
                    shown
                ):
                    return "changes-messages: its formatter cuts or changes the message"
        return self._left_out()

    def _is_conditional(self, value: ast.expr) -> bool:
        outer = []
        for node in self.module.ancestors(value):
            if node is self.method:
                break
            outer.append(node)
        kinds = (ast.If, ast.For, ast.While, ast.Try, ast.IfExp, ast.BoolOp)
        early = [node for node in self.nodes if isinstance(node, ast.Return) and node.lineno < value.lineno]
        is_returned_here = any(node in outer for node in early)
        return any(isinstance(node, kinds) for node in outer) or (bool(early) and not is_returned_here)

    def _is_message(self, node: ast.expr) -> bool:
        """Return whether an expression is the record's message: asked for, kept in a local, or taken from what is written."""
        match node:
            case ast.Call(ast.Attribute(ast.Name(name), "getMessage")) | ast.Attribute(ast.Name(name), "message"):
                return name == self.record
            case ast.Subscript(ast.Name(name), ast.Constant(str())):
                return name in self.locals and any(key == node.slice.value and self._is_message(v) for key, v in self._pairs())  # type: ignore[attr-defined]  # a constant, as the pattern says
            case ast.Name(name) if name in self.locals:
                values = (
                    each.value
                    for each in self.nodes
                    if isinstance(each, ast.Assign | ast.AnnAssign) and name in _names_stored(each)
                )
                return any(value is not None and value is not node and _asks_for_message(value) for value in values)
        return False

    def _left_out(self) -> str:
        """Return which field of a record the method names to leave out or to change, or an empty string."""
        written = {key for key, _ in self._pairs()}
        for node in self.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self.record:
                written.add(node.attr)
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"getattr", "hasattr"}
            ):
                written |= {str(part.value) for part in node.args[1:2] if isinstance(part, ast.Constant)}
        for test in [*self._tests(), *self._compared_keys()]:
            left = {text for text in self._texts(test) if not text.startswith("_")} - _STANDARD - written
            if left:
                return f"changes-fields: its formatter leaves out or changes {min(left)!r}"
        return ""

    def _compared_keys(self) -> list[ast.AST]:
        """Return what a local (a key, or a mapping of extras) is compared with: `key == "card"`, `"card" in key`, `key.startswith("card")`."""
        found: list[ast.AST] = []
        for node in self.nodes:
            match node:
                case ast.Compare(ops=[ast.Eq() | ast.In()]) | ast.Call() if isinstance(
                    self.module.parent(node), ast.comprehension
                ):
                    continue  # what is chosen is on the library's lines, too
                case ast.Compare(ast.Name(name), [ast.Eq() | ast.NotEq()], [other]) if name in self.locals:
                    found.append(other)
                case ast.Compare(other, [ast.In() | ast.NotIn()], [ast.Name(name)]) if name in self.locals:
                    found.append(other)
                case ast.Call(ast.Attribute(ast.Name(name), "startswith" | "endswith"), [other]) if name in self.locals:
                    found.append(other)
        return found

    def _texts(self, node: ast.AST) -> set[str]:
        """Return the texts in an expression, and in what the names in it are bound to in this file."""
        found = _texts_in(node)
        for part in ast.walk(node):
            name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else ""
            for scope in self.module.tables.scopes:
                for binding in scope.bindings.get(name, ()):
                    if binding.value is not None and scope.kind in {"module", "class"}:
                        found |= _texts_in(binding.value)
        return found

    def _is_json(self, value: ast.expr) -> bool:
        while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "decode":
            value = value.func.value
        return isinstance(value, ast.Call) and self.module.resolve(value.func) in _DUMPS

    def _pairs(self) -> list[tuple[str, ast.expr]]:
        found: list[tuple[str, ast.expr]] = []
        for node in self.nodes:
            if isinstance(node, ast.Dict):
                found += [
                    (str(k.value), v)
                    for k, v in zip(node.keys, node.values, strict=True)
                    if isinstance(k, ast.Constant)
                ]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"dict", "update"}:
                found += [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg]
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                key = node.targets[0].slice
                found += [(str(key.value), node.value)] if isinstance(key, ast.Constant) else []
        return found

    def _is_constant(self, value: ast.expr) -> bool:
        """Return whether a value is the same for every record: a literal, or a constant by its name that no test replaces."""
        if isinstance(value, ast.Constant):
            return True
        last = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
        root: ast.expr = value
        while isinstance(root, ast.Attribute):
            root = root.value
        if not (last.isupper() and isinstance(root, ast.Name) and root.id not in {self.own, self.record, *self.locals}):
            return False
        return last not in self.module.project.replaced_attributes

    def _problem(self, node: ast.AST, asked: list[str]) -> str:
        """Return why a part of the method cannot be told to write what the library's lines say as well; collect what has to be asked for."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == self.record:
                return self._of_record(node.attr, asked, stored=not isinstance(node.ctx, ast.Load))
            if node.value.id == self.own and node.attr not in _OWN:
                return f"own-field: its formatter writes self.{node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"getattr", "hasattr"}:
            return self._by_name(node, asked)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in self.constants:
            return self._of_name(node)
        return ""

    def _of_record(self, attribute: str, asked: list[str], *, stored: bool) -> str:
        if stored and attribute not in _WRITTEN_BY_FORMATTERS:
            return f"changes-records: its formatter sets record.{attribute}, which other handlers see"
        if attribute in {"msg", "args"}:
            return f"own-field: its formatter writes record.{attribute} by itself"
        asked.append(attribute)
        return ""

    def _by_name(self, call: ast.Call, asked: list[str]) -> str:
        second = call.args[1] if len(call.args) > 1 else None
        if not isinstance(second, ast.Constant):
            return "own-field: its formatter reads attributes by computed names"
        return self._of_record(str(second.value), asked, stored=False)

    def _of_name(self, node: ast.Name) -> str:
        if node.id in {self.own, self.record, *self.locals} or id(node) in self.tests:
            return ""
        target, bindings = self.module.binding_target(node.id, self.module.scope_of(node))
        if not bindings and node.id in _BUILTINS:
            return ""
        if target is not None and target.split(".")[0] in _MODULES:
            return ""
        return f"own-field: its formatter uses `{node.id}`, which is not of the record"
