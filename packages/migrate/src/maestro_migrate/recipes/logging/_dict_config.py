"""A `dictConfig` dictionary, read as far as it says what one call of `configure_logging` says; otherwise the reason why not."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from maestro_migrate import Module

from ._lines import JSON_LIBRARIES, SERVICE_KEYS, Lines, lines_of_class, lines_of_template
from ._uses import keeps_text

__all__ = ["Argument", "NotProven", "SetUp", "class_named", "keywords_of_lines", "local_class", "read_dict_config"]

_TOP = frozenset(
    {"version", "disable_existing_loggers", "formatters", "filters", "handlers", "root", "loggers", "incremental"}
)
_TEXT = {"format": "template", "fmt": "template", "datefmt": "datefmt", "style": "style"}
_LEVELS = frozenset(
    f"logging.{name}" for name in ("NOTSET", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL")
)
_STREAMS = {"ext://sys.stdout": '"stdout"', "ext://sys.stderr": '"stderr"'}


class NotProven(Exception):
    """The dictionary says something that the library's call does not; the message is the finding's reason."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A keyword of the call; `fixed` where its source means the same wherever and whenever it is evaluated, `late` where the old code evaluated it in the call."""

    name: str
    source: str
    fixed: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class SetUp:
    """The keywords of `configure_logging`, and the classes of this module that the dictionary named by strings and no longer needs."""

    arguments: tuple[Argument, ...]
    freed: tuple[str, ...]


def read_dict_config(module: Module, config: ast.Dict, formatters: Mapping[str, Lines | str]) -> SetUp:
    """
    Return what a dictionary sets up; `formatters` are the formatter classes of other files by qualified name.

    Raises:
        NotProven: it says something that the call does not.
    """
    top = _items(config, "the configuration")
    _only(top, _TOP, "the configuration")
    if not _is(top.get("version"), 1):
        raise NotProven("computed-configuration: its version is not 1")
    if not _is(top.get("disable_existing_loggers"), False):
        raise NotProven(
            "disables-loggers: without `disable_existing_loggers: False` it silences the loggers made before it"
        )
    if "incremental" in top and not _is(top["incremental"], False):
        raise NotProven("incremental: it changes a set-up that was made elsewhere")
    handlers = _section(top, "handlers")
    if len(handlers) != 1:
        raise NotProven(f"own-handlers: it makes {len(handlers)} handlers, the library makes one")
    root, named = _loggers(top)
    [(handler_name, handler)] = handlers.items()
    _uses_only(root, handler_name)
    reader = _Reader(module, top, formatters)
    level = _value(module, root["level"]) if "level" in root else ("None", True)
    arguments = [Argument("level", *level)]
    arguments += _levels(module, named)
    arguments += reader.handler(_items(handler, "the handler"))
    arguments.append(Argument("force", "True", fixed=True))
    return SetUp(tuple(arguments), tuple(reader.freed))


def _loggers(top: Mapping[str, ast.expr]) -> tuple[dict[str, ast.expr], dict[str, dict[str, ast.expr]]]:
    loggers = {name: _items(value, f"logger {name!r}") for name, value in _section(top, "loggers").items()}
    if "" in loggers and "root" not in top:
        root = loggers.pop("")
        root.pop("propagate", None)
    else:
        root = _items(top["root"], "the root logger") if "root" in top else {}
    if not root:
        raise NotProven("own-handlers: its handler is not the root logger's")
    _only(root, {"level", "handlers"}, "the root logger")
    for name, logger in loggers.items():
        if name in {"", "root"}:
            raise NotProven("two-roots: it sets the root logger up twice")
        own = logger.pop("handlers", None)
        if own is not None and not (isinstance(own, ast.List | ast.Tuple) and not own.elts):
            raise NotProven(f"own-handlers: logger {name!r} has handlers of its own")
        _only(logger, {"level"}, f"logger {name!r}")
    return root, loggers


def _levels(module: Module, named: Mapping[str, Mapping[str, ast.expr]]) -> list[Argument]:
    if not named:
        return []
    values = [_value(module, logger["level"]) if "level" in logger else ("None", True) for logger in named.values()]
    pairs = ", ".join(f'"{name}": {value}' for name, (value, _) in zip(named, values, strict=True))
    return [Argument("levels", f"{{{pairs}}}", fixed=all(fixed for _, fixed in values))]


