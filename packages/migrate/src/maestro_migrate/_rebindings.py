"""
Which attributes a file sets on objects whose class it does not show: on what it is handed, on instances, in classes that derive from others.

Only names that speak of a log are of interest, since loggers are what the engine follows through attributes.
"""

import ast

from ._binder import Use
from ._semantics import Module

__all__ = ["rebindings"]


def rebindings(module: Module) -> set[str]:
    """
    Return the attributes, as `name=f()` where the value is known to be the result of calling `f`, else as `name`; `.name` for objects that are not `self`.

    What a class sets on its own `self` counts only if the class has a base, whose methods would then see that value.
    """
    found: set[str] = set()
    for scope in module.tables.scopes:
        if isinstance(scope.node, ast.ClassDef) and scope.kind == "class" and scope.node.bases:
            for name, bindings in scope.bindings.items():
                if "log" not in name.lower():
                    continue
                found.update(
                    _entry(module, name, binding.value) for binding in bindings if not _is_method(binding.value)
                )
    for uses in module.tables.uses.values():
        for use in uses:
            if isinstance(use.outer, ast.Attribute) and _sets_a_log(use.outer):
                owner = _class_of_self(use)
                if owner is None and module.binding_target(use.root.id, use.scope)[0] is None:
                    found.add("." + _entry(module, use.outer.attr, _value(module, use.outer)))
                elif owner is not None and owner.bases:
                    found.add(_entry(module, use.outer.attr, _value(module, use.outer)))
    return found


def _sets_a_log(target: ast.Attribute) -> bool:
    return not isinstance(target.ctx, ast.Load) and "log" in target.attr.lower()


def _is_method(value: ast.AST | None) -> bool:
    """Return whether a class binds a name to a plain function, which no attribute of that name would be."""
    return isinstance(value, ast.FunctionDef | ast.AsyncFunctionDef) and not value.decorator_list


def _class_of_self(use: Use) -> ast.ClassDef | None:
    """Return the class whose method sets an attribute of its own first parameter."""
    function, owner = use.scope.node, use.scope.parent
    if owner is None or not isinstance(owner.node, ast.ClassDef) or not isinstance(use.outer, ast.Attribute):
        return None
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or use.outer.value is not use.root:
        return None
    first = next(iter((*function.args.posonlyargs, *function.args.args)), None)
    return owner.node if first is not None and first.arg == use.root.id else None


def _value(module: Module, target: ast.Attribute) -> ast.AST | None:
    statement = module.parent(target)
    return statement.value if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None


def _entry(module: Module, name: str, value: ast.AST | None) -> str:
    known = module.provenance(value) if isinstance(value, ast.Call) else None
    return name if known is None else f"{name}={known}"
