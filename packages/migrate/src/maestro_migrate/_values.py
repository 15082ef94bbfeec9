"""Where a value came from, without a type checker: a module global, an attribute assigned once, a one-line factory, an import from the project."""

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._binder import Binding, Scope, lookup

if TYPE_CHECKING:
    from ._semantics import Module

__all__ = ["provenance"]


def provenance(module: "Module", expression: ast.AST, scope: Scope | None = None) -> str | None:
    """Return `f()` where the expression is proven to hold the result of calling the qualified name `f`."""
    if isinstance(expression, ast.Call):
        return _called(module, expression, scope)
    if isinstance(expression, ast.Name):
        where = scope or module.scope_of(expression)
        return _of_name(module, expression.id, where)
    if isinstance(expression, ast.Attribute):
        if isinstance(expression.value, ast.Name):
            where = scope or module.scope_of(expression.value)
            own = _of_self(module, expression, where)
            if own is not None:
                return own
        qualname = module.resolve(expression, scope)
        if qualname is not None:
            return module.project.value_of(qualname)
    return None


def _of_name(module: "Module", name: str, scope: Scope) -> str | None:
    owner = lookup(name, scope)
    if owner is None:
        return None
    bindings = owner.bindings[name]
    target, _ = module.binding_target(name, scope)
    if target is not None:
        return module.project.value_of(target)
    found = {
        _called(module, b.value, owner) if b.kind == "assign" and isinstance(b.value, ast.Call) else None
        for b in bindings
    }
    return found.pop() if len(found) == 1 else None


def _called(module: "Module", call: ast.Call, scope: Scope | None) -> str | None:
    function = module.resolve(call.func, scope)
    if function is not None:
        return module.project.value_of(f"{function}()") or f"{function}()"
    if isinstance(call.func, ast.Name):
        owner = lookup(call.func.id, scope or module.tables.module)
        bindings = owner.bindings[call.func.id] if owner else []
        if len(bindings) == 1 and isinstance(bindings[0].value, ast.FunctionDef):
            return _factory(module, bindings[0].value)
    return None


def _factory(module: "Module", function: ast.FunctionDef) -> str | None:
    body = [
        statement
        for statement in function.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]
    if (
        len(body) == 1
        and isinstance(body[0], ast.Return)
        and isinstance(body[0].value, ast.Call)
        and not function.decorator_list
    ):
        inner = next((s for s in module.tables.scopes if s.node is function), None)
        return _called(module, body[0].value, inner)
    return None


def _of_self(module: "Module", expression: ast.Attribute, scope: Scope) -> str | None:
    """Return the provenance of `self.attr` where the class assigns it exactly once and nothing outside does."""
    method = scope
    while method.kind in {"lambda", "comprehension"} and method.parent is not None:
        method = method.parent
    owner = method.parent
    if not (
        isinstance(expression.value, ast.Name)
        and method.kind == "function"
        and owner is not None
        and owner.kind == "class"
    ):
        return None
    receiver = _first_parameter(method.node)
    if receiver is None or expression.value.id != receiver:
        return None
    assert isinstance(owner.node, ast.ClassDef)
    values: list[ast.expr | None] = [b.value for b in owner.bindings.get(expression.attr, ())]  # type: ignore[misc]  # values are expressions or None
    for node in ast.walk(owner.node):
        if (
            isinstance(node, ast.Attribute)
            and node.attr == expression.attr
            and isinstance(node.ctx, ast.Store | ast.Del)
        ):
            parent = module.parent(node)
            values.append(parent.value if isinstance(parent, ast.Assign) and len(parent.targets) == 1 else None)
    outside = sum(
        1
        for node in module.nodes(ast.Attribute)
        if node.attr == expression.attr and isinstance(node.ctx, ast.Store | ast.Del)
    )
    inside = len(values) - len(owner.bindings.get(expression.attr, ()))
    if len(values) == 1 and isinstance(values[0], ast.Call) and outside == inside:
        call = values[0]
        root: ast.expr = call.func
        while isinstance(root, ast.Attribute):
            root = root.value
        result = _called(module, call, module.scope_of(root) if isinstance(root, ast.Name) else None)
        is_shown = result is not None and not _is_set_otherwise(
            owner.node, owner.bindings.get(expression.attr, ()), receiver
        )
        return result if is_shown and not module.project.may_be_rebound(expression.attr, str(result)) else None
    return None


def _is_set_otherwise(owner: ast.ClassDef, in_body: Sequence[Binding], receiver: str) -> bool:
    """Return whether instances may get the attribute in a way that shows no name: a field of a generated constructor, `setattr`, `__dict__`, `self` rebound."""
    is_field = any(isinstance(binding.node, ast.AnnAssign) for binding in in_body)
    if is_field and (owner.decorator_list or owner.bases):
        return True
    for node in ast.walk(owner):
        if isinstance(node, ast.Attribute) and node.attr in {"__dict__", "__setattr__"}:
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"setattr", "vars"}:
            return True
        if isinstance(node, ast.Name) and node.id == receiver and not isinstance(node.ctx, ast.Load):
            return True
    return False


def _first_parameter(function: ast.AST) -> str | None:
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    arguments = [*function.args.posonlyargs, *function.args.args]
    return arguments[0].arg if arguments else None
