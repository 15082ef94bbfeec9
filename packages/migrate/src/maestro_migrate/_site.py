"""A use of an imported name, resolved to what it means."""

import ast
from dataclasses import dataclass

from ._binder import Scope

__all__ = ["Site"]


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
