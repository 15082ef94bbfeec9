"""Where a value came from is said only where every way to the name shows it."""

import ast

import pytest

from maestro_migrate._facts import facts_of
from maestro_migrate._project import Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source
from maestro_migrate._values import provenance

LOGGER = "logging.getLogger()"


def asked(code: str, **beside: str) -> str | None:
    """Return the provenance of what `.warn` is called on, in a project with the files beside it."""
    texts = {"mod.py": code, **{f"{name}.py": text for name, text in beside.items()}}
    empty = Project({}, files=texts)
    roots = frozenset({"mod", *beside})
    facts = {path: facts_of(Module(read_source(text.encode(), path), empty), roots) for path, text in texts.items()}
    module = Module(read_source(code.encode(), "mod.py"), Project(facts))
    use = next(node for node in ast.walk(module.tree) if isinstance(node, ast.Attribute) and node.attr == "warn")
    scope = next(each.scope for uses in module.tables.uses.values() for each in uses if each.outer is use)
    return provenance(module, use.value, scope)


CLASS = "import logging\n\nclass Work:\n    def __init__(self, **kw):\n        self.log = logging.getLogger('a')\n{0}\n    def run(self):\n        self.log.warn('x')\n"


@pytest.mark.parametrize(
    "code",
    [
        "import logging\nlog = logging.getLogger()\nlog.warn(1)\n",
        "import logging as l\nlog = l.getLogger('x')\ndef f():\n    log.warn(1)\n",
        "import logging\ndef made():\n    'Page.'\n    return logging.getLogger('x')\nlog = made()\nlog.warn(1)\n",
        "import logging\nclass Work:\n    log = logging.getLogger()\n    def f(self):\n        self.log.warn(1)\n",
        CLASS.format(""),
        CLASS.format("        self.name = 'x'"),
    ],
)
def test_what_every_way_shows(code: str) -> None:
    """A global, a factory of one line, an attribute of the class or one that is set once."""
    assert asked(code) == LOGGER


@pytest.mark.parametrize(
    "code",
    [
        "import logging\nlog = logging.getLogger()\nlog = other()\nlog.warn(1)\n",
        "import logging\nlog = logging.getLogger()\nfor log in things:\n    log.warn(1)\n",
        "import logging\nlog = logging.getLogger()\ndef f(log):\n    log.warn(1)\n",
        "import logging\ndef made(x):\n    if x:\n        return x\n    return logging.getLogger()\nlog = made(1)\nlog.warn(1)\n",
        "import logging\n@cached\ndef made():\n    return logging.getLogger()\nlog = made()\nlog.warn(1)\n",
        CLASS.format("        self.log = kw['log']"),
        CLASS.format("        self.__dict__.update(kw)"),
        CLASS.format("        for k, v in kw.items():\n            setattr(self, k, v)"),
        CLASS.format("") + "\nWork().log = None\nw = Work()\nw.log = None\n",
        "import logging\n@dataclass\nclass Work:\n    log: object = logging.getLogger()\n    def f(self):\n        self.log.warn(1)\n",
        "import logging\nclass Work:\n    log = logging.getLogger()\n    def f(self):\n        self = other()\n        self.log.warn(1)\n",
        "import logging\nclass Work:\n    log = logging.getLogger()\n    def f(self):\n        self.log.warn(1)\nclass Loud(Work):\n    log = None\n",
    ],
)
def test_what_some_way_hides(code: str) -> None:
    """A second assignment, a parameter, a branch, a generated constructor, a derived class: any may bring something else."""
    assert asked(code) is None


@pytest.mark.parametrize(
    ("other", "result"),
    [
        ("from mod import Work\nclass Loud(Work):\n    def __init__(self):\n        self.log = None\n", None),
        ("from mod import Work\nclass Loud(Work):\n    log = Fake()\n", None),
        ("from mod import Work\nclass Loud(Work):\n    @property\n    def log(self):\n        return None\n", None),
        ("def silence(work):\n    work.log = None\n", None),
        ("from mod import Work\nimport logging\nclass Other(Work):\n    def __init__(self):\n        self.log = logging.getLogger('o')\n", LOGGER),
        ("class Unrelated:\n    def __init__(self):\n        self.log = None\n", LOGGER),
        ("from mod import Work\nclass Loud(Work):\n    def log(self):\n        return None\n", LOGGER),
    ],
)  # fmt: skip
def test_what_another_file_sets(other: str, result: str | None) -> None:
    """Classes that derive, and code that sets the attribute on what it is handed; a class without bases keeps to itself."""
    assert asked(CLASS.format(""), other=other) == result


@pytest.mark.parametrize(
    ("logs", "result"),
    [
        ("import logging\nlog = logging.getLogger('a')\n", LOGGER),
        ("import logging\nlog = logging.getLogger('a')\nlog = wrap(log)\n", None),
        ("from deeper import log\n", LOGGER),
    ],
)
def test_an_import_is_followed_to_where_the_value_is_made(logs: str, result: str | None) -> None:
    """Through modules of the project, as long as each binds the name once."""
    deeper = "import logging\nlog = logging.getLogger('a')\n"
    assert asked("from logs import log\nlog.warn(1)\n", logs=logs, deeper=deeper) == result
