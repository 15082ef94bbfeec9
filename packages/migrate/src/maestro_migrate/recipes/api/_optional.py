"""Frameworks that code can do without."""

import ast

from maestro_migrate import Module
from maestro_migrate._binder import lookup

__all__ = ["is_optional"]


def is_optional(module: Module, node: ast.expr) -> bool:
    """Tell whether the name is imported in a `try` that goes on without it."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    scope = lookup(root.id, module.scope_of(root)) if isinstance(root, ast.Name) else None
    bindings = scope.bindings[root.id] if scope is not None and isinstance(root, ast.Name) else ()
    return any(
        isinstance(outer, ast.Try) and outer.handlers for each in bindings for outer in module.ancestors(each.node)
    )
