"""Uses of the plumbing that names do not show are found, and never rewritten."""

import pytest

from maestro_migrate._hidden import hidden_uses
from maestro_migrate._project import Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source


def reasons(code: str) -> list[str]:
    """Return the kinds of hidden uses of `logging.getLogger`."""
    module = Module(read_source(code.encode(), "mod.py"), Project({}, files=["mod.py"]))
    return [reason.partition(":")[0] for _, reason in hidden_uses(module, frozenset({"logging.getLogger"}))]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import logging\nplumbing = logging\nplumbing.getLogger()\n", "aliased"),
        ("import logging\ngetattr(logging, 'getLogger')()\n", "by-string"),
        ("import importlib\nimportlib.import_module('logging').getLogger()\n", "by-string"),
        ("__import__('logging').getLogger()\n", "by-string"),
        ("import logging\ndef f():\n    '''\n    >>> logging.getLogger('a')\n    '''\n", "doctest"),
    ],
)
def test_a_hidden_use_is_found(code: str, kind: str) -> None:
    """Each way past the names has a reason of its own."""
    assert kind in reasons(code)


@pytest.mark.parametrize(
    "code",
    [
        "import logging\nlogging.getLogger()\n",
        "import logging\nlevel = logging.INFO\nlevel.getLogger()\n",
        "import logging\ngetattr(logging, 'INFO')\n",
        "'''Text that speaks of logging.getLogger.'''\n",
    ],
)
def test_plain_code_hides_nothing(code: str) -> None:
    """What names show, or what is no use at all, is not told twice."""
    assert reasons(code) == []
