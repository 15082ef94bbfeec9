"""Imports follow by themselves: new ones stand where the ones they replace stood, and an unused one goes."""

from pathlib import Path

import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._project import Facts, Project
from maestro_migrate._recipe import select
from maestro_migrate._rounds import rewrite_file


def migrated(tree: Path, files: dict[str, str], recipe: str) -> dict[str, str]:
    """Return the files that one recipe changes."""
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    made = plan(tree, Options(select([recipe]), jobs=1))
    return {write.path: (write.after or b"").decode() for write in made.writes}


def test_a_framework_is_imported_no_earlier_than_before(tmp_path: Path) -> None:
    """A policy that a module sets before it imports its framework is still set first."""
    code = (
        "import asyncio\n\n"
        "asyncio.set_event_loop_policy(None)\n\n"
        "from fastapi import FastAPI\n\n"
        "app = FastAPI()\n"
    )
    after = migrated(tmp_path, {"main.py": code}, "api/build_the_app_from_the_library")["main.py"]
    assert after.index("set_event_loop_policy") < after.index("from maestro_core_api import MaestroAPI")


def test_a_late_import_says_so_like_its_neighbours(tmp_path: Path) -> None:
    """Where every import of a run carries `# noqa: E402`, the new one does."""
    code = "import sys\n\nsys.dont_write_bytecode = True\n\nimport json  # noqa: E402\nimport logging  # noqa: E402\n\nlog = logging.getLogger(json.__name__)\n"
    after = migrated(tmp_path, {"main.py": code}, "logging/ask_the_library_for_loggers")["main.py"]
    assert "from maestro_core_logging import get_logger  # noqa: E402\n" in after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import logging\n\nlogging.getLogger()\nlogging.INFO\n", "import logging\n\nfrom maestro_core_logging import get_logger\n\nget_logger()\nlogging.INFO\n"),
        ("from logging import INFO, getLogger\n\ngetLogger(INFO)\n", "from logging import INFO\n\nfrom maestro_core_logging import get_logger\n\nget_logger(INFO)\n"),
        ('"""Page."""\nfrom __future__ import annotations; import logging; x = logging.getLogger()\n', '"""Page."""\nfrom __future__ import annotations; from maestro_core_logging import get_logger; import logging; x = get_logger()\n'),
        ("import logging\n\nx = logging.getLogger()  # type: logging.Logger\n", "import logging\n\nfrom maestro_core_logging import get_logger\n\nx = get_logger()  # type: logging.Logger\n"),
        ("import sys\nsys.path.insert(0, 'lib')\nimport logging\n\nlogging.getLogger()\n", "import sys\nsys.path.insert(0, 'lib')\nfrom maestro_core_logging import get_logger\n\nget_logger()\n"),
    ],
)  # fmt: skip
def test_imports_follow(before: str, after: str) -> None:
    """The new import stands where it works, and the old one goes only when nothing mentions it."""
    result = rewrite_file(
        before.encode(), "mod.py", Project({"mod.py": Facts()}), select(["logging/ask_the_library_for_loggers"])
    )
    assert (result.after or b"").decode() == after
