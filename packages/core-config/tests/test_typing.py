"""Types: what the documentation shows type-checks strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api", reason="the lowest-versions environment has no type checker")


def test_declarations_and_results_have_the_types_they_should(tmp_path: Path) -> None:
    """mypy --strict, unused ignores included, so that what must not type-check does not."""
    target = Path(__file__).parent / "typing" / "settings.py"
    output, errors, status = api.run(
        ["--strict", "--config-file=", f"--cache-dir={tmp_path}", "--no-error-summary", str(target)]
    )
    assert (status, output, errors) == (0, "", "")
