"""Which expressions may be left out or evaluated in another order without anybody noticing."""

import ast

from maestro_migrate import Module

__all__ = ["has_effects", "literal_of"]


def has_effects(node: ast.AST) -> bool:
    """Return whether evaluating an expression may do something, such as a call; reading a name or an attribute does not count."""
    effects = (
        ast.Call,
        ast.Await,
        ast.Yield,
        ast.YieldFrom,
        ast.NamedExpr,
        ast.Subscript,
        ast.ListComp,
        ast.SetComp,
        ast.DictComp,
    )
    return any(isinstance(part, effects) for part in ast.walk(node))


def literal_of(module: Module, node: ast.expr) -> ast.expr:
    """Return the literal that a name of this module is bound to once, or the expression itself."""
    if isinstance(node, ast.Name):
        bindings = module.tables.module.bindings.get(node.id, [])
        if len(bindings) == 1 and bindings[0].kind == "assign" and isinstance(bindings[0].value, ast.Constant):
            return bindings[0].value
    return node
