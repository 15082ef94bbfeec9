"""`maestro migrate config`: one typed file from an old one, the same names and values, or one clear message."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from maestro_migrate.cli import migrate

SHOW = "import runpy, sys; print(sorted((k, repr(v)) for k, v in runpy.run_path(sys.argv[1]).items() if k.isupper()))"


def run(*arguments: object) -> tuple[int, str]:
    """Run `maestro migrate config` and return its exit code and everything it said."""
    done = CliRunner().invoke(migrate, ["config", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def values(path: Path) -> str:
    """Return the constants that a file defines, as a process of its own sees them."""
    environment = {**os.environ, "PORT": "81", "NAME": "n", "DEBUG": "Yes"}
    done = subprocess.run(
        [sys.executable, "-c", SHOW, str(path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "text",
    [
        b'"""Old."""\nimport os\n\nPORT = int(os.getenv("PORT", "80"))\n',
        b'import os\r\n\r\nA = os.getenv("NAME")\r\nB = os.environ["PORT"]\r\n',
        b'\xef\xbb\xbfimport os\n\nA = os.getenv("NAME")',
        '# -*- coding: latin-1 -*-\nimport os\n\nA = os.getenv("NONE", "Köln")\n'.encode("latin-1"),
        b'#!/usr/bin/env python\n# licence\nimport os, sys\nA = os.getenv("NAME")\nB = len(sys.path) > 0\n',
        b'import os\nA = os.getenv("NAME", "x")\nimport sys\nB = os.getenv("DEBUG", "").lower() in ("yes", "1")\n',
        b'from __future__ import annotations\n\nimport os\ntry:\n    import json\nexcept ImportError:\n    json = None\nfrom pathlib import Path\n\nA = str(Path(os.getenv("NAME", ".")))\nif A:\n    import sys\n',
        b'import os\n\nsettings = "theirs"\nA = os.getenv("NAME"), settings\n',
    ],
)
def test_the_typed_file_defines_what_the_old_one_did(text, tmp_path):
    """Whatever the encoding, the line breaks and the order of imports are; a second writing has nothing to do."""
    old, new = tmp_path / "old.py", tmp_path / "made" / "new.py"
    old.write_bytes(text)
    assert run("--source", old, "--target", new)[0] == 0
    made = new.read_bytes()
    assert b"(BaseConfig)" in made
    assert made.startswith(b"\xef\xbb\xbf") == text.startswith(b"\xef\xbb\xbf")
    assert (b"\r\n" in made) == (b"\r\n" in text)
    assert made.count(b"\r\n") in {0, made.count(b"\n")}
    assert values(new) == values(old)
    assert old.read_bytes() == text
    assert run("--source", old, "--target", new) == (0, f"{new} is so already\n")
    assert [path.name for path in new.parent.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"import os\nA = = 1\n", "line 2: invalid syntax"),
        (b"\0\1", "NUL bytes"),
        (b"", "reads no environment variable"),
        (b"A = 1\n", "reads no environment variable"),
        (b"import os\nA = os.environ[NAME]\n", "computed-name"),
        (b'def f():\n    import os\n    return os.getenv("A")\n', "inside functions"),
        (b'import os\n\n\nclass Settings:\n    a = os.getenv("A")\n', "line 4: `Settings` is bound"),
        (b'import os\n\nenv = 1\nA = os.getenv("A")\n', "line 3: `env` is bound"),
        (b'from base import *\nimport os\n\nA = os.getenv("A")\n', "line 1: `import *`"),
    ],
)
def test_what_cannot_be_made_is_one_message(text, said, tmp_path):
    """Exit code 2, the line where there is one, what to do, and no file."""
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    old.write_bytes(text)
    code, output = run("--source", old, "--target", new)
    assert code == 2
    assert said in output
    assert output.count("\n") == 1
    assert not new.exists()


def test_nothing_is_overwritten_without_saying_so(tmp_path):
    """A target that holds something else is kept, a folder is none; `--overwrite` replaces it, the source itself included."""
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    old.write_text('import os\n\nA = os.getenv("NAME")\n')
    new.write_text("precious = 1\n")
    code, output = run("--source", old, "--target", new)
    assert code == 2
    assert "--overwrite" in output
    assert new.read_text() == "precious = 1\n"
    assert run("--source", old, "--target", tmp_path)[0] == 2
    assert run("--source", tmp_path / "none.py", "--target", new)[0] == 2
    assert run("--source", old, "--target", old)[0] == 2
    before = values(old)
    assert run("--source", old, "--target", new, "--overwrite")[0] == 0
    assert run("--source", old, "--target", old, "--overwrite")[0] == 0
    assert values(new) == values(old) == before


def test_what_stays_is_told(tmp_path):
    """Each finding names its line in the new file."""
    old, new = tmp_path / "old.py", tmp_path / "new.py"
    old.write_text('import os\n\nA = os.getenv("NAME")\nos.environ.setdefault("B", "1")\n')
    code, output = run("--source", old, "--target", new)
    assert code == 0
    line = new.read_text().splitlines().index('os.environ.setdefault("B", "1")') + 1
    assert f"{new}:{line}: environment-write" in output
