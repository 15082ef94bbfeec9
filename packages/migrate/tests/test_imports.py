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
        ("import logging\nimport sys\n\nimport yaml\n\nsys.path.insert(0, 'lib')\n\nlogging.getLogger()\n", "import sys\n\nimport yaml\nfrom maestro_core_logging import get_logger\n\nsys.path.insert(0, 'lib')\n\nget_logger()\n"),
        ("import logging\nimport sys\n\nsys.path.insert(0, 'lib')\n\nlogging.getLogger()\n", "import sys\n\nsys.path.insert(0, 'lib')\n\nfrom maestro_core_logging import get_logger\n\nget_logger()\n"),
        ("import logging\n\npatch_all()\n\nlogging.getLogger()\n", "patch_all()\n\nfrom maestro_core_logging import get_logger\n\nget_logger()\n"),
    ],
)  # fmt: skip
def test_imports_follow(before: str, after: str) -> None:
    """The new import stands where it works, and the old one goes only when nothing mentions it."""
    result = rewrite_file(
        before.encode(), "mod.py", Project({"mod.py": Facts()}), select(["logging/ask_the_library_for_loggers"])
    )
    assert (result.after or b"").decode() == after


INIT = "import logging\nimport os\n\nlog = logging.getLogger(__name__)\nhome = os.sep\n"


@pytest.mark.parametrize("line", ["import logging", "from logging import getLogger", "import logging as log_"])
def test_a_packages_own_file_hands_on_no_standard_module(tmp_path: Path, line: str) -> None:
    """`import logging` goes from an `__init__.py`, too, where nothing asks the package for it."""
    local = {"from logging import getLogger": "getLogger", "import logging as log_": "log_.getLogger"}.get(line)
    code = INIT.replace("import logging", line).replace("logging.getLogger", local or "logging.getLogger")
    after = migrated(tmp_path, {"pkg/__init__.py": code}, "logging/ask_the_library_for_loggers")["pkg/__init__.py"]
    assert f"{line}\n" not in after
    assert "import os\n" in after


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (INIT, "from pkg import logging\n\nlogging.shutdown()\n"),
        (INIT, "import pkg\n\npkg.logging.shutdown()\n"),
        (INIT, "from pkg import *\n\nlogging.shutdown()\n"),
        (INIT.replace("import logging", "import logging as logging"), ""),
        (f'{INIT}__all__ = ["logging"]\n', ""),
    ],
)
def test_what_a_packages_own_file_may_hand_on_stays(tmp_path: Path, first: str, other: str) -> None:
    """What another file takes from the package, and whatever says that it is handed on."""
    files = {"pkg/__init__.py": first, "main.py": other}
    after = migrated(tmp_path, files, "logging/ask_the_library_for_loggers")["pkg/__init__.py"]
    assert first.partition("\n")[0] in after.splitlines()


def test_names_are_imported_one_by_one_where_the_file_does_so(tmp_path: Path) -> None:
    """As isort's `force_single_line` and reorder-python-imports write them."""
    code = (
        "import logging\nfrom typing import Any\nfrom typing import Optional\n\n"
        "log: Optional[Any] = logging.getLogger()\nlogging.basicConfig()\n"
    )
    (tmp_path / "app.py").write_text(code)
    made = plan(tmp_path, Options(select(["logging"]), jobs=1))
    [after] = [(write.after or b"").decode() for write in made.writes if write.path == "app.py"]
    assert "from maestro_core_logging import configure_logging\nfrom maestro_core_logging import get_logger\n" in after


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ('KEYS = {"logging": {"level": 1}}\n', False),
        ('KEYS = {"handlers": {"out": {"class": "logging.StreamHandler"}}}\n', False),
        ('def f():\n    """Tell when logging is on.\n\n    >>> f()\n    """\n', False),
        ('def f():\n    """Tell.\n\n    >>> f(logging.INFO)\n    """\n', True),
        ('def f(x):\n    """Tell when logging is on."""\n    return eval(x)\n', False),
        ('def f(log: "logging.Logger"): ...\n', True),
        ('Log = TypedDict("Log", {"class": "logging.Logger"})\n', True),
        ('def f(x: "list[logging.Logger]"): ...\n', True),
        ('KEYS = {"logging": eval("logging")}\n', True),
        ('BACKEND = "markus.backends.logging.LoggingMetrics"\n', False),
        ('def f(x: "logging.Logger", y: "other.logging.Logger"): ...\n', True),
    ],
)
def test_a_string_that_is_a_modules_name_is_no_use_of_it(tmp_path: Path, line: str, stays: bool) -> None:
    """A key of a configuration names no module, while an annotation names what stands in one."""
    files = {"main.py": f"import logging\n\nlog = logging.getLogger()\n{line}"}
    after = migrated(tmp_path, files, "logging/ask_the_library_for_loggers")["main.py"]
    assert ("import logging\n" in after) == stays


