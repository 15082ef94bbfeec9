"""Whether a module looks at its own names, so that binding or unbinding one of them could be seen."""

import ast
import re
from typing import TYPE_CHECKING

from ._binder import Use, lookup

if TYPE_CHECKING:
    from ._semantics import Module

__all__ = ["reads_constants_only", "reflection"]

_CALLS = frozenset({"globals", "vars", "exec", "locals", "dir"})
_IMPORTS_ITSELF = re.compile(rb"(?:import_module|__import__)\(\s*__name__")


def reflection(module: "Module") -> str | None:
    """Return how the module looks at its own names (`globals()`, `sys.modules[__name__]`), `None` when it does not."""
    for name in sorted(_CALLS & module.tables.uses.keys()):
        for use in module.tables.uses[name]:
            is_builtin = use.outer is use.root and lookup(name, use.scope) is None
            looks = is_builtin and _reaches_names(use) and not _is_for_import(module, use)
            if looks and not reads_constants_only(module, use.root):
                return f"{name}() on line {use.root.lineno}"
    if b"__name__" not in module.source.text:
        return None
    if _IMPORTS_ITSELF.search(module.source.text):
        return "an import of itself"
    if b"modules" in module.source.text:
        for site in module.references("sys.modules"):
            if not (_is_of_others(module, site.node) or reads_constants_only(module, site.node)):
                return f"sys.modules on line {site.line}"
    return None


def _reaches_names(use: Use) -> bool:
    if use.call is None:
        return use.root.id == "globals"
    if use.root.id == "exec":
        return len(use.call.args) < 2
    if use.root.id == "locals":
        return use.scope.kind == "module"
    return not use.call.args


def _is_for_import(module: "Module", use: Use) -> bool:
    """Return whether `globals()` or `locals()` is an argument of `__import__`, which reads of them only which package it is in."""
    outer = module.parent(use.call) if use.call is not None else None
    return (
        isinstance(outer, ast.Call)
        and isinstance(outer.func, ast.Name)
        and outer.func.id == "__import__"
        and lookup("__import__", use.scope) is None
        and use.call in outer.args[1:3]
    )


def _is_of_others(module: "Module", modules: ast.expr) -> bool:
    """Return whether a use of `sys.modules` reads no name of the module itself: it asks what is loaded, puts a module in or takes one out, or names another."""
    outer = module.parent(modules)
    if isinstance(outer, ast.Compare):
        return all(isinstance(each, ast.In | ast.NotIn) for each in outer.ops)
    if isinstance(outer, ast.Call) and outer.func is modules:
        is_pop = (
            isinstance(modules, ast.Attribute) and modules.attr == "pop" and isinstance(module.parent(outer), ast.Expr)
        )
        return is_pop and not any(_is_own(module, key) for key in outer.args[:1])
    if not isinstance(outer, ast.Subscript) or _is_own(module, outer.slice):
        return False
    return isinstance(outer.slice, ast.Constant) or not isinstance(outer.ctx, ast.Load)


def _is_own(module: "Module", key: ast.expr) -> bool:
    if isinstance(key, ast.Constant):
        return key.value in {*module.names, "__main__"}
    return isinstance(key, ast.Name) and key.id == "__name__"


def reads_constants_only(module: "Module", names: ast.AST) -> bool:
    """Return whether the names are looped over under a test that only upper-case ones pass; the engine binds and unbinds none of those."""
    for outer in module.ancestors(names):
        if isinstance(outer, ast.For):
            body = outer.body
            guard = body[0].test if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse else None
            return guard is not None and _is_upper_test(guard, outer.target)
        if isinstance(outer, ast.comprehension):
            return any(_is_upper_test(test, outer.target) for test in outer.ifs)
        if isinstance(outer, ast.stmt):
            return False
    return False


def _is_upper_test(test: ast.expr, target: ast.expr) -> bool:
    """Return whether a test is, or begins with, `k.isupper()` or `k == k.upper()` for the (first) loop variable `k`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_is_upper_test(each, target) for each in test.values)
    name = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
    if not isinstance(name, ast.Name):
        return False
    return ast.unparse(test) in {
        f"{name.id}.isupper()",
        f"{name.id} == {name.id}.upper()",
        f"{name.id}.upper() == {name.id}",
    }
