"""What files tell each other before any is rewritten, and which of them need not even be parsed."""

from pathlib import Path

import pytest

from maestro_migrate._cache import ResultCache
from maestro_migrate._recipe import select
from maestro_migrate._scan import Options, Scan, prefilter, scan_files

RECIPES = select(["logging/ask_the_library_for_loggers"])


def scanned(root: Path, files: dict[str, str]) -> Scan:
    """Scan a tree."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return scan_files(root, sorted(files), Options(RECIPES, jobs=1), ResultCache(None))


@pytest.mark.parametrize(
    ("raw", "passes"),
    [
        (b"import logging\nlogging.getLogger()\n", True),
        (b"from app.log import logging\n", True),
        (b"from x import *\n", True),
        (b"monkeypatch.setattr(a, 'b', c)\n", True),
        (b"def f(x):\n    return x + 1\n", False),
    ],
)
def test_only_what_could_matter_is_parsed(raw: bytes, passes: bool) -> None:
    """Words of recipes, borrowed modules, stars and patches; plain code costs a search."""
    assert prefilter(RECIPES, named=frozenset()).passes(raw) is passes


def test_a_module_that_lends_the_plumbing_is_read_whole(tmp_path: Path) -> None:
    """It uses none itself, but another file takes it from there."""
    files = {
        "app/__init__.py": "",
        "app/log.py": "import logging, os\n",
        "app/a.py": "from app.log import logging\nlogging.getLogger()\n",
    }
    assert scanned(tmp_path, files).facts["app/log.py"].exports["logging"] == "logging"


def test_a_file_that_cannot_be_read_as_python_has_a_reason(tmp_path: Path) -> None:
    """It is told, and stops nothing."""
    found = scanned(tmp_path, {"a.py": "getLogger(\n", "b.py": "import logging\nlogging.getLogger()\n"})
    assert found.facts["a.py"].unparsed
    assert found.facts["b.py"].sites == {"logging/ask_the_library_for_loggers": 1}


def test_the_digest_tells_of_every_fact(tmp_path: Path) -> None:
    """It stays the same for the same tree, and changes with what one file says to the others."""
    files = {"a.py": "import logging\nlogging.getLogger()\n", "b.py": "from unittest.mock import patch\npatch('a.x')\n"}
    first = scanned(tmp_path, files).digest
    assert scanned(tmp_path, files).digest == first
    assert scanned(tmp_path, {**files, "b.py": "from unittest.mock import patch\npatch('a.logging')\n"}).digest != first


def test_a_file_that_is_no_python_is_named_whatever_it_is_about(tmp_path: Path) -> None:
    """No word of a recipe stands in it, and yet the report has to tell of it."""
    facts = scanned(tmp_path, {"old.py": 'print "hello"\n', "new.py": "print('hello')\n"}).facts
    assert facts["old.py"].unparsed.startswith("line 1: Missing parentheses")
    assert facts["new.py"].unparsed == ""
