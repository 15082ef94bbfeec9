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
