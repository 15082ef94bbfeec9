"""Walks over a syntax tree whose results serve every recipe that asks about the same file."""

import ast
from bisect import bisect_right

__all__ = ["Parents", "attribute_names", "nodes_by_kind", "parents_of"]


def attribute_names(node: ast.expr) -> list[str]:
    """Return the names of an attribute chain from the inside out: `["path", "join"]` of `os.path.join`."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return names[::-1]


def parents_of(tree: ast.AST) -> dict[int, ast.AST]:
    """Return the parent of every node by the node's id."""
    found: dict[int, ast.AST] = {}
    todo = [tree]
    pop, push, syntax, context = todo.pop, todo.append, ast.AST, ast.expr_context
    while todo:
        node = pop()
        for value in node.__dict__.values():  # the fields, without the cost of `ast.iter_child_nodes`
            if value.__class__ is list:
                for child in value:
                    if isinstance(child, syntax):
                        found[id(child)] = node
                        push(child)
            elif isinstance(value, syntax) and not isinstance(value, context):
                found[id(value)] = node
                push(value)
    return found


class Parents:
    """The parent of every node of a module. A statement of the module is walked when something inside it is asked about: mostly few are."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._found: dict[int, ast.AST] = {id(statement): tree for statement in tree.body}
        self._first_lines = [_first_line(statement) for statement in tree.body]
        self._is_whole = False

    def of(self, node: ast.AST) -> ast.AST | None:
        """Return the parent of a node, `None` for the module and for what is not of it."""
        found = self._found.get(id(node))
        if found is None and not self._is_whole:
            position = bisect_right(self._first_lines, getattr(node, "lineno", 0)) - 1
            if position >= 0:
                self._found |= parents_of(self._tree.body[position])
            if id(node) not in self._found:  # no line of its own, or one that two statements share
                self._found, self._is_whole = parents_of(self._tree), True
            found = self._found.get(id(node))
        return found


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min(statement.lineno, *(each.lineno for each in decorators)) if decorators else statement.lineno


def nodes_by_kind(tree: ast.AST) -> dict[type[ast.AST], list[ast.AST]]:
    """Return every node by its type, each list in the order of `ast.walk`, without the contexts (`Load`, `Store`, `Del`)."""
    found: dict[type[ast.AST], list[ast.AST]] = {}
    todo = [tree]
    push, syntax, context = todo.append, ast.AST, ast.expr_context
    for node in todo:
        found.setdefault(node.__class__, []).append(node)
        for value in node.__dict__.values():
            if value.__class__ is list:
                for child in value:
                    if isinstance(child, syntax):
                        push(child)
            elif isinstance(value, syntax) and not isinstance(value, context):
                push(value)
    return found
