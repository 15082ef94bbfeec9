"""Names: what a chain means in its module and project."""

from maestro_migrate._project import Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source


def module(code: str, path: str = "mod.py") -> Module:
    """Parse a file of a project."""
    return Module(read_source(code.encode(), path), Project({}, files=[path]))


def test_three_thousand_terms_are_walked() -> None:
    """A long chain of operators does not end the walk."""
    one = module("import logging\nx = " + " + ".join(["logging.getLogger"] * 3000) + "\n")
    assert one.count(["logging.getLogger"]) == 3000
