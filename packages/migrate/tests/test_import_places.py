"""New imports stand in the group where isort would put them, and take only such comments with them as say where they stand."""

from pathlib import Path

import isort
import pytest

from maestro_migrate._engine import Options, plan
from maestro_migrate._import_places import says_where_only
from maestro_migrate._recipe import select

BODY = 'PORT = os.getenv("PORT", "80")\nlog = logging.getLogger(__name__)\nprint(PORT, log.name)\n'
NEW = ("from maestro_core_logging import get_logger", "from settings import settings")


def migrated(tree: Path, text: str) -> str:
    """Return a file after the recipes for loggers and settings; `mine.py` beside it is of the project."""
    (tree / "main.py").write_text(text)
    (tree / "mine.py").write_text("x = 1\n")
    recipes = select(["logging/ask_the_library_for_loggers", "config/read_settings_from_one_class"])
    writes = {write.path: write.after or b"" for write in plan(tree, Options(recipes, jobs=1)).writes}
    return writes["main.py"].decode()


@pytest.mark.parametrize(
    "header",
    [
        "import logging\nimport os\n\n",
        '"""Page."""\n\nimport logging\nimport os\n\n',
        '"""Page."""\n\nfrom __future__ import annotations\n\nimport logging\nimport os\n\n',
        "#!/usr/bin/env python\n# A licence.\n\nimport logging\nimport os\n\n",
        "import logging\nimport os\nimport sys\n\nsys.argv\n",
        "import logging\nimport os\n\nimport packaging\n\npackaging\n",
        "import logging\nimport os\n\nimport packaging\n\nimport mine\n\npackaging, mine\n",
        "import logging\nimport os\n\nimport mine\n\nmine\n",
        "import logging\nimport os\nfrom abc import ABC\n\nfrom zipp import Path\n\nfrom mine import x\n\nABC, Path, x\n",
    ],
)
def test_a_file_in_isorts_order_stays_in_it(tmp_path: Path, header: str) -> None:
    """The standard library, others' packages and the project's own modules, a settings file that is only just made included, keep their groups."""
    config = isort.Config(profile="black", known_first_party=frozenset({"mine", "settings"}), src_paths=())
    before = header + BODY
    assert isort.check_code(before, config=config)
    after = migrated(tmp_path, before)
    assert all(line in after for line in NEW)
    assert "import os" not in after
    assert isort.check_code(after, config=config), after


def test_a_package_that_has_a_group_of_its_own_keeps_it(tmp_path: Path) -> None:
    """Where a repository has several packages and sorts those beside the file's own with the installed ones."""
    header = "import os\n\nfrom app_sdk.log import log\n\nfrom app.es import es\nfrom app.web import web\n\n"
    for folder, names in {"app": ("__init__", "es", "web"), "app_sdk": ("__init__", "log")}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.py").write_text(f"{name} = 1\n")
    (tmp_path / "app" / "main.py").write_text(header + 'print(os.getenv("PORT", "80"), log, es, web)\n')
    writes = plan(tmp_path, Options(select(["config/read_settings_from_one_class"]), jobs=1)).writes
    after = next(write.after or b"" for write in writes if write.path == "app/main.py").decode()
    assert "\n\nfrom app.es import es\nfrom app.settings import settings\nfrom app.web import web\n\n" in after


def test_groups_that_no_blank_line_sets_apart_stay_so(tmp_path: Path) -> None:
    """A house style without blank lines gets none."""
    after = migrated(
        tmp_path, "import logging\nimport os\nimport sys\nimport packaging\nimport mine\nsys, packaging, mine\n" + BODY
    )
    assert after.startswith(f"import sys\nimport packaging\n{NEW[0]}\nimport mine\n{NEW[1]}\nsys, packaging, mine\n")


def test_a_comment_above_the_first_import_stays_above_what_takes_its_place(tmp_path: Path) -> None:
    """It was about the imports, and a comment that is left between nothing and nothing puzzles."""
    after = migrated(tmp_path, '"""Page."""\n# what this needs\nimport logging\nimport os\n\n' + BODY)
    assert after.startswith(f'"""Page."""\n# what this needs\n{NEW[0]}\n\n{NEW[1]}\n')


@pytest.mark.parametrize(
    ("comment", "goes"),
    [
        ("# noqa: E402", True),
        ("# noqa:E402,I001", True),
        ("# isort: skip", True),
        ("# isort:skip", True),
        ("# pylint: disable=wrong-import-position", True),
        ("# noqa", False),
        ("# noqa: F401", False),
        ("# noqa: E402, F401", False),
        ("# pylint: disable=unused-import", False),
        ("# type: ignore", False),
        ("# for its side effects", False),
    ],
)
def test_a_comment_about_the_place_goes_with_the_import(tmp_path: Path, comment: str, goes: bool) -> None:
    """A remark to people, or one that says that the import is wanted although nothing uses it, keeps the import."""
    assert says_where_only(comment) is goes
    after = migrated(tmp_path, f"import os  {comment}\nimport logging\n" + BODY)
    assert (f"import os  {comment}" in after) is not goes
