"""Defaults that are known before the program runs: literals, and what is computed from them and from names that hold nothing else."""

import ast
from dataclasses import dataclass

from ..._binder import Scope, lookup
from ..._semantics import Module

__all__ = ["Constant", "constant", "quoted"]

_PLAIN = str | int | float | bool | None
_LARGEST = 10**15


@dataclass(frozen=True)
class Constant:
    """A value with the code that gives it anywhere, and the names that it was reached through."""

    value: str | int | float | bool | None
    text: str
    names: tuple[str, ...] = ()

    @property
    def annotation(self) -> str:
        """Return the type of a reading that has it as its default."""
        if isinstance(self.value, str):
            return "str"
        return "str | None" if self.value is None else f"{type(self.value).__name__} | str"


def constant(module: Module, node: ast.expr) -> Constant | None:
    """Return what an expression is worth whenever it is evaluated, or `None` where that depends on anything."""
    if isinstance(node, ast.Constant):
        return _of_literal(module, node, node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = node.operand
        if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float):
            return _of_literal(module, node, -inner.value)
    if isinstance(node, ast.Name):
        return _of_name(module, node)
    if isinstance(node, ast.BinOp):
        return _computed(module, node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        held = constant(module, node.args[0]) if len(node.args) == 1 and not node.keywords else None
        if held is not None and lookup("str", module.scope_of(node.func)) is None and not module.tables.stars:
            return Constant(str(held.value), quoted(str(held.value)), held.names)
    return None


def _of_literal(module: Module, node: ast.expr, value: object) -> Constant | None:
    if not isinstance(value, _PLAIN):
        return None
    if isinstance(value, str):
        return Constant(value, quoted(value))  # by value: the quotes of the source make no other field
    text = module.source.slice(node)
    return Constant(value, repr(value) if "\n" in text or "\r" in text or "#" in text else text)


def _computed(module: Module, node: ast.BinOp) -> Constant | None:
    left, right = constant(module, node.left), constant(module, node.right)
    if left is None or right is None:
        return None
    one, two = left.value, right.value
    names = (*left.names, *right.names)
    if isinstance(one, str) and isinstance(two, str) and isinstance(node.op, ast.Add):
        return Constant(one + two, quoted(one + two), names)
    if isinstance(one, bool) or isinstance(two, bool) or not (isinstance(one, int) and isinstance(two, int)):
        return None
    if isinstance(node.op, ast.Mult):
        value = one * two
    elif isinstance(node.op, ast.Add | ast.Sub):
        value = one + two if isinstance(node.op, ast.Add) else one - two
    else:
        return None
    return Constant(value, repr(value), names) if abs(value) < _LARGEST else None


def _of_name(module: Module, node: ast.Name) -> Constant | None:
    """Return the value of a name that one plain statement of the module, or of the same class, gives before it is read, and nothing else can change."""
    scope = module.scope_of(node)
    owner = lookup(node.id, scope)
    if owner is None or not (owner is module.tables.module or (owner is scope and owner.kind == "class")):
        return None
    bindings = owner.bindings[node.id]
    if len(bindings) != 1 or bindings[0].kind != "assign" or not isinstance(bindings[0].value, ast.expr):
        return None
    if (
        module.tables.stars
        or module.is_reflective
        or module.parent(module.statement(bindings[0].node)) is not owner.node
    ):
        return None
    if bindings[0].value.lineno >= node.lineno or _may_be_replaced(module, node.id, scope, owner):
        return None
    held = constant(module, bindings[0].value)
    return None if held is None else Constant(held.value, held.text, (*held.names, node.id))


def _may_be_replaced(module: Module, name: str, scope: Scope, owner: Scope) -> bool:
    """Return whether code elsewhere may give the name another value before it is read: never while the module's own statements run."""
    inner: Scope | None = scope
    while inner is not None and inner.kind in {"class", "comprehension"}:
        inner = inner.parent
    if inner is owner or owner.kind == "class":
        return False
    return bool(module.project.patched(module.names, name, name, name))


def quoted(text: str) -> str:
    """Return a string literal of ASCII-safe text, in double quotes where that needs no escaping."""
    shown = repr(text)
    return shown if '"' in shown else f'"{shown[1:-1]}"'
