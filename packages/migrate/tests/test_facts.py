"""What one file tells the others: what it hands on, what it uses of theirs, and what it replaces in them."""

import pytest

from maestro_migrate._facts import facts_of
from maestro_migrate._project import Facts, Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source

ROOTS = frozenset({"app"})


def told(code: str, path: str = "app/mod.py") -> Facts:
    """Return the facts of a module of the project."""
    files = ["app/__init__.py", "app/log.py", path]
    return facts_of(Module(read_source(code.encode(), path), Project({}, files=files)), ROOTS)


@pytest.mark.parametrize(
    ("code", "exports"),
    [
        ("import logging\n", {"logging": "logging"}),
        ("from .log import log as l\n", {"l": "app.log.log"}),
        ("import logging\nlog = logging.getLogger('a')\n", {"logging": "logging", "log": "logging.getLogger()"}),
        ("from a import x\nfrom b import x\n", {}),
        ("from a import x\nx = 1\n", {}),
        ("def f():\n    import logging\n", {}),
    ],
)
def test_what_a_module_hands_on(code: str, exports: dict[str, str]) -> None:
    """Imports of one target and results of one call; whatever is bound twice is nothing to rely on."""
    assert told(code).exports == exports


@pytest.mark.parametrize(
    ("code", "use"),
    [
        ("from app import log\nlog.LEVEL\n", "app.log.LEVEL"),
        ("import app.log\nx = app.log.log.name\n", "app.log.log.name"),
        ("from app.log import log\n", "app.log.log"),
        ("from app import log\ngetattr(log, 'LEVEL')\n", "app.log.LEVEL"),
        ("from app import log\ngetattr(log, name)\n", "app.log.*"),
        ("from app import log\nvars(log)\n", "app.log.*"),
    ],
)
def test_what_a_module_uses_of_others(code: str, use: str) -> None:
    """By name, by attribute and by `getattr`; a computed name may be any."""
    assert use in told(code).uses


def test_what_is_not_the_projects_is_of_no_interest() -> None:
    """Other packages' names are used everywhere and tell nobody anything."""
    assert told("import os\nos.path.join\n").uses == []


@pytest.mark.parametrize(
    ("code", "patch"),
    [
        ("from unittest.mock import patch\npatch('app.log.log')\n", "app.log.log"),
        ("from unittest.mock import patch\nfrom app import log\npatch.object(log, 'log')\n", "app.log.log"),
        ("from unittest.mock import patch\nfrom app import log\npatch.multiple(log, log=1)\n", "app.log.log"),
        ("from app import log\ndef test(monkeypatch):\n    monkeypatch.setattr(log, 'log', 1)\n", "app.log.log"),
        ("from app import log\nlog.log = None\n", "app.log.log"),
        ("import logging\nlogging.getLogger = None\n", "logging.getLogger"),
    ],
)
def test_what_a_module_replaces(code: str, patch: str) -> None:
    """By string, by object and by assignment."""
    assert patch in told(code).patches


def test_a_replacement_on_something_unknown_counts_for_every_name_like_it() -> None:
    """Which object it is cannot be told, so the attribute alone is what is known."""
    assert told("def test(monkeypatch, thing):\n    monkeypatch.setattr(thing, 'log', 1)\n").loose == ["log"]
