"""Walks over a syntax tree whose results serve every recipe that asks about the same file."""

import ast

__all__ = ["attribute_names", "nodes_by_kind", "parents_of"]


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
