"""The plugin does nothing until a fixture is asked for, in any service's test-suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ISOLATED = ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:asyncio", "-p", "no:timeout"]


def run_pytest(
    directory: Path, *arguments: str, test: str = "def test_it(): pass\n"
) -> subprocess.CompletedProcess[str]:
    """Run a one-file test-suite in a process of its own, warnings being errors."""
    (directory / "test_service.py").write_text(test)
    (directory / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\naddopts = --strict-markers --strict-config\n"
    )
    command = [sys.executable, "-m", "pytest", *ISOLATED, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_it_is_loaded_by_its_entry_point_and_adds_fixtures_only(tmp_path: Path) -> None:
    """Three fixtures are on offer; options, markers and ini settings are those of pytest without it."""
    fixtures = run_pytest(tmp_path, "--fixtures").stdout
    assert all(f"\n{name} --" in fixtures for name in ("maestro_env", "captured_events", "fake_clock"))
    with_plugin, without = (run_pytest(tmp_path, *extra, "--help").stdout for extra in ([], ["-p", "no:maestro"]))
    assert with_plugin == without
    markers, without = (run_pytest(tmp_path, *extra, "--markers").stdout for extra in ([], ["-p", "no:maestro"]))
    assert markers == without


def test_an_unused_plugin_touches_nothing(tmp_path: Path) -> None:
    """Environment, root logger and imported libraries are as they would be without it."""
    test = """
import logging, os, sys

def test_it():
    assert "maestro_core_logging" not in sys.modules
    assert not [n for n in sys.modules if n.startswith(("structlog", "fastapi", "prometheus_client"))]
    assert all("maestro" not in type(h).__module__ for h in logging.getLogger().handlers)
"""
    done = run_pytest(tmp_path, test=test)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_fixtures_of_the_service_win(tmp_path: Path) -> None:
    """A service that has a fixture of the same name goes on using its own."""
    test = """
import pytest

@pytest.fixture
def captured_events():
    return "mine"

def test_it(captured_events):
    assert captured_events == "mine"
"""
    assert "1 passed" in run_pytest(tmp_path, test=test).stdout
