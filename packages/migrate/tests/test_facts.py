"""What one file tells the others: what it hands on, what it uses of theirs, and what it replaces in them."""

import pytest

from maestro_migrate._facts import facts_of
from maestro_migrate._project import Facts, Project
from maestro_migrate._semantics import Module
from maestro_migrate._source import read_source

ROOTS = frozenset({"app"})
SITES = frozenset({"os.getenv", "os.environ", "os.environ.get", "logging.getLogger", "logging.error"})


def told(code: str, path: str = "app/mod.py") -> Facts:
    """Return the facts of a module of the project."""
    files = ["app/__init__.py", "app/log.py", path]
    return facts_of(Module(read_source(code.encode(), path), Project({}, files=files)), ROOTS, sites=SITES)


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
        ("import importlib\nimportlib.import_module('app.log').LEVEL\n", "app.log.LEVEL"),
        ("from importlib import import_module\nlog = import_module('.log', __package__)\nlog.LEVEL\n", "app.log.LEVEL"),
        ("__import__('app').log.LEVEL\n", "app.log.LEVEL"),
        ("import sys\nsys.modules['app.log'].LEVEL\n", "app.log.LEVEL"),
        ("import importlib\nfrom app import log\nfresh = importlib.reload(log)\nfresh.LEVEL\n", "app.log.LEVEL"),
        ("import sys\neval('1', sys.modules['app.log'].__dict__)\n", "app.log.*"),
        ("import runpy\nfor name in runpy.run_path('app/log.py'):\n    print(name)\n", "app.log.*"),
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
        ("from app import log, mod\nfor each in (log, mod):\n    each.logging = None\n", "app.log.logging"),
        ("import importlib\nimportlib.import_module('app.log').logging = None\n", "app.log.logging"),
        ("import os\nsetattr(os, 'get' + 'env', None)\n", "os.*"),
        ("import os\nvars(os).update(getenv=None)\n", "os.*"),
        ("import os\nos.__dict__.update(getenv=None)\n", "os.*"),
        ("from app import log\nfor name in ('level', 'log'):\n    setattr(log, name, None)\n", "app.log.log"),
        ("from unittest.mock import patch\nfor name in names:\n    patch(f'os.{name}')\n", "os.*"),
        ("import os\nfrom unittest.mock import patch\npatch.object(target=os, attribute='getenv')\n", "os.getenv"),
        ("import os\nfrom kit import swapped\nswapped(os, getenv=None)\n", "os.getenv"),
        ("import os\nfrom mockito import when\nwhen(os).getenv('A').thenReturn('b')\n", "os.getenv"),
        ("import os\nfrom flexmock import flexmock\nflexmock(os).should_receive('getenv')\n", "os.getenv"),
        ("import os\nfrom flexmock import flexmock\nflexmock(os.environ).should_receive('get')\n", "os.environ.get"),
        (
            "from flexmock import flexmock\nfrom app import log as m\nflexmock(m.os.environ).should_receive('get')\n",
            "app.log.os.environ.get",
        ),
        ("import os\nfrom mockito import when\nwhen(os.environ).get('A').thenReturn('b')\n", "os.environ.get"),
        ("def test(monkeypatch, svc):\n    monkeypatch.setattr(svc.os, 'getenv', 1)\n", "os.getenv"),
        ("def stub(svc):\n    svc.os.getenv = None\n", "os.getenv"),
    ],
)
def test_what_a_module_replaces(code: str, patch: str) -> None:
    """By string, by object and by assignment."""
    assert patch in told(code).patches


def test_a_replacement_on_something_unknown_counts_for_every_name_like_it() -> None:
    """Which object it is cannot be told, so the attribute alone is what is known."""
    assert told("def test(monkeypatch, thing):\n    monkeypatch.setattr(thing, 'log', 1)\n").loose == ["log"]
    assert told("def stub(module, fake):\n    module.getenv = fake\n").loose == ["getenv"]
    assert told("from unittest.mock import patch\npatch('.'.join(['app', 'getenv']))\n").loose == ["app", "getenv"]
    assert told("from app.log import f\nf.__globals__['getenv'] = None\n").loose == ["getenv"]


