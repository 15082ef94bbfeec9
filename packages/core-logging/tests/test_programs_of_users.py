"""Programs as users of logging, structlog, loguru and python-json-logger write them run the same on our loggers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = dict(
    re.findall(
        r"^## (.+)\n\n```python\n(.*?)^```",
        Path(__file__).with_name("programs_of_users.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
)
STANDARD = "from logging import getLogger as GET\n"
OURS = "from maestro_core_logging import get_logger as GET\n"
# Frames of the standard library in tracebacks: ours stand in their place under other line numbers.
FRAMES = re.compile(r' *File "[^"]*logging/__init__\.py", line .*\n(?: .*\n)+')
CHANGING = re.compile(r"0x[0-9a-f]+|/tmp/[\w/-]+|in [0-9.]+s\b")


def printed(tmp_path, program):
    """Run a program and give what it printed, without addresses, times and frames of `logging`."""
    path = tmp_path / "program.py"
    path.write_text(program)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    return (
        done.returncode,
        CHANGING.sub("…", FRAMES.sub("", done.stdout)),
        CHANGING.sub("…", FRAMES.sub("", done.stderr)),
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_the_same_with_our_loggers(tmp_path, name):
    """The one difference is where the logger comes from."""
    program = PROGRAMS[name]
    needed = re.search(r"^ *(?:from|import) (loguru|pythonjsonlogger)", program, re.MULTILINE)
    if needed:
        pytest.importorskip(needed[1], reason=f"a program of {needed[1]}'s users; it is no dependency of this package")
    expected = printed(tmp_path, STANDARD + program)
    assert printed(tmp_path, OURS + program) == expected
    assert expected[0] == 0
    assert len(expected[1]) > 20
