"""Circles of imports: a change that would close one is refused, and one that only looks like it is made."""

from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._patterns import rewrite
from maestro_migrate._plan import MigrationPlan
from maestro_migrate._recipe import Recipe

RECIPE = Recipe(
    "local/own", "Use our own", "", (rewrite("logging.getLogger($x)", to="app.log.logger($x)"),),
    words=("getLogger",), sites=("logging.getLogger",),
)  # fmt: skip
SITE = "import logging\n\nx = logging.getLogger('a')\n"


def planned(root: Path, files: dict[str, str]) -> MigrationPlan:
    """Plan the project's own logger for every file of a tree."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return plan(root, Options((RECIPE,), jobs=1))


@pytest.mark.parametrize(
    "log",
    [
        "from app.core import y\n",
        "import app.core\n",
        "from . import core\n",
        "class A:\n    from app.core import y\n",
        "from app.deep import z\n",
    ],
)
def test_a_circle_is_not_closed(tmp_path: Path, log: str) -> None:
    """A module that the new import would import keeps its code, and the finding names the way round."""
    made = planned(
        tmp_path,
        {
            "app/__init__.py": "",
            "app/log.py": log,
            "app/deep.py": "import app.core\n",
            "app/core.py": SITE,
            "main.py": SITE,
        },
    )
    assert [write.path for write in made.writes] == ["main.py"]
    [finding] = made.findings
    assert finding.path == "app/core.py"
    assert "import-circle" in finding.reason
    assert finding.reason.endswith("imports app/core.py")


def test_a_module_does_not_import_itself(tmp_path: Path) -> None:
    """The home of the new name is a site like any other, but not for itself."""
    made = planned(tmp_path, {"app/__init__.py": "", "app/log.py": SITE})
    assert not made.writes
    assert "import-circle" in made.findings[0].reason


@pytest.mark.parametrize(
    "log",
    [
        "def logger(x):\n    from app.core import y\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.core import y\n",
        "import os\n",
        "from app import other\n",
    ],
)
def test_what_does_not_run_on_import_closes_nothing(tmp_path: Path, log: str) -> None:
    """Lazy and type-only imports, and the package that is loaded already."""
    files = {"app/__init__.py": "from app.core import x\n", "app/log.py": log, "app/other.py": "", "app/core.py": SITE}
    made = planned(tmp_path, files)
    assert [write.path for write in made.writes] == ["app/core.py"]
    assert not made.findings


def test_a_local_import_stays_out_of_the_circle(tmp_path: Path) -> None:
    """What a function imported lazily is replaced as lazily, so nothing is closed."""
    core = "def f():\n    import logging\n    return logging.getLogger('a')\n"
    made = planned(tmp_path, {"app/__init__.py": "", "app/log.py": "from app.core import f\n", "app/core.py": core})
    assert [write.path for write in made.writes] == ["app/core.py"]
    assert b"def f():\n    from app.log import logger\n" in (made.writes[0].after or b"")
