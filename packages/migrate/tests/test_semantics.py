"""Names: what a chain means in its module and project."""

import ast

import pytest

from maestro_migrate._project import Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source
from maestro_migrate._spans import apply_edits


def module(code: str, path: str = "mod.py") -> Module:
    """Parse a file of a project."""
    return Module(read_source(code.encode(), path), Project({}, files=[path]))


def test_three_thousand_terms_are_walked() -> None:
    """A long chain of operators does not end the walk."""
    one = module("import logging\nx = " + " + ".join(["logging.getLogger"] * 3000) + "\n")
    assert one.count(["logging.getLogger"]) == 3000


def first(one: Module, kind: type[ast.AST]) -> ast.AST:
    """Return the first node of a kind."""
    return next(node for node in ast.walk(one.tree) if isinstance(node, kind))


@pytest.mark.parametrize(
    ("path", "target", "absolute"),
    [
        ("app/a.py", ".b.c", "app.b.c"),
        ("app/__init__.py", ".b", "app.b"),
        ("app/sub/a.py", "..b", "app.b"),
        ("a.py", "..b", "..b"),
        ("app/a.py", "b.c", "b.c"),
    ],
)
def test_relative_imports_are_seen_from_their_package(path: str, target: str, absolute: str) -> None:
    """Dots climb; where there is nothing to climb to, they stay."""
    files = ["app/__init__.py", "app/sub/__init__.py", path]
    one = Module(read_source(b"", path), Project({}, files=files))
    assert one.absolute(target) == absolute


@pytest.mark.parametrize(
    ("code", "resolved"),
    [
        ("import a.b as c\nc.d.e\n", "a.b.d.e"),
        ("from a import b\nb.c\n", "a.b.c"),
        ("import a.b\na.b.c\n", "a.b.c"),
        ("import a\na = 1\na.b\n", None),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\na.b\n", None),
        ("try:\n    import a\nexcept ImportError:\n    import a\na.b\n", "a.b"),
        ("try:\n    import a\nexcept ImportError:\n    a = None\na.b\n", None),
        ("x.a.b\n", None),
    ],
)
def test_a_chain_means_what_every_binding_says(code: str, resolved: str | None) -> None:
    """One target, at run time, or nothing."""
    one = module(code)
    statement = one.tree.body[-1]
    assert isinstance(statement, ast.Expr)
    assert one.resolve(statement.value) == resolved


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("f()", "f(new=1)"),
        ("f(a)", "f(a, new=1)"),
        ("f(a, b=2,)", "f(a, b=2, new=1,)"),
        ("f(\n    a,\n    b,\n)", "f(\n    a,\n    b,\n    new=1,\n)"),
        ("f(x for x in y)", "f((x for x in y), new=1)"),
        ("f(*a, **k)", "f(*a, **k, new=1)"),
        ("f((a))", "f((a), new=1)"),
        ("f(a, ((b) ))", "f(a, ((b) ), new=1)"),
        ("f(\n    (a  # why\n    )\n)", "f(\n    (a  # why\n    ), new=1\n)"),
        ("f(\n    b=(\n        1\n    ),  # why\n)", "f(\n    b=(\n        1\n    ),  # why\n    new=1,\n)"),
        ("f(\n    a,\n    b  # why\n)", "f(\n    a,\n    b,  # why\n    new=1\n)"),
    ],
)
def test_an_argument_is_added_as_the_others_stand(call: str, after: str) -> None:
    """On the line of the others, or on one of its own, below what is said beside the last; what comes out is Python."""
    one = module(f"{call}\n")
    found = first(one, ast.Call)
    assert isinstance(found, ast.Call)
    made = apply_edits(one.source.text, [one.append_arguments(found, "new=1")]).decode()
    assert made == f"{after}\n"
    ast.parse(made)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("x = 1\n", "f"),
        ("f = 1\n", "maestro_f"),
        ("def g(f): pass\n", "maestro_f"),
        ("x.f\n", "f"),
        ("# f\n", "f"),
        ("from lib import f\n", "f"),
        ("from lib import f as g\n", "g"),
        ("from other import f\n", "maestro_f"),
        ("from other import *\n", "_maestro_f"),
        ("maestro_f = f = 1\n", "_maestro_f"),
        ("_maestro_f = maestro_f = f = 1\n", None),
    ],
)
def test_a_new_name_takes_no_other_ones_place(code: str, name: str | None) -> None:
    """The plain name where it is free, an alias where it is not, and none where that is taken too."""
    assert module(code).local_name("lib.f") == name
