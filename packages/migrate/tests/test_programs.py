"""The behaviour oracle over adversarial programs: 0 wrong, 0 broken, and whatever is missed is a finding."""

from pathlib import Path

import pytest

from maestro_migrate._recipe import select
from maestro_migrate.testing import Program, Route, Verdict, check_behaviour, read_programs

CASES = Path(__file__).parent / "cases/logging"
LOGGERS = "ask_the_library_for_loggers"
ROUTES = (Route("logging.getLogger", "maestro_core_logging.get_logger"),)


def programs_of(recipe: str) -> tuple[Program, ...]:
    return read_programs((CASES / f"{recipe}.md").read_text(encoding="utf-8"))


OTHERS = [
    (page.stem, program)
    for page in sorted(CASES.glob("*.md"))
    if page.stem != LOGGERS
    for program in programs_of(page.stem)
]


def test_there_are_enough_adversarial_programs() -> None:
    """At least sixty for loggers and twenty-five for the other recipes of the theme, each with its own heading."""
    assert len(programs_of(LOGGERS)) >= 60
    assert len(OTHERS) >= 25


@pytest.mark.parametrize("program", programs_of(LOGGERS), ids=lambda program: program.heading)
def test_behaviour_is_kept(program: Program) -> None:
    """Real calls reach the library, fakes stay fakes, all other output is the same; what is missed has a finding."""
    outcome = check_behaviour(program, select([f"logging/{LOGGERS}"]), ROUTES)
    after = "\n".join(f"--- {path}\n{text.decode(errors='replace')}" for path, text in outcome.after)
    assert outcome.verdict == program.expect, f"{outcome.why}\n{after}\n{outcome.findings}"
    if outcome.verdict is Verdict.MISSED:
        assert outcome.findings


@pytest.mark.parametrize(("recipe", "program"), OTHERS, ids=lambda each: getattr(each, "heading", each))
def test_programs_do_the_same_with_the_real_library(recipe: str, program: Program) -> None:
    """`right` programs are rewritten and print what they printed; `missed` ones stay and have a finding, `untouched` ones need none."""
    outcome = check_behaviour(program, select([f"logging/{recipe}"]), ())
    after = "\n".join(f"--- {path}\n{text.decode(errors='replace')}" for path, text in outcome.after)
    assert outcome.verdict is Verdict.RIGHT, f"{outcome.why}\n{after}\n{outcome.findings}"
    made = "right" if outcome.after else "missed" if outcome.findings else "untouched"
    assert made == program.expect, f"{after}\n{outcome.findings}"
