"""A use of an imported name, resolved to what it means."""

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._binder import Scope

if TYPE_CHECKING:
    from ._semantics import Module

__all__ = ["Site", "only_names_type"]

_ASKED_OF_TYPES = frozenset({"Annotated", "cast", "isinstance", "issubclass"})


@dataclass(frozen=True, slots=True)
class Site:
    """
    A use of an imported name that resolves to `qualname`.

    `node` is the expression that carries the name (`logging.getLogger`), `call` the call of it when there is one.
    """

    qualname: str
    node: ast.expr
    call: ast.Call | None
    root: ast.Name
    scope: Scope

    @property
    def line(self) -> int:
        """Return the line on which the site begins."""
        return self.node.lineno

    @property
    def whole(self) -> ast.expr:
        """Return the call when the name is called, else the name itself."""
        return self.call or self.node

    @property
    def looked_up_again(self) -> frozenset[str]:
        """
        Return the attributes of modules that the library looks up whenever it is used, as this site does: a patch of one is met by both.

        `get_logger(name)` calls `logging.getLogger(name)`, and settings read `os.environ`.
        """
        match self.call:
            case ast.Call(args=[ast.expr() as name], keywords=[]) if not isinstance(name, ast.Starred):
                return frozenset({"os.environ", "logging.getLogger"})
        return frozenset({"os.environ"})


def only_names_type(module: "Module", node: ast.AST) -> bool:
    """Return whether a name is an annotation, a part of a type, or what `isinstance` and its kin are asked about: a derived class is as good there."""
    parent = module.parent(node)
    while isinstance(parent, ast.BinOp | ast.List | ast.Subscript | ast.Tuple):
        if isinstance(parent, ast.Subscript) and parent.slice is node:
            return True
        node, parent = parent, module.parent(parent)
    if isinstance(parent, ast.keyword):
        return parent.arg == "bound"  # of a TypeVar
    if isinstance(parent, ast.Call) and node in parent.args:
        return (getattr(parent.func, "id", "") or getattr(parent.func, "attr", "")) in _ASKED_OF_TYPES
    return (
        isinstance(parent, ast.arg)
        or getattr(parent, "annotation", None) is node
        or getattr(parent, "returns", None) is node
    )
