"""Tests generated from the old code: recorded once, kept where they pass on it, and run on the new code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .._engine import Options, scan
from .._files import is_service_code, python_files
from .._plan import FileWrite, MigrationPlan
from ..report import GeneratedTests, NotMeasured
from ._pins import Pinned, place_of, rendered
from ._record import Recorder, Subject

__all__ = ["Generated", "RunTests", "generate"]

RunTests = Callable[[str, bytes], Mapping[str, str]]
"""Runs a test file, given with its path in the service's tree, beside the code, and returns the outcome of each test by its id."""


@dataclass(frozen=True)
class Generated:
    """The tests that pass on the old code: where the file goes, its text, and how many were left out; without tests, the reason."""

    place: str
    text: bytes = b""
    names: tuple[str, ...] = ()
    left_out: int = 0
    reason: str = ""

    @property
    def write(self) -> FileWrite:
        """Return the file as a part of the migration."""
        return FileWrite(self.place, None, self.text, theme="tests")

    def broken(self, run: RunTests) -> tuple[str, ...]:
        """Return the tests that pass in neither of two runs; the second is made only where the first fails."""
        failing = _failing(self.names, run(self.place, self.text)) if self.names else ()
        return _failing(failing, run(self.place, self.text)) if failing else ()

    def told(self, broken: tuple[str, ...]) -> GeneratedTests | NotMeasured:
        """Return what the report says of them."""
        if not self.names:
            return NotMeasured(self.reason)
        return GeneratedTests(self.place, len(self.names), len(self.names) - len(broken), self.left_out, self.names)


def generate(
    root: Path, plan: MigrationPlan, *, tree: Path, python: Path, environment: Mapping[str, str], run: RunTests
) -> Generated:
    """Return the tests that pin what the old code, a copy of which is in `tree`, does today."""
    place = place_of(python_files(root))
    if (root / place).exists():
        return Generated(
            place, reason=f"{place} is there: tests were generated before, and they run with the service's own"
        )
    subject = _subject(root, plan, tree, python, environment)
    pinned = Recorder(subject).record() if subject.modules else Pinned((), ())
    if not pinned.pins:
        return Generated(place, reason="nothing could be recorded: no module of the service can be imported as it is")
    names = tuple(f"test_{pin.name}" for pin in pinned.pins)
    failing = set(_failing(names, run(place, rendered(pinned, place))))
    kept = tuple(pin for pin in pinned.pins if f"test_{pin.name}" not in failing)
    text = rendered(replace(pinned, pins=kept), place)
    steady = tuple(f"test_{pin.name}" for pin in kept)
    if not kept or _failing(steady, run(place, text)):
        return Generated(
            place, left_out=len(names), reason="none of the generated tests passes on the old code, run after run"
        )
    return Generated(place, text, steady, len(failing))


def _failing(names: tuple[str, ...], outcomes: Mapping[str, str]) -> tuple[str, ...]:
    passed = {test.rpartition("::")[2] for test, outcome in outcomes.items() if outcome == "passed"}
    return tuple(name for name in names if name not in passed)


def _subject(root: Path, plan: MigrationPlan, tree: Path, python: Path, environment: Mapping[str, str]) -> Subject:
    """Return what is recorded: modules that change or that others import; a script that nobody imports may do anything when it is."""
    project = scan(root, Options(()))
    changed = {write.path for write in plan.writes if write.before is not None}
    modules: dict[str, bytes] = {}
    folders = {""}
    for path in python_files(root):
        name = project.import_name(path)
        raw = (root / path).read_bytes()
        if name.rpartition(".")[2] == "__main__" or not is_service_code(path, raw) or project.path_of(name) != path:
            continue
        if path in changed or project.is_imported(name):
            modules[name] = raw
            folders.add(_folder(path, name))
    return Subject(tree, python, modules, tuple(sorted(folders)), dict(environment))


def _folder(path: str, name: str) -> str:
    """Return the folder in which a module of this name is found."""
    parts = path.removesuffix("/__init__.py").removesuffix(".py").split("/")
    return "/".join(parts[: len(parts) - len(name.split("."))])
