"""Every example of the README runs as it stands."""

import inspect
import re
from pathlib import Path

import pytest

import maestro_core_logging

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_run(number, tmp_path, monkeypatch):
    """In a namespace and a folder of its own."""
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], f"README example {number}", "exec"), {"__name__": "example"})


def test_every_public_name_is_in_the_reference():
    """Documentation and code name the same things."""
    reference = (Path(__file__).parents[3] / "docs" / "reference" / "core-logging.md").read_text()
    assert [name for name in maestro_core_logging.__all__ if name not in reference] == []
    assert maestro_core_logging.__all__ == sorted(maestro_core_logging.__all__)


def test_every_parameter_is_in_the_reference():
    """Of every public function, and of every class that a service makes itself."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "core-logging.md").read_text()
    public = {name: getattr(maestro_core_logging, name) for name in maestro_core_logging.__all__}
    made_by_us = {"BoundLogger", "DebugRing", "LimitedLogger", "Logger", "RootLogger", "root_logger"}
    tests_own = {"clock", "chance"}  # the time and the dice of tests
    unsaid = [
        f"{name}({parameter})"
        for name, each in public.items()
        if name not in made_by_us
        for parameter in inspect.signature(each).parameters
        if parameter not in tests_own and not re.search(rf"\b{parameter}\b", page)
    ]
    assert unsaid == []