class _Reader:
    """Reads the handler with the formatters and filters that it names."""

    def __init__(self, module: Module, top: Mapping[str, ast.expr], formatters: Mapping[str, Lines | str]) -> None:
        self.module = module
        self.known = formatters
        self.formatters = _section(top, "formatters")
        self.filters = _section(top, "filters")
        self.freed: list[str] = []

    def handler(self, handler: Mapping[str, ast.expr]) -> list[Argument]:
        """Return the keywords that stand for the handler."""
        _only(handler, {"class", "level", "formatter", "filters", "stream"}, "the handler")
        if not _is(handler.get("class"), "logging.StreamHandler"):
            raise NotProven("own-handlers: its handler is not a plain logging.StreamHandler")
        arguments = self._lines(handler.get("formatter"))
        stream = handler.get("stream")
        if isinstance(stream, ast.Constant) and stream.value is not None:
            if stream.value not in _STREAMS:
                raise NotProven("computed-configuration: its stream is neither of the standard ones")
            arguments.append(Argument("stream", _STREAMS[str(stream.value)], fixed=True))
        elif stream is not None and not isinstance(stream, ast.Constant):
            arguments.append(Argument("stream", *_value(self.module, stream)))
        if "level" in handler:
            arguments.append(Argument("handler_level", *_value(self.module, handler["level"])))
        return arguments + self._filters(handler.get("filters"))

    def _lines(self, chosen: ast.expr | None) -> list[Argument]:
        read = {name: self._formatter(_items(node, f"formatter {name!r}")) for name, node in self.formatters.items()}
        if chosen is None:
            return []
        if isinstance(chosen, ast.IfExp):
            return self._either(chosen, read)
        return keywords_of_lines(self._named(chosen, read), tool=keeps_text(self.module))

    def _named(self, chosen: ast.expr, read: Mapping[str, Lines]) -> Lines:
        if not (isinstance(chosen, ast.Constant) and chosen.value in read):
            raise NotProven("computed-configuration: which formatter it takes is computed")
        return read[str(chosen.value)]

    def _either(self, chosen: ast.IfExp, read: Mapping[str, Lines]) -> list[Argument]:
        """Return the keywords for `"json" if cond else "plain"`: the text stays what it was where it is chosen."""
        then, otherwise = self._named(chosen.body, read), self._named(chosen.orelse, read)
        text, json = (then, otherwise) if then.template else (otherwise, then)
        if json.template or not text.template:
            raise NotProven("computed-configuration: it chooses between two formatters of one kind")
        test = self.module.source.slice(chosen.test)
        source = f"{text.template} if {test} else None" if text is then else f"None if {test} else {text.template}"
        if isinstance(chosen.test, ast.IfExp | ast.Lambda | ast.NamedExpr):
            raise NotProven("computed-configuration: which formatter it takes is computed")
        rest = [argument for argument in keywords_of_lines(json, tool=False) if argument.name != "template"]
        return [
            Argument("template", source),
            *(Argument(name, value, fixed=True) for name, value in text.options),
            *rest,
        ]

    def _formatter(self, spec: Mapping[str, ast.expr]) -> Lines:
        own = spec.get("()") or spec.get("class")
        if own is None or _is(own, "logging.Formatter"):
            _only(spec, {"class", "()", "format", "fmt", "datefmt", "style", "validate"}, "a formatter")
            template = spec.get("format") or spec.get("fmt")
            options = {name: spec[name] for name in ("datefmt", "style") if name in spec}
            if any(not isinstance(node, ast.Constant) for node in (*options.values(), template) if node is not None):
                raise NotProven("computed-configuration: its text format is computed")
            if template is None:
                return Lines((), (), '"%(message)s"')
            return lines_of_template(self.module, template, options)
        qualname = class_named(self.module, own)
        if qualname in JSON_LIBRARIES:
            return _of_json_library(self.module, spec)
        _only(spec, {"()", "class", "datefmt"}, "a formatter")
        name = local_class(self.module, qualname)
        lines = (
            lines_of_class(self.module, name)
            if name is not None
            else self.known.get(str(qualname), "own-formatter: its formatter is not a class of this project")
        )
        if isinstance(lines, str):
            raise NotProven(lines)
        if name is not None:
            self.freed.append(name.name)
        elif any(not value.startswith(("'", '"')) for _, value in lines.fields):
            raise NotProven("own-field: its formatter writes constants of another file")
        return lines

    def _filters(self, chosen: ast.expr | None) -> list[Argument]:
        if chosen is None:
            if self.filters:
                raise NotProven("own-filters: it makes filters that its handler does not use")
            return []
        if not isinstance(chosen, ast.List | ast.Tuple) or {_text(each) for each in chosen.elts} != set(self.filters):
            raise NotProven("computed-configuration: which filters it takes is computed")
        made = ", ".join(self._filter(_items(self.filters[_text(each)], "a filter")) for each in chosen.elts)
        return [Argument("filters", f"[{made}]", late=True)] if made else []

    def _filter(self, spec: Mapping[str, ast.expr]) -> str:
        _only(spec, {"()"}, "a filter")
        own = spec.get("()")
        if own is None:
            raise NotProven("own-filters: its filter is not a class of this project")
        if isinstance(own, ast.Name | ast.Attribute):
            return f"{self.module.source.slice(own)}()"
        node = local_class(self.module, class_named(self.module, own))
        if node is None:
            raise NotProven("own-filters: its filter is not a class of this file")
        return f"{node.name}()"


