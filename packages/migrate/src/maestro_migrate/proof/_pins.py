"""What a generated test pins, as plain data, and the test file that is made of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from textwrap import indent
from typing import Any

__all__ = [
    "FILE_NAME",
    "Pin",
    "Pinned",
    "imports_pin",
    "place_of",
    "rendered",
    "served_pin",
    "values_pin",
]

FILE_NAME = "test_maestro_generated.py"
_PINNED = Path(__file__).with_name("_pinned.py")


@dataclass(frozen=True, slots=True)
class Pin:
    """One test: its name without `test_`, its first docstring line, and its statements."""

    name: str
    promise: str
    body: str


@dataclass(frozen=True, slots=True)
class Pinned:
    """All that was recorded of a service: the folders in which its modules are found, the variables that they read, and the pins."""

    folders: tuple[str, ...]
    variables: tuple[str, ...]
    pins: tuple[Pin, ...] = ()


def imports_pin(modules: Sequence[str]) -> Pin:
    """Return the test that these modules can be imported."""
    body = f"modules = {_literal(list(modules))}\nself.assertEqual(self.ask('imports', modules), dict.fromkeys(modules, ''))"
    return Pin("every_module_can_be_imported", "Each module that others import can be imported.", body)


def values_pin(
    module: str, free: Sequence[str], cases: Mapping[str, tuple[Mapping[str, str], Mapping[str, Any]]]
) -> Pin:
    """Return the test that settings have these values in each case; `free` are the variables that every case but the first sets to one text."""
    body = f"text = {_literal(list(free))}\ncases = [\n"
    for given, values in cases.values():
        texts = {given[name] for name in free if name in given}
        rest = {name: value for name, value in given.items() if name not in free}
        variables = f"dict.fromkeys(text, {min(texts)!r})" if texts else repr(dict(given))
        if texts and rest:
            variables = f"dict({variables}, **{_literal(rest)})"
        if values:
            body += _indented(f"({variables}, {_literal(dict(values))}),") + "\n"
    body += "]\nself.assert_settings(cases)"
    return Pin(f"settings_of_{_word(module)}", f"What `{module}` makes of its environment variables.", body)


def served_pin(app: str, routes: Sequence[str], statuses: Mapping[str, int]) -> Pin:
    """Return the test that an application has at least these routes, and answers its probes with these statuses."""
    body = (
        f"routes = {_literal(list(routes))}\nprobes = {_literal(dict(statuses))}\n"
        f"there, statuses = self.ask('served', {app!r}, list(probes))\n"
        "self.assertEqual(sorted(set(routes) - set(there)), [])\nself.assertEqual(statuses, probes)"
    )
    return Pin(
        f"routes_and_probes_of_{_word(app)}",
        f"Every route of `{app}` is there, and its probes answer as they did.",
        body,
    )


def place_of(paths: Sequence[str]) -> str:
    """Return where the test file of a service with these files goes: beside its tests."""
    tests = sorted(
        PurePosixPath(path).parent
        for path in paths
        if PurePosixPath(path).name.startswith("test_") and PurePosixPath(path).name != FILE_NAME
    )
    nearest = min(
        tests,
        key=lambda folder: (not {"tests", "test"} & set(folder.parts), len(folder.parts), folder),
        default=PurePosixPath("tests"),
    )
    return str(nearest / FILE_NAME)


def rendered(pinned: Pinned, place: str) -> bytes:
    """Return the test file; the same pins give the same bytes."""
    above = len(PurePosixPath(place).parts) - 1
    asking = _PINNED.read_text(encoding="utf-8")
    asking = asking[asking.index("import ast\n") : asking.index("\n\nif __name__")].replace(
        "import sys\n", "import sys\nimport tempfile\nimport unittest\nfrom pathlib import Path\n"
    )
    tests = "\n\n".join(_method(pin) for pin in pinned.pins)
    text = _FILE.format(
        asking=asking.rstrip(),
        above=above,
        folders=_literal(list(pinned.folders)),
        variables=_literal(list(pinned.variables)),
        tests=tests,
    )
    return text.encode()


def _method(pin: Pin) -> str:
    body = "\n".join(f"        {line}" for line in pin.body.splitlines())
    return f'    def test_{pin.name}(self):\n        """{pin.promise}"""\n{body}'


def _literal(value: Any) -> str:
    """Return a list or dictionary as code, one element a line."""
    if isinstance(value, dict):
        return ("{\n" + "".join(f"    {key!r}: {each!r},\n" for key, each in value.items()) + "}") if value else "{}"
    return "[\n" + "".join(f"    {each!r},\n" for each in value) + "]"


def _indented(text: str) -> str:
    return indent(text, "    ")


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower()


_FILE = '''# ruff: noqa
# flake8: noqa
# mypy: ignore-errors
"""
What this service did before it was moved onto the shared libraries, pinned by `maestro migrate`.

Each test was recorded from the old code, and kept because it passed there and passes on the new code. Every question is put to an interpreter
of its own, so that these tests neither see nor disturb the others. The file is yours: change it with the behaviour, or delete it.
"""

{asking}


ROOT = Path(__file__).resolve().parents[{above}]
PATHS = [ROOT / folder for folder in {folders}]
VARIABLES = {variables}


class TestBehaviourBeforeTheMigration(unittest.TestCase):
    maxDiff = None

    def ask(self, *question):
        return ask(ROOT, PATHS, dict(os.environ), question)

    def assert_settings(self, cases):
        others = {{name: value for name, value in os.environ.items() if name not in VARIABLES}}
        names = sorted({{name for _, values in cases for name in values}})
        with tempfile.TemporaryDirectory() as nowhere:  # no `.env` is there
            answers = ask(nowhere, PATHS, others, ("values", names, [variables for variables, _ in cases]))
        for (variables, values), answer in zip(cases, answers):
            with self.subTest(variables=variables):
                self.assertEqual({{name: repr(answer.get(name)) for name in values}}, {{k: repr(v) for k, v in values.items()}})

{tests}


if __name__ == "__main__":
    observe() if sys.argv[1:2] == ["--observe"] else unittest.main()
'''
