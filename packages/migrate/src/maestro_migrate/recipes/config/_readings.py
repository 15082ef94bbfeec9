"""What one expression does with an environment variable: which one, what default, and how the text is turned into a value."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..._semantics import Module, Site
from ._constants import Constant, constant, quoted

__all__ = ["CORES", "Reading", "readings"]

CORES = ("os.getenv", "os.environ.get", "os.environ")

_ACTION = "declare it in the settings class by hand, with the same default and the same conversion"
_COMPUTED = "declare it in the settings class with the default `None`, and choose where it is read: `settings.x if settings.x is not None else …`"
_WRITES = "environment-write: the variable is set or deleted, which other readers see"
_WHOLE = "whole-environment: the environment is used as a mapping, not for one variable"
_NAMED_ELSEWHERE = "computed-name: the name of the variable is not a literal"
_BYTES = "bytes: the value is read as bytes, and a setting is text"
_ACTIONS = {
    _WRITES: "leave it: each access to the settings class reads the environment anew, so it sees what is set here",
    _WHOLE: "leave it where it is about all variables; where it stands for a few, read those by name and run again",
}
_WRITERS = frozenset({"clear", "pop", "popitem", "putenv", "setdefault", "unsetenv", "update"})
_CASTS = {"int": "int", "float": "float", "bool": "bool"}
_HASHABLE = ("str", "int", "float", "bool", "Path")
_METHODS = {"lower": "lower", "upper": "upper", "strip": "strip"}


@dataclass(frozen=True)
class Reading:
    """
    One reading: the whole expression, the variable, and the source texts of default and conversion.

    `default` is `None` where the reading has none (`os.environ["X"]`); `fallback` names the variable read when the first is unset;
    `parse` lists converters in the order in which they apply, as code over names of `maestro_core_config` and builtins. `test` is what the expression asks of the
    value (`is None`), and `names` are the constants that gave the default.
    """

    node: ast.expr
    variable: str
    default: str | None
    fallback: str | None
    parse: tuple[str, ...]
    annotation: str
    test: str = ""
    names: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str | None, str | None, str, str]:
        """Return what makes two readings the same field."""
        return (self.variable, self.default, self.fallback, self.parse_text, self.annotation)

    @property
    def parse_text(self) -> str:
        """Return the `parse=` argument as code, empty where the text is taken as it is."""
        return self.parse[0] if len(self.parse) == 1 else f"pipe({', '.join(self.parse)})" if self.parse else ""


def readings(module: Module, *, report: bool = True) -> Iterator[Reading]:
    """Yield the readings of a module that may be rewritten; with `report`, each other use of the environment becomes a finding."""
    inner: set[int] = set()
    for site in module.sites(*CORES, action=_ACTION):
        if id(site.whole) in inner or id(site.node) in inner:
            continue
        found = _core(module, site, inner)
        if isinstance(found, str):
            if report and found:
                action = _COMPUTED if found.startswith("computed-default") else _ACTIONS.get(found, _ACTION)
                module.refuse(site.whole, found, action)
            continue
        yield _climb(module, found)
    if report:
        for site in module.references("os.environ", "os.environb", "os.getenvb", "os.putenv", "os.unsetenv"):
            other = site.qualname.removeprefix("os.").removeprefix("environ.")
            if site.qualname not in CORES:
                is_bytes = other.partition(".")[0] in {"environb", "getenvb"}
                reason = _WRITES if other in _WRITERS else _BYTES if is_bytes else _WHOLE
                module.refuse(site.whole, reason, _ACTIONS.get(reason, _ACTION))


def _core(module: Module, site: Site, inner: set[int]) -> Reading | str:
    if site.qualname == "os.environ":
        parent = module.parent(site.node)
        if isinstance(parent, ast.Subscript) and parent.value is site.node:
            if not isinstance(parent.ctx, ast.Load):
                return _WRITES
            if (
                isinstance(parent.slice, ast.Constant)
                and isinstance(parent.slice.value, str)
                and _is_encodable(parent.slice.value)
            ):
                return Reading(parent, parent.slice.value, None, None, (), "str")
            return _NAMED_ELSEWHERE
        if isinstance(parent, ast.Compare) and isinstance(parent.ops[-1], ast.In | ast.NotIn):
            return _membership(parent, site.node) or _NAMED_ELSEWHERE
        return _WHOLE
    if site.call is None:
        return "passed-on: the function itself is handed on, so its calls cannot be told"
    if site.call.keywords and any(keyword.arg not in {"key", "default"} for keyword in site.call.keywords):
        return "computed-arguments: the call spreads a mapping"
    arguments = list(site.call.args)
    named = {keyword.arg: keyword.value for keyword in site.call.keywords}
    if any(isinstance(argument, ast.Starred) for argument in arguments) or not 1 <= len(arguments) + len(named) <= 2:
        return "computed-arguments: the call does not spell out a name and a default"
    name = arguments[0] if arguments else named.get("key")
    default = arguments[1] if len(arguments) > 1 else named.get("default")
    if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
        return _NAMED_ELSEWHERE
    if not _is_encodable(name.value):
        return "odd-name: the name of the variable is no text that a file can hold"
    return _with_default(module, site, name.value, default, inner)


def _membership(parent: ast.AST | None, environ: ast.expr) -> Reading | None:
    """Read `"X" in os.environ`, which is true where reading X gives anything but `None`."""
    if not (isinstance(parent, ast.Compare) and len(parent.ops) == 1 and parent.comparators[0] is environ):
        return None
    name, operator = parent.left, parent.ops[0]
    if not (isinstance(name, ast.Constant) and isinstance(name.value, str) and _is_encodable(name.value)):
        return None
    if not isinstance(operator, ast.In | ast.NotIn):
        return None
    test = "is not None" if isinstance(operator, ast.In) else "is None"
    return Reading(parent, name.value, "None", None, (), "str | None", test)


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _with_default(
    module: Module, site: Site, variable: str, default: ast.expr | None, inner: set[int]
) -> Reading | str:
    assert site.call is not None
    whole = site.call
    if default is None:
        return Reading(whole, variable, "None", None, (), "str | None")
    held = constant(module, default)
    if held is not None:
        return Reading(whole, variable, held.text, None, (), held.annotation, names=held.names)
    nested = _nested(module, default)
    if nested is not None and nested.fallback is None:
        inner.add(id(nested.node))
        core = nested.node.value if isinstance(nested.node, ast.Subscript) else nested.node
        inner.add(id(core))
        return replace(nested, node=whole, variable=variable, fallback=nested.variable)
    return "computed-default: what the default is depends on more than this file's constants, so the settings class cannot state it"


def _nested(module: Module, node: ast.expr) -> Reading | None:
    for site in module.references(*CORES):
        if (site.whole is node or (isinstance(node, ast.Subscript) and site.node is node.value)) and module.obstacle(
            site
        ) is None:
            if site.qualname == "os.environ":
                return None  # `os.environ["B"]` as a default is evaluated, and may fail, even when A is set
            found = _core(module, site, set())
            return found if isinstance(found, Reading) else None
    return None


def _literal(module: Module, node: ast.expr) -> Constant | None:
    """Return a literal; a name stays where it is read, since `… or NAME` says more than its value does."""
    return constant(module, node) if isinstance(node, ast.Constant | ast.UnaryOp) else None


def _climb(module: Module, core: Reading) -> Reading:
    """Return the reading of the largest enclosing expression whose every step has a converter of the same meaning."""
    if core.test:
        return core
    current = core
    while True:
        step = _step(module, current)
        if step is None:
            return current
        current = step


def _step(module: Module, at: Reading) -> Reading | None:
    parent = module.parent(at.node)
    if isinstance(parent, ast.Call) and parent.args == [at.node] and not parent.keywords:
        return _cast(module, at, parent)
    if isinstance(parent, ast.Attribute) and parent.value is at.node:
        call = module.parent(parent)
        if isinstance(call, ast.Call) and call.func is parent and not call.keywords:
            return _method(at, parent.attr, call)
        return None
    if isinstance(parent, ast.Compare) and parent.left is at.node and len(parent.ops) == 1:
        return _comparison(at, parent)
    if (
        isinstance(parent, ast.BoolOp)
        and isinstance(parent.op, ast.Or)
        and len(parent.values) == 2
        and parent.values[0] is at.node
    ):
        literal = _literal(module, parent.values[1])
        if literal is not None and at.annotation in {"str", "str | None", "int", "float"}:
            kind = literal.annotation
            return _grown(
                at,
                parent,
                f"or_else({literal.text})",
                (
                    at.annotation.removesuffix(" | None")
                    if kind == "str"
                    else (
                        "str | None"
                        if kind == "str | None"
                        else f"{at.annotation.removesuffix(' | None')} | {kind.split(' ')[0]}"
                    )
                ),
            )
    if isinstance(parent, ast.comprehension) and parent.iter is at.node:
        return _comprehension(module, at, parent)
    return None


def _grown(at: Reading, node: ast.expr, converter: str, annotation: str) -> Reading:
    steps = (*at.parse, converter)
    joined = {
        ("lower", "equals"): "lower_equals",
        ("upper", "equals"): "upper_equals",
        ("lower", "is_in"): "lower_in",
        ("upper", "is_in"): "upper_in",
        ("lower", "not_equals"): "lower_not_equals",
    }
    if len(steps) >= 2:
        name, _, rest = steps[-1].partition("(")
        better = joined.get((steps[-2], name))
        if (better is not None and '"' in rest) or (better is not None and "'" in rest):
            steps = (*steps[:-2], f"{better}({rest}")
    return replace(at, node=node, parse=steps, annotation=annotation)


def _cast(module: Module, at: Reading, call: ast.Call) -> Reading | None:
    function = call.func
    if isinstance(function, ast.Name) and function.id in _CASTS and _is_builtin(module, function):
        converter = "truthy" if function.id == "bool" else function.id
        return _grown(at, call, converter, _CASTS[function.id])
    if isinstance(function, ast.Name) and function.id == "str" and _is_builtin(module, function):
        return _grown(at, call, "str", "str")
    if (
        isinstance(function, ast.Attribute | ast.Name)
        and module.resolve(function) == "json.loads"
        and not _replaced(module, function, "json.loads")
    ):
        return _grown(at, call, "loads", "Any")
    if (
        isinstance(function, ast.Attribute | ast.Name)
        and module.resolve(function) == "pathlib.Path"
        and not _replaced(module, function, "pathlib.Path")
    ):
        return _grown(at, call, "Path", "Path")
    return None


def _replaced(module: Module, function: ast.expr, qualname: str) -> bool:
    root: ast.expr = function
    while isinstance(root, ast.Attribute):
        root = root.value
    assert isinstance(root, ast.Name)
    return bool(module.project.patched(module.names, root.id, qualname, qualname))


def _is_builtin(module: Module, name: ast.Name) -> bool:
    from ..._binder import lookup

    return lookup(name.id, module.scope_of(name)) is None and not module.tables.stars


def _method(at: Reading, method: str, call: ast.Call) -> Reading | None:
    if at.annotation not in {"str", "str | None", "int | str", "bool | str", "float | str"}:
        return None
    texts = [
        argument.value
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    if len(texts) != len(call.args):
        return None
    if method in _METHODS and not texts:
        return _grown(at, call, _METHODS[method], "str")
    shown = ", ".join(quoted(text) for text in texts)
    if method == "split" and len(texts) <= 1:
        return _grown(at, call, f"split({shown})", "list[str]")
    if method in {"strip", "lstrip", "rstrip"} and len(texts) == 1:
        return _grown(at, call, f"{method}_chars({shown})", "str")
    if method == "replace" and len(texts) == 2:
        return _grown(at, call, f"replace({shown})", "str")
    return None


def _comparison(at: Reading, compare: ast.Compare) -> Reading | None:
    operator, other = compare.ops[0], compare.comparators[0]
    if isinstance(operator, ast.Eq | ast.NotEq):
        if not (isinstance(other, ast.Constant) and isinstance(other.value, str)):
            return None
        return _grown(
            at, compare, f"{'equals' if isinstance(operator, ast.Eq) else 'not_equals'}({quoted(other.value)})", "bool"
        )
    if isinstance(operator, ast.In) and isinstance(other, ast.Set) and not at.annotation.startswith(_HASHABLE):
        return None  # a list is looked for in a tuple, but not in a set
    if isinstance(operator, ast.In) and isinstance(other, ast.Tuple | ast.List | ast.Set) and other.elts:
        texts = [
            element.value
            for element in other.elts
            if isinstance(element, ast.Constant) and isinstance(element.value, str)
        ]
        if len(texts) == len(other.elts):
            return _grown(at, compare, f"is_in({', '.join(map(quoted, texts))})", "bool")
    if (
        isinstance(operator, ast.IsNot)
        and isinstance(other, ast.Constant)
        and other.value is None
        and at.annotation == "str | None"
    ):
        return _grown(at, compare, "is_set", "bool")
    return None


def _comprehension(module: Module, at: Reading, generator: ast.comprehension) -> Reading | None:
    """Read `[x.strip() for x in <split> if x.strip()]` and its kin."""
    whole = module.parent(generator)
    if not (
        isinstance(whole, ast.ListComp)
        and len(whole.generators) == 1
        and isinstance(generator.target, ast.Name)
        and not generator.is_async
    ):
        return None
    if not at.parse or not at.parse[-1].startswith("split("):
        return None
    element = _part(whole.elt, generator.target.id)
    guards = [_part(test, generator.target.id) for test in generator.ifs]
    names = {
        ("strip", ()): "split_strip",
        ("", ("",)): "split_filled",
        ("strip", ("strip",)): "split_strip_filled",
        ("strip", ("",)): "split_filled_strip",
    }
    name = names.get((element, tuple(guards))) if element is not None and None not in guards else None  # type: ignore[arg-type]  # None is excluded
    if name is not None:
        arguments = at.parse[-1].removeprefix("split(")
        return replace(at, node=whole, parse=(*at.parse[:-1], f"{name}({arguments}"), annotation="list[str]")
    cast = whole.elt
    if (
        not guards
        and isinstance(cast, ast.Call)
        and isinstance(cast.func, ast.Name)
        and cast.func.id in {"int", "float"}
        and len(cast.args) == 1
        and not cast.keywords
        and _part(cast.args[0], generator.target.id) == ""
        and _is_builtin(module, cast.func)
    ):
        parse = (*at.parse[:-1], f"each({at.parse[-1]}, {cast.func.id})")
        return replace(at, node=whole, parse=parse, annotation=f"list[{cast.func.id}]")
    return None


def _part(node: ast.expr, name: str) -> str | None:
    """Return `""` for the loop variable, `strip` for its `.strip()`, `None` for anything else."""
    if isinstance(node, ast.Name) and node.id == name:
        return ""
    if (
        isinstance(node, ast.Call)
        and not node.args
        and not node.keywords
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "strip"
    ):
        return "strip" if _part(node.func.value, name) == "" else None
    return None
