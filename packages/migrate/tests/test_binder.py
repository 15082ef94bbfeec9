"""Scopes: what binds, and which binding a use sees."""

import pytest

from maestro_migrate._binder import bind, lookup
from maestro_migrate._source import parse, read_source


@pytest.mark.parametrize("name", ["f", "e", "w", "i", "c", "g", "rest", "n"])
def test_everything_that_binds_is_seen(name: str) -> None:
    """Definitions, clauses, targets, captures, walrus and global statements bind."""
    code = "def f():\n  global g\n  g = 1\ntry: pass\nexcept E as e: pass\nwith x as w: pass\nfor i in x: pass\nclass c: pass\nmatch x:\n  case {**rest}: pass\n[(n := 1) for q in x]\n"
    tables = bind(parse(read_source(code.encode())))
    assert name in tables.module.bindings
    assert "q" not in tables.module.bindings


def test_a_class_body_is_skipped_from_its_methods() -> None:
    """A method's free name is looked up around the class."""
    tables = bind(parse(read_source(b"x = 1\nclass A:\n  x = 2\n  def f(self): return x\n")))
    use = tables.uses["x"][0]
    assert lookup("x", use.scope) is tables.module


def test_global_at_the_module_s_own_level_says_nothing() -> None:
    """People write it in scripts, under `if __name__`; what it names is bound where it was, once."""
    tables = bind(parse(read_source(b"global x, y\nx = 1\nif x:\n  global z\n  z = x\n")))
    assert {name: len(bound) for name, bound in tables.module.bindings.items()} == {"x": 1, "z": 1}
    assert [binding.kind for binding in tables.module.bindings["x"]] == ["assign"]
