"""The behaviour oracle over adversarial programs: 0 wrong, 0 broken, and whatever is missed is a finding."""

from pathlib import Path

import pytest

from maestro_migrate._recipe import select
from maestro_migrate.testing import Program, Route, Verdict, check_behaviour, read_programs

CASES = Path(__file__).parent / "cases"
LOGGERS = "logging/ask_the_library_for_loggers"
ROUTES = (Route("logging.getLogger", "maestro_core_logging.get_logger", looks_up=True),)


def programs_of(recipe: str) -> tuple[Program, ...]:
    """Return the programs on a recipe's page of cases."""
    return read_programs((CASES / f"{recipe}.md").read_text(encoding="utf-8"))


PAGES = sorted(page.relative_to(CASES).with_suffix("").as_posix() for page in CASES.rglob("*.md"))
APPS = "api/build_the_app_from_the_library"
OTHERS = [(page, program) for page in PAGES if page not in {LOGGERS, APPS} for program in programs_of(page)]


@pytest.mark.parametrize(("theme", "fewest"), [("logging", 25), ("config", 60)])
def test_there_are_enough_adversarial_programs(theme: str, fewest: int) -> None:
    """At least sixty for loggers, sixty for settings and twenty-five for the other recipes about logging, each with its own heading."""
    assert len(programs_of(LOGGERS)) >= 60
    assert len([page for page, _ in OTHERS if page.startswith(theme)]) >= fewest


@pytest.mark.parametrize("program", programs_of(LOGGERS), ids=lambda program: program.heading)
def test_behaviour_is_kept(program: Program) -> None:
    """Real calls reach the library, fakes stay fakes, all other output is the same; what is missed has a finding."""
    outcome = check_behaviour(program, select([LOGGERS]), ROUTES)
    after = "\n".join(f"--- {path}\n{text.decode(errors='replace')}" for path, text in outcome.after)
    assert outcome.verdict == program.expect, f"{outcome.why}\n{after}\n{outcome.findings}"
    if outcome.verdict is Verdict.MISSED:
        assert outcome.findings


@pytest.mark.parametrize(("recipe", "program"), OTHERS, ids=lambda each: getattr(each, "heading", each))
def test_programs_do_the_same_with_the_real_library(recipe: str, program: Program) -> None:
    """`right` programs are rewritten and print what they printed; `missed` ones stay and have a finding, `untouched` ones need none."""
    outcome = check_behaviour(program, select([recipe]), ())
    after = "\n".join(f"--- {path}\n{text.decode(errors='replace')}" for path, text in outcome.after)
    assert outcome.verdict is Verdict.RIGHT, f"{outcome.why}\n{after}\n{outcome.findings}"
    assert not [finding for finding in outcome.findings if finding.reason.startswith("recipe-failed")]
    made = "right" if outcome.after else "missed" if outcome.findings else "untouched"
    assert made == program.expect, f"{after}\n{outcome.findings}"


def test_there_are_enough_adversarial_programs_for_apps() -> None:
    """At least twenty, several of which keep a middleware of their own."""
    assert len(programs_of(APPS)) >= 20
    assert sum(program.heading.endswith("(stays)") for program in programs_of(APPS)) >= 5


@pytest.mark.parametrize("program", programs_of(APPS), ids=lambda program: program.heading)
def test_answers_are_kept(program: Program) -> None:
    """Status, headers, bodies and side effects are the same; what stays of one's own is a finding, and nothing else is."""
    outcome = check_behaviour(program, select(["api"]), ())
    after = "\n".join(f"--- {path}\n{text.decode(errors='replace')}" for path, text in outcome.after)
    assert outcome.verdict is Verdict.RIGHT, f"{outcome.why}\n{after}\n{outcome.findings}"
    assert "maestro_core_api" in after
    own = [finding for finding in outcome.findings if finding.reason.startswith("own-middleware")]
    assert bool(own) is program.heading.endswith("(stays)"), f"{own}\n{after}"
