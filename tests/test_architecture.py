"""The architecture is a file that fails the build: who may import whom stands in pyproject.toml."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_every_import_keeps_to_the_contracts():
    """No package imports upwards or sideways, and the engine imports nothing of ours."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_importing_a_library_imports_no_driver():
    """Importing the libraries loads no web framework, no database driver, no broker client, no Vault client and no OpenTelemetry SDK."""
    code = (
        "import sys, maestro_core_logging, maestro_core_config, maestro_monitoring, maestro_core_api\n"
        "heavy = {'fastapi', 'flask', 'starlette', 'sqlalchemy', 'hvac', 'dynaconf', 'cryptography', 'opentelemetry.sdk', 'grafana_foundation_sdk', 'aiokafka', 'redis', 'click', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("library", "stands_on", "budget"),
    [
        ("maestro_core_logging", "structlog", 45),
        ("maestro_core_config", "pydantic_settings", 40),
        ("maestro_monitoring", "asyncio, prometheus_client", 50),
    ],
)
def test_importing_a_library_keeps_to_its_budget(library: str, stands_on: str, budget: int):
    """What `-X importtime` lists beyond the library's own dependency is a few modules; counted, since clocks differ."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {stands_on}, json.tool, {library}"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    added = lines[lines.index("json.tool") + 1 :]
    assert library in added
    assert len(added) <= budget, added


def test_core_logging_depends_on_neither_pydantic_nor_fastapi():
    """It goes into every service, so also into those that pin an old Pydantic."""
    code = "import sys, maestro_core_logging; print(sorted({'pydantic', 'fastapi'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
    manifest = (ROOT / "packages" / "core-logging" / "pyproject.toml").read_text()
    required = manifest.split("dependencies = [", 1)[1].split("]", 1)[0]
    assert "pydantic" not in required
    assert "fastapi" not in required