@pytest.mark.parametrize(
    ("listed", "stays"),
    [
        ('__all__ = ["log"]\n', False),
        ('__all__ = ("log",)\nKEYS = ["logging"]\n', False),
        ('__all__ = ["log", "logging"]\n', True),
        ('__all__ = ["log"]\n__all__ += NAMES\n', True),
        ('__all__ = ["log", *NAMES]\n', True),
        ('__all__ = ["log"]\n__all__.append(NAME)\n', True),
        ("", True),
    ],
)
def test_a_star_import_takes_what_is_listed(tmp_path: Path, listed: str, stays: bool) -> None:
    """A plain `__all__` says which names `import *` carries; one that is put together may name any."""
    files = {
        "pkg/__init__.py": "from pkg.mod import *\n",
        "pkg/mod.py": f"import logging\n\nlog = logging.getLogger()\n{listed}",
    }
    after = migrated(tmp_path, files, "logging/ask_the_library_for_loggers")["pkg/mod.py"]
    assert ("import logging\n" in after) == stays


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (
            'if __name__ == "__main__":\n    import logging\n\n    logging.getLogger().setLevel(10)\n',
            "    get_logger().setLevel(10)\n",
        ),
        ('if __name__ == "__main__":\n    import logging\n\nlog = logging.getLogger()\n', "    import logging\n"),
        (
            'if sys.platform == "win32":\n    import logging\n\n    logging.getLogger().setLevel(10)\n',
            "    import logging\n",
        ),
    ],
)
def test_an_import_of_the_main_block_goes_with_its_last_use(tmp_path: Path, code: str, after: str) -> None:
    """The block always runs when the file is the program; other conditions may be about the import itself."""
    made = migrated(
        tmp_path, {"main.py": f"import sys\n\nprint(sys.path)\n\n{code}"}, "logging/ask_the_library_for_loggers"
    )
    assert after in made["main.py"]
    assert made["main.py"].count("import logging\n") == after.count("import logging\n")


def test_a_name_in_a_plain_string_of_new_text_is_no_use(tmp_path: Path) -> None:
    """`X-Request-ID` in what a middleware becomes kept `from fastapi import Request`, which ruff then found unused."""
    code = (
        "import uuid\n\nfrom fastapi import FastAPI, Request\n\napp = FastAPI()\n\n\n"
        '@app.middleware("http")\nasync def rid(request: Request, call_next):\n'
        "    request.state.rid = str(uuid.uuid4())\n    response = await call_next(request)\n"
        '    response.headers["X-Request-ID"] = request.state.rid\n    return response\n'
    )
    after = migrated(tmp_path, {"main.py": code}, "api")["main.py"]
    assert "X-Request-ID" in after
    assert "import Request" not in after


def test_a_functions_own_import_is_no_use_of_the_modules(tmp_path: Path) -> None:
    """The import at the top goes where what is left of the name belongs to a function that imports it again."""
    own = "def quiet():\n    import logging\n\n    log = logging.getLogger('x')\n    log.setLevel(logging.CRITICAL)\n"
    code = f"import logging\n\nlog = logging.getLogger(__name__)\n\n\n{own}"
    after = migrated(tmp_path, {"main.py": code}, "logging/ask_the_library_for_loggers")["main.py"]
    assert not after.startswith("import logging\n")
    assert "    import logging\n" in after


