"""Every example of the README runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(tmp_path, number):
    """In a fresh interpreter, in an empty folder, with warnings as errors."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr


def test_every_public_name_is_documented():
    """A name in `__all__` that the README does not mention is not public yet; errors speak for themselves."""
    import maestro_monitoring

    text = README.read_text(encoding="utf-8")
    unnamed = [name for name in maestro_monitoring.__all__ if name not in text and not name.endswith("Error")]
    assert unnamed == []
