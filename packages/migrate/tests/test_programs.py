"""The behaviour oracle over adversarial programs: 0 wrong, 0 broken, and whatever is missed is a finding."""

from pathlib import Path

import pytest

from maestro_migrate._recipe import select
from maestro_migrate.testing import Program, Route, Verdict, check_behaviour, read_programs

PAGE = Path(__file__).parent / "cases/logging/ask_the_library_for_loggers.md"
ROUTES = (Route("logging.getLogger", "maestro_core_logging.get_logger"),)
PROGRAMS = read_programs(PAGE.read_text(encoding="utf-8"))


def test_there_are_enough_adversarial_programs() -> None:
    """At least sixty programs, each with its own heading."""
    assert len(PROGRAMS) >= 60


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.heading)
def test_behaviour_is_kept(program: Program) -> None:
    """Real calls reach the library, fakes stay fakes, all other output is the same; what is missed has a finding."""
    outcome = check_behaviour(program, select(["logging/ask_the_library_for_loggers"]), ROUTES)
    after = "\n".join(f"--- {path}\n{text.decode(errors='replace')}" for path, text in outcome.after)
    assert outcome.verdict == program.expect, f"{outcome.why}\n{after}\n{outcome.findings}"
    if outcome.verdict is Verdict.MISSED:
        assert outcome.findings