@pytest.mark.parametrize(
    ("imports", "after", "rest"),
    [
        ("import logging\nimport logging.config\n", "", ""),
        ("import logging\nimport logging.config\n", "import logging\nimport logging.config\n", "logging.config.fileConfig('a')\n"),
        ("import logging\nimport logging.handlers\n", "import logging\nimport logging.handlers\n", ""),
        ("import logging\ntry:\n    import logging.config\nexcept ImportError: ...\n", "import logging\n\ntry:", ""),
        ("import logging\nfrom acme import *\n", "from acme import *\n", ""),
    ],
)  # fmt: skip
def test_what_binds_a_package_twice_goes_where_nothing_needs_it(
    tmp_path: Path, imports: str, after: str, rest: str
) -> None:
    """`import logging` beside `import logging.config` goes with it; what makes another submodule known stays, with its package."""
    (tmp_path / "acme.py").write_text("A = 1\n")
    files = {"main.py": f"{imports}\nlog = logging.getLogger()\n{rest}"}
    text = migrated(tmp_path, files, "logging/ask_the_library_for_loggers")["main.py"]
    kept = [line for line in text.splitlines() if "maestro_core_logging" not in line]
    assert "\n".join(kept).lstrip("\n").startswith(after or "log = ")
    assert ("import logging\n" in text) == ("import logging\n" in after)


RENAMED = "from maestro_core_logging import configure_logging as maestro_configure_logging\n"
TOGETHER = "from maestro_core_logging import configure_logging as maestro_configure_logging, get_logger\n"


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("", f"{RENAMED}from maestro_core_logging import get_logger\n"),
        ("from maestro_core_logging import get_logger\n", f"{RENAMED}from maestro_core_logging import get_logger\n"),
        ("from json import dumps, loads as read\n", f"from json import dumps, loads as read\n\n{TOGETHER}"),
    ],
)
def test_a_name_under_another_one_is_imported_by_itself(tmp_path: Path, head: str, wanted: str) -> None:
    """As isort and ruff have it, but where the file has several names in such an import already."""
    code = (
        f"import logging\n{head}\n\ndef configure_logging():\n    logging.basicConfig(level='INFO')\n"
        "    return logging.getLogger('a')\n"
    )
    assert wanted in migrated(tmp_path, {"main.py": code}, "logging")["main.py"]


@pytest.mark.parametrize(
    ("kept", "is_told"),
    [
        ("if TYPE_CHECKING:\n    from micloud import MiCloud  # noqa: F401\n\n\ndef f():\n    from micloud import MiCloud\n\n    return MiCloud()\n", False),
        ("try:\n    import orjson\nexcept ImportError:\n    orjson = None\n", False),
        ("if TYPE_CHECKING:\n    from logging import Logger\nelse:\n    import logging as log_\n\nother = log_.getLogger('b')\n", True),
    ],
)  # fmt: skip
def test_only_what_a_change_left_unused_is_told(tmp_path: Path, kept: str, is_told: bool) -> None:
    """An import that nothing used before, or that a function hides by its own, is not the migration's business."""
    code = f"import logging\nfrom typing import TYPE_CHECKING\n\nlog = logging.getLogger('a')\n{kept}"
    (tmp_path / "main.py").write_text(code)
    made = plan(tmp_path, Options(select(["logging/ask_the_library_for_loggers"]), jobs=1))
    assert any("import-left" in each.reason for each in made.findings) == is_told
    assert made.writes


@pytest.mark.parametrize(("example", "stays"), [(">>> # logging comes first", False), (">>> logging.INFO  # 20", True)])
def test_a_comment_in_a_doctest_is_no_use(tmp_path: Path, example: str, stays: bool) -> None:
    """What the example runs keeps the import, what it says does not."""
    code = f'import logging\n\nlog = logging.getLogger("a")\n\n\ndef work():\n    """\n    {example}\n    """\n'
    after = migrated(tmp_path, {"main.py": code}, "logging/ask_the_library_for_loggers")["main.py"]
    assert ("import logging" in after) is stays
