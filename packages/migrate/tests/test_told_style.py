"""What the service's linters are told holds for new code, too."""

from pathlib import Path

import pytest

from maestro_migrate._engine import plan
from maestro_migrate._recipe import select
from maestro_migrate._scan import Options
from maestro_migrate._told_style import known_first_party, ruff_checks, takes_one_name_each


def migrated(tree: Path, files: dict[str, str]) -> dict[str, str]:
    """Return the files that the recipes change in a tree, as they are after."""
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    made = plan(tree, Options(select(["logging", "config"]), jobs=1))
    return {write.path: (write.after or b"").decode() for write in made.writes}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[tool.isort]\nforce_single_line = true\n", True),
        ("[tool.ruff.lint.isort]\nforce-single-line = true  # as before\n", True),
        ("[settings]\nforce_single_line=True\n", True),
        ("[isort]\nprofile = google\n", True),
        ("-   repo: x\n    hooks:\n    -   id: reorder-python-imports\n", True),
        ("[tool.isort]\nforce_single_line = false\n", False),
        ('[tool.isort]\nprofile = "black"\n', False),
        ("", False),
    ],
)
def test_who_wants_one_name_in_each_import(text: str, wanted: bool) -> None:
    """Isort, ruff and reorder-python-imports, in whatever file they are told."""
    assert takes_one_name_each([text]) == wanted


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('[tool.isort]\nknown_first_party = "acme"\n', {"acme"}),
        (
            '[tool.ruff.lint.isort]\nknown-first-party = [\n  "acme",\n  "other.part",\n]\nx = ["y"]\n',
            {"acme", "other"},
        ),
        ("[isort]\nknown_first_party =\n    acme\n    other\nline_length = 80\n", {"acme", "other"}),
        ("[isort]\nknown_first_party = acme, other\n", {"acme", "other"}),
        ("[isort]\nknown_third_party = acme\n", set()),
    ],
)
def test_who_is_sorted_with_the_services_own(text: str, names: set[str]) -> None:
    """A name, a list of TOML, or lines of an ini file."""
    assert known_first_party([text]) == names


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"pyproject.toml": '[tool.ruff.lint]\nselect = ["E", "COM"]\n'}, True),
        ({"pyproject.toml": '[tool.ruff]\nextend-select = ["COM812"]\n'}, True),
        ({"ruff.toml": '[lint]\nselect = ["ALL"]\n'}, True),
        ({"ruff.toml": '[lint]\nselect = ["ALL"]\nignore = ["COM812"]\n'}, False),
        ({"ruff.toml": '[lint]\nselect = ["COM818"]\n'}, False),
        ({"ruff.toml": '[lint]\nselect = ["COM"]\n', ".ruff.toml": '[lint]\nselect = ["E"]\n'}, False),
        ({"pyproject.toml": '[tool.ruff.lint]\nselect = ["COM"]\n', "ruff.toml": "line-length = 88\n"}, False),
        ({"pyproject.toml": '[tool.ruff]\nselect = ["COM8", 3, ""]\nlint = 3\n'}, True),
        ({"pyproject.toml": 'tool = "none"\n', "ruff.toml": "not TOML"}, False),
        ({}, False),
    ],
)
def test_who_wants_a_comma_at_the_end(files: dict[str, str], wanted: bool) -> None:
    """Ruff, where its rule is chosen and not ignored, in the file that it goes by when there are several."""
    assert ruff_checks(files, "COM812") == wanted


def test_a_new_file_has_one_name_in_each_import(tmp_path: Path) -> None:
    """The settings file and the merged import of two names, although the file itself has no such pair yet; and so it stays when fields are added."""
    files = {
        "pyproject.toml": "[tool.isort]\nforce_single_line = true\n",
        "app.py": "import logging\nimport os\n\nlogging.info(os.getenv('A_KEY'))\nlog = logging.getLogger(os.environ['B'])\n",
    }
    after = migrated(tmp_path, files)
    assert (
        "from maestro_core_logging import get_logger\nfrom maestro_core_logging import root_logger\n" in after["app.py"]
    )
    imports = "from maestro_core_config import BaseConfig\nfrom maestro_core_config import env\n"
    assert f"{imports}from maestro_core_config import secret\n\n" in after["settings.py"]
    (tmp_path / "settings.py").write_text(after["settings.py"])
    later = {
        "app.py": f"{after['app.py']}FLAG = os.getenv('FLAG', '').lower() == 'yes'\n".replace(
            "\n\n", "\nimport os\n\n", 1
        )
    }
    extended = migrated(tmp_path, later)["settings.py"]
    assert (
        f"{imports}from maestro_core_config import lower_equals\nfrom maestro_core_config import secret\n\n" in extended
    )
    assert extended.count("from maestro") == 4
    assert "flag: bool" in extended


def test_a_new_import_stands_above_what_is_sorted_with_the_services_own(tmp_path: Path) -> None:
    """A library of the same house comes after what is foreign, as isort is told."""
    code = (
        "import logging\n\nfrom aiohttp import web\n\nfrom acme.api import call\n\nlog = logging.getLogger(call(web))\n"
    )
    after = migrated(tmp_path, {"setup.cfg": "[isort]\nknown_first_party = acme\n", "app.py": code})["app.py"]
    assert after.startswith("from aiohttp import web\nfrom maestro_core_logging import get_logger\n\nfrom acme")


def test_a_call_that_is_broken_ends_with_the_comma_that_the_linter_wants(tmp_path: Path) -> None:
    """One argument a line, as black keeps what ends with a comma."""
    ruff = '[tool.ruff]\nline-length = 65\n[tool.ruff.lint]\nselect = ["COM812"]\n'
    code = "import logging\n\nlogging.basicConfig(level=logging.INFO, format='%(threadName)s')\n"
    after = migrated(tmp_path, {"pyproject.toml": ruff, "app.py": code})["app.py"]
    assert after.endswith('configure_logging(\n    level=logging.INFO,\n    record_fields=["threadName"],\n)\n')
