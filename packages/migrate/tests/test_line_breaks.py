"""Calls that an edit made too long are broken where the service has a tool that would complain, and nowhere else."""

import pytest

from maestro_migrate._line_breaks import line_limit
from maestro_migrate._patterns import rewrite
from maestro_migrate._project import Facts, Project
from maestro_migrate._recipe import Recipe, select
from maestro_migrate._rounds import rewrite_file

RECIPE = Recipe(
    "local/longer", "Rename", "", (rewrite("a.f($*x)", to="a.function($*x)"),), words=("a",), sites=("a.f",)
)
FLAKE8 = {"setup.cfg": "[flake8]\nmax-line-length = 40\n"}


def laid_out(code: str, styles: dict[str, str], recipe: Recipe = RECIPE) -> str:
    """Rewrite the body of a file that imports `a`."""
    project = Project({"mod.py": Facts()}, styles=styles)
    result = rewrite_file(f"import a\n{code}".encode(), "mod.py", project, [recipe])
    assert not result.findings, result.findings
    return (result.after or b"").decode().partition("\n")[2].removeprefix("\n")


BROKEN = {
    "what fits on a line of its own": (
        "a.f('a text that just fits', 1, x=2)\n",
        "function(\n    'a text that just fits', 1, x=2\n)\n",
    ),
    "a value in a block": (
        "if 1:\n    r = a.f('some text', 1234, *k, x=2)\n",
        "if 1:\n    r = function(\n        'some text', 1234, *k, x=2\n    )\n",
    ),
    "an awaited call": (
        "async def g():\n    return await a.f('a text', b'c')\n",
        "async def g():\n    return await function(\n        'a text', b'c'\n    )\n",
    ),
    "a choice that ends with a name": (
        "long_name = a.f('text', 1) or fallback\n",
        "long_name = (\n    function('text', 1) or fallback\n)\n",
    ),
    "letters of more than one byte": (
        "a.f('ü text that just fits', 1, x=2)\n",
        "function(\n    'ü text that just fits', 1, x=2\n)\n",
    ),
}
KEPT = {
    "what fits": ("a.f('a text that fits', 1)\n", "function('a text that fits', 1)\n"),
    "what was too long before": (
        "a.f('a text that never fitted on one line', 1)\n",
        "function('a text that never fitted on one line', 1)\n",
    ),
    "a comment beside it": (
        "a.f('a text that fits', 1)  # noqa: ABC\n",
        "function('a text that fits', 1)  # noqa: ABC\n",
    ),
    "two statements on a line": (
        "a.f('a text that fits', 12345, 6); b()\n",
        "function('a text that fits', 12345, 6); b()\n",
    ),
    "a sum that ends with a call": (
        "x = 1 + a.f('a text that fits', 1234)\n",
        "x = 1 + function('a text that fits', 1234)\n",
    ),
    "a sum in brackets": (
        "x = (a.f('a text that fits', 1) + 1234)\n",
        "x = (function('a text that fits', 1) + 1234)\n",
    ),
    "the head of a block": (
        "if a.f('a text that just fits', 1, 2):\n    pass\n",
        "if function('a text that just fits', 1, 2):\n    pass\n",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_call_that_no_longer_fits_is_broken(case: str) -> None:
    """As black does: its arguments stand on a line of their own."""
    before, after = BROKEN[case]
    assert laid_out(before, FLAKE8) == after


def test_a_name_that_no_longer_fits_gets_brackets() -> None:
    """Where `int(\\n    os.getenv(…)\\n)` became one name that is longer than the first of those lines."""
    renamed = rewrite("a.f($x)", to="a.settings.a_variable")
    recipe = Recipe("local/named", "Rename", "", (renamed,), words=("a",), sites=("a.f",))
    before = "A_LONG_VARIABLE_OF_OURS_HERE = a.f(\n    'A_VARIABLE'\n)\n"
    after = "A_LONG_VARIABLE_OF_OURS_HERE = (\n    a_variable\n)\n"
    assert laid_out(before, FLAKE8, recipe) == after


def test_arguments_that_fit_no_line_together_get_one_each() -> None:
    """With a comma behind the last one, as black does."""
    longer = rewrite("a.f($*x)", to="a.function($*x, more_of_it=False)")
    recipe = Recipe("local/more", "Rename", "", (longer,), words=("a",), sites=("a.f",))
    after = "function(\n    'some text',\n    12345678,\n    *k,\n    x=2,\n    more_of_it=False,\n)\n"
    assert laid_out("a.f('some text', 12345678, *k, x=2)\n", FLAKE8, recipe) == after


@pytest.mark.parametrize("case", KEPT)
def test_other_lines_are_not_broken(case: str) -> None:
    """Only a call that the edit made too long and that ends a statement on a line of its own."""
    before, after = KEPT[case]
    assert laid_out(before, FLAKE8) == after


def test_a_call_that_is_wrapped_in_another_is_broken() -> None:
    """What an edit only inserts makes a line longer, too."""
    code = "from flask import Flask\n\napp = Flask(__name__, static_folder='x')\n"
    project = Project({"mod.py": Facts()}, styles={".flake8": "[flake8]\nmax-line-length = 70\n"})
    result = rewrite_file(code.encode(), "mod.py", project, select(["api/observe_the_app"]))
    assert b"app = instrument(\n    Flask(__name__, static_folder='x'), security_headers=False\n)\n" in (
        result.after or b""
    )


def test_lines_that_nobody_measures_are_not_broken() -> None:
    """Without a formatter or a linter any length will do."""
    assert laid_out(BROKEN["what fits on a line of its own"][0], {}) == "function('a text that just fits', 1, x=2)\n"


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"pyproject.toml": "[tool.black]\nline-length = 100\n", "tox.ini": "[flake8]\n"}, 100),
        ({"ruff.toml": "line-length = 120\n"}, 120),
        ({".pre-commit-config.yaml": "repos:\n- hooks:\n  - id: black\n"}, 88),
        ({".pre-commit-config.yaml": "  - id: ruff-format\n    args: ['--line-length', '99']\n"}, 99),
        ({".pre-commit-config.yaml": "  - id: mypy\n", "tox.ini": "[tox]\n[flake8]\nmax-line-length: 110 # wide\n"}, 110),
        ({".flake8": "[flake8]\nselect = E\n"}, 79),
        ({".flake8": "[flake8]\nignore = E203,E501\n", "pylintrc": "max-line-length=90\n"}, None),
        ({".pylintrc": "[FORMAT]\nmax-line-length=90\n"}, 90),
        ({"setup.cfg": "not an ini file"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_limit_is_what_a_tool_of_the_service_checks(files: dict[str, str], limit: int | None) -> None:
    """A formatter's length comes first, since what it makes it makes again; an ignored check is none."""
    assert line_limit(files) == limit
