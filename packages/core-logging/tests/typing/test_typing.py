"""The types of the public names are what they promise, under mypy's strict rules."""

import subprocess
import sys
from pathlib import Path


def test_the_public_names_have_the_types_they_promise():
    """Every `assert_type` holds, and every line marked as wrong is refused."""
    file = Path(__file__).parent / "public_api.py"
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", "--no-error-summary", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