def _of_json_library(module: Module, spec: Mapping[str, ast.expr]) -> Lines:
    _only(
        spec,
        {"()", "class", "format", "fmt", "datefmt", "json_ensure_ascii", "timestamp", "rename_fields"},
        "a formatter",
    )
    template = spec.get("format") or spec.get("fmt")
    if template is None:
        return Lines()
    lines = lines_of_template(module, template, {})
    if "?" in lines.record_fields:
        raise NotProven("computed-configuration: its format is computed")
    return Lines(lines.record_fields)


def keywords_of_lines(lines: Lines, *, tool: bool) -> list[Argument]:
    """Return the keywords that make the library's lines carry what the formatter's did; a tool's text stays as it is."""
    if lines.template and (tool or "?" in lines.record_fields):
        return [
            Argument("template", lines.template, fixed=True),
            *(Argument(*pair, fixed=True) for pair in lines.options),
        ]
    found: list[Argument] = []
    service = [value for key, value in lines.fields if key in SERVICE_KEYS]
    others = [f'"{key}": {value}' for key, value in lines.fields if key not in SERVICE_KEYS]
    if len(service) == 1:
        found.append(Argument("service_name", service[0], late=True))
    elif service:
        raise NotProven("own-field: its formatter writes two names of the service")
    if others:
        found.append(Argument("fields", f"{{{', '.join(others)}}}", late=True))
    if lines.record_fields:
        names = ", ".join(f'"{name}"' for name in lines.record_fields)
        found.append(Argument("record_fields", f"[{names}]", fixed=True))
    return found


def class_named(module: Module, node: ast.expr) -> str | None:
    """Return the qualified name of the class that a dictionary names, by a string or by itself."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return module.project.canonical(node.value.removeprefix("ext://"))
    if isinstance(node, ast.Name):
        bindings = module.tables.module.bindings.get(node.id, [])
        if len(bindings) == 1 and bindings[0].kind == "class":
            return f"{module.name}.{node.id}"
    return module.resolve(node)


def local_class(module: Module, qualname: str | None) -> ast.ClassDef | None:
    """Return the definition of a class at the top of this module, by its qualified name."""
    home, _, name = (qualname or "").rpartition(".")
    bindings = module.tables.module.bindings.get(name, [])
    if home not in module.names or len(bindings) != 1 or not isinstance(bindings[0].node, ast.ClassDef):
        return None
    return bindings[0].node if bindings[0].node in module.tree.body else None


def _items(node: ast.expr, what: str) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict) or not all(
        isinstance(k, ast.Constant) and isinstance(k.value, str) for k in node.keys
    ):
        raise NotProven(f"computed-configuration: {what} is not written out")
    keys = [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]
    if len(set(keys)) != len(keys):
        raise NotProven(f"computed-configuration: {what} has a key twice")
    return dict(zip(keys, node.values, strict=True))


def _section(top: Mapping[str, ast.expr], name: str) -> dict[str, ast.expr]:
    return _items(top[name], name) if name in top else {}


def _only(found: Mapping[str, object], allowed: "frozenset[str] | set[str]", what: str) -> None:
    unknown = sorted(set(found) - allowed)
    if unknown:
        raise NotProven(f"other-setting: {what} sets {', '.join(unknown)}, which the library's call does not")


def _uses_only(root: Mapping[str, ast.expr], handler: str) -> None:
    used = root.get("handlers")
    if not isinstance(used, ast.List | ast.Tuple) or [_text(each) for each in used.elts] != [handler]:
        raise NotProven("own-handlers: its handler is not the root logger's")


def _text(node: ast.expr) -> str:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        raise NotProven("computed-configuration: a name in it is computed")
    return node.value


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value


def _value(module: Module, node: ast.expr) -> tuple[str, bool]:
    """Return the source of a level or a stream, and whether it means the same wherever and whenever it is evaluated."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and "://" in node.value:
            raise NotProven("computed-configuration: a value of it is looked up by a string")
        return module.source.slice(node), True
    if any(isinstance(part, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr) for part in ast.walk(node)):
        raise NotProven("computed-configuration: a value of it waits or binds a name")
    return module.source.slice(node), module.resolve(node) in _LEVELS
