"""What is generated from a settings class does not drift: the commands that a service runs in its CI, run here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "service-config"
GENERATED = {
    "settings.schema.json": ["schema"],
    "settings.md": ["docs"],
    ".env.example": ["docs", "--format", "env"],
    "kubernetes.yaml": ["docs", "--format", "kubernetes", "--name", "orders"],
}


def config(command: list[str], *more: str, cwd: Path = EXAMPLE) -> subprocess.CompletedProcess[str]:
    """Run `maestro config` on the example's class, in the service's folder."""
    line = [
        str(Path(sys.executable).with_name("maestro")),
        "config",
        command[0],
        "settings:Settings",
        *command[1:],
        *more,
    ]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", GENERATED)
def test_golden_each_generated_file_says_what_the_class_says(name: str):
    """`--check` passes on the checked-in file; `make bless` writes it anew."""
    if os.environ.get("MAESTRO_BLESS"):
        config(GENERATED[name], "--output", name)
    done = config(GENERATED[name], "--check", name)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nrun `make bless` and read the difference"


def test_a_changed_class_is_noticed(tmp_path: Path):
    """A new default of a documented setting makes the check fail."""
    name = "settings.md"
    source = (EXAMPLE / "settings.py").read_text()
    assert "Field(20, ge=1, le=200" in source
    (tmp_path / "settings.py").write_text(source.replace("Field(20, ge=1, le=200", "Field(25, ge=1, le=200"))
    (tmp_path / name).write_text((EXAMPLE / name).read_text())
    done = config(GENERATED[name], "--check", name, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert name in done.stdout + done.stderr
