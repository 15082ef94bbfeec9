"""Attributes that are set where no class shows them; what follows from that is in `test_values`."""

import pytest

from maestro_migrate._project import Project
from maestro_migrate._rebindings import rebindings
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("class A(B):\n    log = None\n", {"log"}),
        ("import logging\nclass A(B):\n    log = logging.getLogger()\n", {"log=logging.getLogger()"}),
        ("class A(B):\n    def f(self):\n        self.logger = 1\n", {"logger"}),
        ("class A:\n    log = None\n    def f(self):\n        self.log = 1\n", set()),
        ("class A(B):\n    def log(self):\n        return 1\n", set()),
        ("def f(thing):\n    thing.log = 1\n", {".log"}),
        ("def f(thing):\n    thing.name = 1\n", set()),
        ("import svc\nsvc.log = 1\n", set()),
    ],
)
def test_what_is_set_out_of_sight(code: str, found: set[str]) -> None:
    """By classes with bases and on what is handed in; what an import names is replaced by name instead."""
    assert rebindings(Module(read_source(code.encode(), "mod.py"), Project({}, files=["mod.py", "svc.py"]))) == found
