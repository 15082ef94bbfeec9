"""Modules that look at their own names are told from those that only look like it."""

import pytest

from maestro_migrate._project import Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source


def seen(code: str) -> str | None:
    """Return how a module looks at its own names."""
    return Module(read_source(code.encode(), "mod.py"), Project({}, files=["mod.py"])).is_reflective


@pytest.mark.parametrize(
    "code",
    [
        "x = globals()\n",
        "f = globals\n",
        "print(vars())\n",
        "from mine import __import__\n__import__('x', globals())\n",
        "__import__(globals()['name'], globals())\n",
        "print(dir())\n",
        "locals()\n",
        "exec('x = 1')\n",
        "import sys\nme = sys.modules[__name__]\n",
        "import sys\nsys.modules[__name__] = Lazy(__name__)\n",
        "import sys\nprint(__name__, vars(sys.modules[key]))\n",
        "import sys\nprint(__name__, vars(sys.modules['mod']))\n",
        "import sys\nprint(__name__, vars(sys.modules.pop(key)))\n",
        "import sys\nprint(__name__, sys.modules.values())\n",
        "import sys\nprint(__name__, [vars(m) for m in sys.modules.values() if m in known])\n",
        "import importlib\nimportlib.import_module(__name__)\n",
    ],
)
def test_a_look_at_the_own_names_is_seen(code: str) -> None:
    """Binding or unbinding a name could be noticed, so nothing is."""
    assert seen(code)


@pytest.mark.parametrize(
    "code",
    [
        "print(vars(x))\n",
        "def f():\n    return locals()\n",
        "exec('x = 1', {})\n",
        "def globals(): return {}\nglobals()\n",
        "import sys\nsys.modules['other']\n",
        "import sys\nprint(__name__, vars(sys.modules['other']))\n",
        "import sys\nprint(__name__, 'json' in sys.modules)\n",
        "import sys\nprint(__name__)\nsys.modules[key] = made\n",
        "import sys\nprint(__name__)\ndel sys.modules[key]\n",
        "import sys\nprint(__name__)\nsys.modules.pop(key, None)\n",
        "def load(path, name):\n    return __import__(path, globals(), locals(), [name])\n",
        "json = __import__('json', globals(), locals())\n",
        "for k, v in list(globals().items()):\n    if k.isupper():\n        print(k)\n",
        "config = {k: v for k, v in globals().items() if k.isupper()}\n",
    ],
)
def test_what_sees_no_name_of_the_engines_is_let_be(code: str) -> None:
    """Other objects, other namespaces, and loops over constants only."""
    assert seen(code) is None
