"""Lines of a migrated file are found in the file as it is, for who reads of a migration that is not made yet."""

import pytest

from maestro_migrate._original_lines import OriginalLines, at_original_lines
from maestro_migrate._plan import FileWrite
from maestro_migrate._spans import Finding

BEFORE = b"import logging\nimport os\n\nlog = logging.getLogger()\nlevel = os.getenv('LEVEL')\n\n\ndef work():\n    log.warn('x')\n"
AFTER = b"from maestro_core_logging import get_logger\n\nfrom settings import settings\n\nlog = get_logger()\nlevel = settings.level\n\n\ndef work():\n    log.warn('x')\n"


@pytest.mark.parametrize(("new", "old"), [(10, 9), (9, 8), (7, 6), (6, 5), (1, 1), (400, 10)])
def test_a_line_is_the_one_that_it_was(new: int, old: int) -> None:
    """Lines that stayed are themselves; a new one is the place where it was put; beyond the end is the end."""
    assert OriginalLines(BEFORE, AFTER).of(new) == old


@pytest.mark.parametrize("newline", [b"\r\n", b"\r"])
def test_line_ends_are_those_of_python(newline: bytes) -> None:
    """Form feeds and the like end no line."""
    before = b"a\x0c = 1\x1c\nb = 2\n".replace(b"\n", newline)
    assert OriginalLines(before, newline + before).of(3) == 2


def test_only_findings_in_rewritten_python_files_move() -> None:
    """Manifests and files that stay are named as the recipes named them."""
    writes = [
        FileWrite("app.py", BEFORE, AFTER),
        FileWrite("settings.py", None, AFTER),
        FileWrite("setup.cfg", BEFORE, AFTER),
    ]
    found = [Finding(path, 10, "r", "why", "do") for path in ("app.py", "other.py", "settings.py", "setup.cfg")]
    assert [finding.line for finding in at_original_lines(found, writes)] == [9, 10, 10, 10]
