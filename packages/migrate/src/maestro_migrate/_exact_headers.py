"""
Which tests compare all headers of a response with what they expect.

Such a test fails for one header more, as the library's request id is.
"""

import ast
import re

from ._binder import lookup
from ._semantics import Module

__all__ = ["MAY_COMPARE", "compared_headers"]

_VERBS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "request"})
MAY_COMPARE = r"\.headers\)?\s*==|(?:==|assert\w*Equals?\()[^\n]*\.headers\b"


def compared_headers(module: Module) -> int:
    """Return the line that compares all headers of a response, 0 where none does."""
    if not re.search(MAY_COMPARE.encode(), module.source.text):
        return 0
    lines = [
        node.lineno
        for node in module.nodes(ast.Compare)
        if isinstance(node.ops[0], ast.Eq) and _is_about(module, node.left, *node.comparators)
    ]
    lines += [
        node.lineno
        for node in module.nodes(ast.Call)
        if re.fullmatch(r"assert\w*Equals?", getattr(node.func, "attr", "")) and _is_about(module, *node.args)
    ]
    return min(lines, default=0)


def _is_about(module: Module, *sides: ast.expr) -> bool:
    return any(_is_headers(module, side) for side in sides)


def _is_headers(module: Module, side: ast.expr) -> bool:
    match side:
        case ast.Call(ast.Name("dict"), [inner], []):
            return _is_headers(module, inner)
        case ast.Attribute(response, "headers"):
            return _is_response(module, response)
    return False


def _is_response(module: Module, expression: ast.expr) -> bool:
    """Return whether an expression is what a client answered with: `client.get(…)`, a name for it, or a parameter that is called so."""
    match expression:
        case ast.Await(inner):
            return _is_response(module, inner)
        case ast.Call(ast.Attribute(_, verb)):
            return verb in _VERBS
        case ast.Name(name):
            owner = lookup(name, module.scope_of(expression))
            bindings = owner.bindings.get(name, []) if owner is not None else []
            values = [each.value for each in bindings if isinstance(each.value, ast.Await | ast.Call)]
            is_handed_in = name.startswith("resp") and any(isinstance(each.node, ast.arg) for each in bindings)
            return is_handed_in or any(_is_response(module, value) for value in values)
    return False
