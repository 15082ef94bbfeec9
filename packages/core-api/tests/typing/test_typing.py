"""The public types are what users' type checkers see."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_the_public_api_is_typed_as_documented(tmp_path):
    """mypy in strict mode agrees with every `assert_type`, and with every ignore that a wrong call needs."""
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            str(ROOT / ".mypy_cache"),
            str(Path(__file__).with_name("public_api.py")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
