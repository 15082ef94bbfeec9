"""Patterns: what they match and what they refuse to be."""

import pytest

from maestro_migrate._patterns import Pattern, PatternError, rewrite
from maestro_migrate._project import Facts, Project
from maestro_migrate._recipe import Recipe
from maestro_migrate._rounds import rewrite_file
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source


def module(code: str, path: str = "mod.py") -> Module:
    """Parse a file of a project."""
    return Module(read_source(code.encode(), path), Project({}, files=[path]))


def test_patterns_capture_and_refuse() -> None:
    """A metavariable used twice must be the same text; a pattern must begin with a name."""
    one = module("import a\na.f(1, 1)\na.f(1, 2)\n")
    assert [match.site.line for match in Pattern("a.f($x, $x)").matches(one)] == [2]
    for wrong in ("1 +", "$x.y()", "[a.b]"):
        with pytest.raises(PatternError):
            rewrite(wrong, to="a.b")


def test_nested_matches_wait_for_the_next_round() -> None:
    """A match inside another one is rewritten after it, never over it."""
    recipe = Recipe("local/wrap", "Wrap", "", (rewrite("a.f($x)", to="b.g($x, 1)"),), words=("a",), sites=("a.f",))
    result = rewrite_file(b"import a\na.f(a.f(2))\n", "mod.py", Project({"mod.py": Facts()}), [recipe])
    assert result.after == b"from b import g\ng(g(2, 1), 1)\n"
    assert result.rounds == 2
