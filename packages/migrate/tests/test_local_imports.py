"""Imports inside functions: the replacement is as lazy as what it replaces, and stands where its reason was given."""

import pytest

from maestro_migrate._project import Facts, Project
from maestro_migrate._recipe import select
from maestro_migrate._rounds import FileResult, rewrite_file


def run(code: str) -> FileResult:
    """Ask the library for the loggers of one file."""
    recipes = select(["logging/ask_the_library_for_loggers"])
    return rewrite_file(code.encode(), "mod.py", Project({"mod.py": Facts()}), recipes)


NEW = "from maestro_core_logging import get_logger"
CASES = {
    "a lone import is replaced in place": (
        "def f():\n    import logging\n    return logging.getLogger('a')\n",
        f"def f():\n    {NEW}\n    return get_logger('a')\n",
    ),
    "its comment still gives the reason": (
        "def f():\n    import logging  # noqa: PLC0415\n\n    return logging.getLogger('a')\n",
        f"def f():\n    {NEW}  # noqa: PLC0415\n\n    return get_logger('a')\n",
    ),
    "an import that lint is told to keep is kept": (
        "def f():\n    from logging import getLogger  # noqa: F401\n    return getLogger('a')\n",
        f"def f():\n    from logging import getLogger  # noqa: F401\n    {NEW}\n    return get_logger('a')\n",
    ),
    "other names of the statement stay": (
        "def f():\n    from logging import INFO, getLogger\n    return getLogger('a'), INFO\n",
        f"def f():\n    from logging import INFO\n    {NEW}\n    return get_logger('a'), INFO\n",
    ),
    "it stands where isort puts it": (
        "def f():\n    import logging\n    from pathlib import Path\n\n    return logging.getLogger('a'), Path\n",
        f"def f():\n    from pathlib import Path\n\n    {NEW}\n\n    return get_logger('a'), Path\n",
    ),
    "it joins the group of other packages": (
        "def f():\n    import logging\n\n    import requests\n\n    return logging.getLogger('a'), requests\n",
        f"def f():\n    import requests\n    {NEW}\n\n    return get_logger('a'), requests\n",
    ),
    "the blank line above the last of a run goes with it": (
        "def f():\n    from mod import y\n\n    import logging\n    return logging.getLogger('a'), y\n",
        f"def f():\n    {NEW}\n\n    from mod import y\n    return get_logger('a'), y\n",
    ),
    "what is its place already keeps the blank line above": (
        "def f():\n    import requests\n\n    from logging import getLogger\n    return getLogger('a'), requests\n",
        f"def f():\n    import requests\n\n    {NEW}\n    return get_logger('a'), requests\n",
    ),
    "with its comment it stays where it is": (
        "def f():\n    # slow\n    import logging\n    from pathlib import Path\n    import logging as l  # late\n    return logging.getLogger('a'), l.getLogger('b')\n",
        f"def f():\n    # slow\n    {NEW}\n    from pathlib import Path\n    {NEW}  # late\n    return get_logger('a'), get_logger('b')\n",
    ),
    "tabs and a last line without its end": (
        "def f():\n\timport logging\n\timport os; return logging.getLogger('a'), os",
        f"def f():\n\t{NEW}\n\timport os; return get_logger('a'), os",
    ),
    "a used import stays": (
        "def f():\n    import logging\n    return logging.getLogger('a'), logging.INFO\n",
        f"def f():\n    import logging\n    {NEW}\n    return get_logger('a'), logging.INFO\n",
    ),
    "each function imports for itself": (
        "def f():\n    import logging\n    return logging.getLogger('a')\ndef g():\n    import logging as l\n    return l.getLogger('b')\n",
        f"def f():\n    {NEW}\n    return get_logger('a')\ndef g():\n    {NEW}\n    return get_logger('b')\n",
    ),
    "a nested function sees the outer import": (
        "def f():\n    import logging\n    def g():\n        return logging.getLogger('a')\n    return g\n",
        f"def f():\n    {NEW}\n    def g():\n        return get_logger('a')\n    return g\n",
    ),
    "branches import in each branch": (
        "def f(x):\n    if x:\n        import logging\n    else:\n        import logging\n    return logging.getLogger('a')\n",
        f"def f(x):\n    if x:\n        {NEW}\n    else:\n        {NEW}\n    return get_logger('a')\n",
    ),
    "a one-line suite stays one line": (
        "def f(): import logging; return logging.getLogger('a')\n",
        f"def f(): {NEW}; return get_logger('a')\n",
    ),
    "a file without a last newline gets none": (
        "def f():\n    return 1\ndef g(x=f()):\n    x = 2; import logging; logging.getLogger('a')",
        f"def f():\n    return 1\ndef g(x=f()):\n    x = 2; {NEW}; get_logger('a')",
    ),
    "one site at the top brings the import to the top": (
        "import logging\n\nlog = logging.getLogger('a')\n\n\ndef f():\n    from logging import getLogger\n    return getLogger('b')\n\n\ndef g():\n    x = 1\n    import logging as l\n    return l.getLogger(x)\n",
        f"{NEW}\n\nlog = get_logger('a')\n\n\ndef f():\n    return get_logger('b')\n\n\ndef g():\n    x = 1\n    return get_logger(x)\n",
    ),
    "two local imports that could hide each other move to the top": (
        "def f():\n    import logging\n    def g(x):\n        a = logging.getLogger('a')\n        if x:\n            from logging import getLogger\n            return getLogger('b')\n        return a\n    return g\n",
        f"{NEW}\n\ndef f():\n    def g(x):\n        a = get_logger('a')\n        if x:\n            return get_logger('b')\n        return a\n    return g\n",
    ),
    "what a try probes for is still probed for": (
        "def f():\n    try:\n        import logging\n    except ImportError:\n        return None\n    return logging.getLogger('a')\n",
        f"def f():\n    try:\n        import logging\n        {NEW}\n    except ImportError:\n        return None\n    return get_logger('a')\n",
    ),
    "a function that looks at its names keeps them": (
        "def f():\n    import logging\n    logging.getLogger('a')\n    return locals()\n",
        f"def f():\n    import logging\n    {NEW}\n    get_logger('a')\n    return locals()\n",
    ),
    "a name that a nested function binds moves to the top": (
        "def f():\n    if x:\n        import logging\n    def g():\n        nonlocal logging\n        import logging\n    g()\n    return logging.getLogger('a')\n",
        f"{NEW}\n\ndef f():\n    if x:\n        import logging\n    def g():\n        nonlocal logging\n        import logging\n    g()\n    return get_logger('a')\n",
    ),
    "a class body keeps its attribute": (
        "class A:\n    import logging\n    log = logging.getLogger('a')\n",
        f"{NEW}\n\nclass A:\n    import logging\n    log = get_logger('a')\n",
    ),
    "Windows line ends stay Windows line ends": (
        "def f():\r\n\timport logging, os\r\n\treturn logging.getLogger(os.name)\r\n",
        f"def f():\r\n\timport os\r\n\t{NEW}\r\n\treturn get_logger(os.name)\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_local_import_is_followed_locally(case: str) -> None:
    """The new import runs when the old one did; a second run changes nothing."""
    before, after = CASES[case]
    result = run(before)
    assert (result.after or b"").decode() == after
    assert run(after).after is None


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("class A:\n    import logging\n    log = logging.getLogger('a')\n", "attribute of its class"),
        ("if x:\n    import logging\nlogging.getLogger('a')\n", "under a condition"),
        ("try:\n    import logging\nexcept ImportError:\n    raise\nlogging.getLogger('a')\n", "`try` around it"),
        ("import logging  # keep\nlogging.getLogger('a')\n", "comment"),
    ],
)
def test_an_import_that_is_left_unused_has_a_reason(code: str, why: str) -> None:
    """It is told as a finding that counts against nothing."""
    result = run(code)
    assert b"get_logger('a')" in (result.after or b"")
    assert [(why in finding.reason, finding.level) for finding in result.findings] == [(True, "none")]
