"""Every example of the README runs as it stands."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_run(number, tmp_path, monkeypatch):
    """In a namespace and a folder of its own."""
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], f"README example {number}", "exec"), {"__name__": "example"})


def test_every_public_name_is_in_the_reference():
    """Documentation and code name the same things."""
    import maestro_core_logging

    reference = (Path(__file__).parents[3] / "docs" / "reference" / "core-logging.md").read_text()
    assert [name for name in maestro_core_logging.__all__ if name not in reference] == []
    assert maestro_core_logging.__all__ == sorted(maestro_core_logging.__all__)
