"""Walks over a syntax tree."""

import ast

import pytest

from maestro_migrate._tree import Parents, attribute_names, nodes_by_kind, parents_of

PROGRAM = """
import os


@decorated(os.environ["A"], key=[x async for x in y])
class Thing(Base, metaclass=Meta):
    field: int = 1

    def method(self, a=1, /, *rest, b: str = f"{os.name!r}") -> None:
        match a:
            case {"x": [first, *_], **others}:
                del self.items[first:2]
        with open(a) as f, lock: ...
"""


def test_every_node_is_filed_under_its_type_in_the_order_of_ast_walk() -> None:
    """Recipes see the same nodes in the same order as a walk of their own would give them."""
    tree = ast.parse(PROGRAM)
    walked: dict[type[ast.AST], list[ast.AST]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr_context):
            walked.setdefault(type(node), []).append(node)
    assert nodes_by_kind(tree) == walked


def test_every_node_but_the_root_has_its_parent() -> None:
    """A parent is the node among whose fields the child stands."""
    tree = ast.parse(PROGRAM)
    parents = parents_of(tree)
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr_context):
                assert parents[id(child)] is node
    assert id(tree) not in parents


@pytest.mark.parametrize("text", [PROGRAM, "@f\n@g(1)\nclass A:\n    b = 2\nc = 3; d = [4]\n"], ids=["program", "odd"])
def test_parents_asked_one_by_one_are_those_of_the_whole_walk(text: str) -> None:
    """Also those of decorators, which stand before their statement's line, and of statements that share a line."""
    tree = ast.parse(text)
    whole, asked = parents_of(tree), Parents(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr_context | ast.operator | ast.boolop | ast.cmpop | ast.unaryop):
            assert asked.of(node) is whole.get(id(node))


@pytest.mark.parametrize(
    ("text", "names"), [("os", []), ("os.path.join", ["path", "join"]), ("f().a.b", ["a", "b"])], ids=str
)
def test_the_names_of_a_chain_stand_in_reading_order(text: str, names: list[str]) -> None:
    """Whatever the chain hangs on is left out."""
    assert attribute_names(ast.parse(text, mode="eval").body) == names
