"""Modules that a string names are followed as far as the text shows them."""

import ast

import pytest

from maestro_migrate._named_modules import modules_by_string, resolved
from maestro_migrate._project import Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source


def module_of(code: str) -> Module:
    """Return a module of a project that has a package `app` with `app.log`."""
    project = Project({}, files=["app/__init__.py", "app/log.py", "app/mod.py"])
    return Module(read_source(code.encode(), "app/mod.py"), project)


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("from importlib import import_module\nimport_module('app.log').log", "app.log.log"),
        ("import importlib\nimportlib.import_module('.log', __package__).log", "app.log.log"),
        ("__import__('app.log').log", "app.log"),
        ("__import__('app.log', fromlist=['log']).log", "app.log.log"),
        ("import sys\nsys.modules['app.log'].log", "app.log.log"),
        ("import sys\nfrom app import log\nsys.modules[log.__name__].log", "app.log.log"),
        ("import importlib\nfrom app import log\nimportlib.reload(log).log", "app.log.log"),
        ("import importlib\nx = importlib.import_module('app.log')\nx.log", "app.log.log"),
        ("import importlib\nx = importlib.import_module('app.log')\nx = importlib.reload(x)\nx.log", "app.log.log"),
        ("import importlib\nx = importlib.reload(x)\nx.log", None),
        ("import importlib\nx = importlib.reload(y)\ny = importlib.reload(x)\nx.log", None),
        ("import importlib\nimportlib.import_module(name).log", None),
        ("import sys\nsys.modules[name].log", None),
        ("load('app.log').log", None),
    ],
)
def test_what_an_expression_stands_for(code: str, target: str | None) -> None:
    """The last expression of the code, through import functions, `sys.modules`, `reload` and variables."""
    module = module_of(code)
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert resolved(module, last.value) == target


def test_strings_name_modules_only_in_files_that_import_by_string() -> None:
    """By dotted name, relative name and path; what is no file of the project is none."""
    code = "import importlib\nNAMES = ['app.log', '.mod', 'app/log.py', 'elsewhere.log', 'json']\nimportlib.import_module(NAMES[0])\n"
    assert modules_by_string(module_of(code)) == {"app.log", "app.mod"}
    assert modules_by_string(module_of("NAMES = ['app.log']\n")) == set()