@pytest.mark.parametrize(
    "code",
    [
        "import os\ngetattr(os, 'getenv')\n",
        "import os\nfor name in vars(os):\n    print(name)\n",
        "import os\nprint(vars(os)['getenv'])\n",
        "class Job:\n    def __init__(self, logging):\n        self.logging = logging\n",
        "args = parse()\nargs.logging = True\n",
        "def fail(result):\n    result.error = 'no'\n",
        "import os\nrun(['ls'], env=os.environ, cwd='/')\n",
        "import os\ndict(os.environ).get('get')\n",
    ],
)
def test_reading_and_storing_on_things_of_ones_own_replaces_nothing(code: str) -> None:
    """Else every service with a `self.logging` would keep all of its loggers."""
    facts = told(code)
    assert [facts.patches, facts.loose] == [[], []]


def test_modules_that_strings_import_and_what_is_read_of_unknown_things() -> None:
    """Together they say that a name may be read which no import shows."""
    code = "import importlib\n\ndef load():\n    return importlib.import_module('app.log')\n\ndef use(svc):\n    return svc.os.sep, load().logging\n"
    facts = told(code)
    assert (facts.named, facts.borrowed) == (["app.log"], ["logging", "os"])


def test_what_the_module_of_that_name_has_not_is_no_module() -> None:
    """Else a `config.logging.formatting` would keep imports in modules that strings import."""
    assert told(
        "def use(config):\n    return config.logging.formatting, load().logging.formatting, config.os\n"
    ).borrowed == ["os"]


def test_plumbing_that_is_reached_through_unknown_things() -> None:
    """`service.os.getenv` is most likely a module's, unlike `options.logging`."""
    code = "def use(service, options):\n    return service.os.getenv('A'), load().logging.getLogger(), options.logging.level\n"
    assert told(code).borrowed == ["getenv", "logging", "logging.getLogger", "os", "os.getenv"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("r = client.get('/')\nassert r.headers == {}\n", 2),
        ("assert {} == dict(client.post('/').headers)\n", 1),
        ("async def test():\n    r = await client.put('/')\n    assert r.headers == EXPECTED\n", 3),
        ("def check(response):\n    assert response.headers == {}\n", 2),
        ("r = self.client.get('/')\nself.assertDictEqual({}, r.headers)\n", 2),
        ("r = self.client.get('/')\nself.assertEqual(r.headers, {})\n", 2),
        ("r = client.get('/')\nassert r.headers['a'] == 'b'\n", 0),
        ("r = client.get('/')\nassert r.headers != {}\n", 0),
        ("r = Request('/')\nassert r.headers == {}\n", 0),
    ],
)
def test_where_all_headers_of_a_response_are_compared(code: str, line: int) -> None:
    """What a client answered, whatever it is called; single headers and those of a request may be as they are."""
    assert told(code, "app/test_mod.py").compares_headers == line


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("def test(capsys, caplog): ...\n", ["caplog", "capsys"]),
        ("def test(capfdbinary):\n    assert b'x' in capfdbinary.readouterr().out\n", ["capfd"]),
        ('def test(capfd):\n    assert \'"level": "info"\' in capfd.readouterr().out\n', ["capfd", "json"]),
        ("from structlog.processors import JSONRenderer\n", ["JSONRenderer"]),
        ("escaped = '\"a\": 1'\n", []),
    ],
)
def test_what_a_test_may_look_at_lines_with(code: str, means: list[str]) -> None:
    """Fixtures that catch what is written, and pieces of JSON beside them; code that is no test looks at nothing."""
    assert told(code, "app/test_mod.py").looks_with == means
    assert told(code, "app/mod.py").looks_with == []
