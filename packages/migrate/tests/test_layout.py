"""Lines after an edit: aligned ones stay aligned, and what was broken only for its length is joined once it fits."""

import pytest

from maestro_migrate._layout import line_length
from maestro_migrate._patterns import rewrite
from maestro_migrate._project import Facts, Project
from maestro_migrate._recipe import Recipe
from maestro_migrate._rounds import rewrite_file

RECIPE = Recipe(
    "local/layout", "Rename", "", (rewrite("a.warn($*x)", to="a.warning($*x)"), rewrite("a.get_environment_variable($x, $y)", to="a.get($x)"), rewrite("a.long_name($*x)", to="a.n($*x)")),
    words=("a",), sites=("a.warn",),
)  # fmt: skip
BLACK = "[tool.black]\nline-length = 60\n"


def laid_out(code: str, configuration: str = "") -> str:
    """Rewrite the body of a file that imports `a`."""
    project = Project({"mod.py": Facts()}, deploy={"pyproject.toml": configuration})
    result = rewrite_file(f"import a\n{code}".encode(), "mod.py", project, [RECIPE])
    assert not result.findings, result.findings
    return (result.after or b"").decode().partition("\n")[2].removeprefix("\n")


ALIGNED = {
    "arguments under the first one": ("a.warn(1,\n       2)\n", "warning(1,\n        2)\n"),
    "a bracket of their own": ("a.warn(\n    1,\n    2,\n)\n", "warning(\n    1,\n    2,\n)\n"),
    "brackets in brackets": (
        "f(a.warn([1,\n          2],\n         3))\n",
        "f(warning([1,\n           2],\n          3))\n",
    ),
    "a hanging bracket in an aligned line": (
        "a.long_name(1,\n            g(\n                2,\n            ))\n",
        "n(1,\n  g(\n      2,\n  ))\n",
    ),
    "a bracket that opened before the edit": ("f(1, a.warn(2),\n  3)\n", "f(1, warning(2),\n  3)\n"),
    "a comment between the arguments": (
        "a.warn(1,\n       # two\n       2)\n",
        "warning(1,\n        # two\n        2)\n",
    ),
    "a closing bracket in line": ("a.warn(1,\n       2\n       )\n", "warning(1,\n        2\n        )\n"),
    "lines that are not aligned": ("a.warn(1,\n  2)\n", "warning(1,\n  2)\n"),
    "the head of a block": ("if a.warn(1,\n          2):\n    pass\n", "if warning(1,\n           2):\n    pass\n"),
    "the inside of a string": ('a.warn("""x\n       y""",\n       2)\n', 'warning("""x\n       y""",\n        2)\n'),
    "letters of more than one byte": ("é = a.warn('ü',\n           2)\n", "é = warning('ü',\n            2)\n"),
    "tabs": ("a.warn(1,\n\t2)\n", "warning(1,\n\t2)\n"),
}


@pytest.mark.parametrize("case", ALIGNED)
def test_continuation_lines_move_with_their_bracket(case: str) -> None:
    """Only white space before a token changes, and only where the line stood under what moved."""
    before, after = ALIGNED[case]
    assert laid_out(before) == after


JOINED = {
    "brackets that only held the lines": (
        "x = (\n    a.get_environment_variable('SOME_NAME', 'some default') + 1\n)\n",
        "x = get('SOME_NAME') + 1\n",
    ),
    "a call in a call": (
        "def f():\n    return str(\n        a.get_environment_variable('SOME_NAME', 'some default')\n    )\n",
        "def f():\n    return str(get('SOME_NAME'))\n",
    ),
    "what still does not fit": (
        "x = [\n    a.get_environment_variable('SOME_NAME', 'some default') + 'and much more than fits on one line',\n    2\n]\n",
        "x = [\n    get('SOME_NAME') + 'and much more than fits on one line',\n    2\n]\n",
    ),
    "what always fitted": ("x = (\n    a.long_name(1)\n)\n", "x = (\n    n(1)\n)\n"),
    "a trailing comma": (
        "x = f(\n    a.get_environment_variable('SOME_NAME', 'some default'),\n)\n",
        "x = f(\n    get('SOME_NAME'),\n)\n",
    ),
    "a comment": (
        "x = (\n    a.get_environment_variable('SOME_NAME', 'some default')  # why\n)\n",
        "x = (\n    get('SOME_NAME')  # why\n)\n",
    ),
    "the brackets of a tuple": (
        "x = (\n    a.get_environment_variable('SOME_NAME', 'some default'), 1\n)\n",
        "x = (get('SOME_NAME'), 1)\n",
    ),
}


@pytest.mark.parametrize("case", JOINED)
def test_a_statement_that_fits_again_is_joined(case: str) -> None:
    """As the service's formatter would, with what says otherwise respected."""
    before, after = JOINED[case]
    assert laid_out(before, BLACK) == after


def test_without_a_formatter_lines_stay_where_they_are() -> None:
    """Nobody asked for lines of some length."""
    before, _ = JOINED["brackets that only held the lines"]
    assert laid_out(before) == "x = (\n    get('SOME_NAME') + 1\n)\n"


@pytest.mark.parametrize(
    ("configuration", "length"),
    [
        ("[tool.black]\nline-length = 100\n[tool.x]\nline-length = 3\n", 100),
        ("[tool.ruff]\nline-length = 120\n", 120),
        ("[tool.black]\n[tool.isort]\nline_length = 3\n", 88),
        ("[tool.ruff.lint]\nselect = []\n", 88),
        ("[tool.isort]\nline_length = 100\n", None),
        ("", None),
    ],
)
def test_the_formatters_length_is_read(configuration: str, length: int | None) -> None:
    """Black's or ruff's own, their usual one, or none."""
    assert line_length(configuration) == length
