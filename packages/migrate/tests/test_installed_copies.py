"""Tests that import an installed copy of the service are run against what the migration makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maestro_migrate._installed_copies import InstalledCopies
from maestro_migrate._plan import FileWrite, MigrationPlan
from maestro_migrate._verify import Verifier

CODE = "LEVEL = 20\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a service in the `src` layout, with tests."""
    package = tmp_path / "service" / "src" / "svc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text(CODE)
    (tmp_path / "service" / "tests").mkdir()
    (tmp_path / "service" / "tests" / "test_core.py").write_text("from svc.core import LEVEL\n")
    return tmp_path / "service"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """Make an environment into which the package was installed as a copy, linked from a cache."""
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (installed,) = place.glob("lib/python*/site-packages")
    (installed / "svc").mkdir()
    (installed / "svc" / "__init__.py").write_text("")
    (tmp_path / "cache.py").write_text(CODE)
    os.link(tmp_path / "cache.py", installed / "svc" / "core.py")
    return place


def test_the_copy_follows_the_tree_and_goes_back(tree: Path, venv: Path, tmp_path: Path) -> None:
    """Changed modules, new ones and removed ones; what the installer's cache holds stays."""
    (installed,) = venv.glob("lib/python*/site-packages/svc")
    copies = InstalledCopies(tree, venv)
    (tree / "src/svc/core.py").write_text("LEVEL = 10\n")
    (tree / "src/svc/settings.py").write_text("X = 1\n")
    copies.follow(tree, ["src/svc/core.py", "src/svc/settings.py", "tests/test_core.py", "README.md"])
    assert (installed / "core.py").read_text() == "LEVEL = 10\n"
    assert (installed / "settings.py").read_text() == "X = 1\n"
    assert (tmp_path / "cache.py").read_text() == CODE
    (tree / "src/svc/core.py").write_text(CODE)
    (tree / "src/svc/settings.py").unlink()
    copies.follow(tree, [])
    assert sorted(path.name for path in installed.glob("*.py")) == ["__init__.py", "core.py"]
    assert (installed / "core.py").read_text() == CODE


def test_another_version_and_a_folder_of_the_same_name_are_no_copies(tree: Path, venv: Path) -> None:
    """What differs before anything is changed is somebody else's, and so are folders that share only empty files."""
    (installed,) = venv.glob("lib/python*/site-packages/svc")
    (installed / "core.py").unlink()
    (installed / "core.py").write_text("LEVEL = 30\n")
    for text in ("LEVEL = 30\n", ""):
        (installed / "core.py").write_text(text)
        copies = InstalledCopies(tree, venv)
        (tree / "src/svc/core.py").write_text("LEVEL = 10\n")
        copies.follow(tree, ["src/svc/core.py"])
        assert (installed / "core.py").read_text() == text
        (tree / "src/svc/core.py").write_text(CODE)


def test_a_regression_shows_although_the_tests_import_the_installed_copy(tree: Path, venv: Path) -> None:
    """They ran against the old code both times, and could not fail; the environment that was given stays as it is."""
    judge = Verifier(
        tree, venv=venv, test_command="python -c 'from svc.core import LEVEL'", parity=False, generates=False
    )
    write = FileWrite("src/svc/core.py", CODE.encode(), b"LEVELS = 1\n")
    try:
        found = judge.verify(MigrationPlan("service", writes=[write])).regressions
    finally:
        judge.close()
    assert len(found) == 1
    (installed,) = venv.glob("lib/python*/site-packages/svc")
    assert (installed / "core.py").read_text() == CODE
