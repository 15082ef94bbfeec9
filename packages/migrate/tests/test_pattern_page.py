"""The page of patterns says what the engine does: each spelling in `patterns.md` is run through all recipes."""

import os
import re
from pathlib import Path

from maestro_migrate._engine import Options, plan
from maestro_migrate._recipe import select

EXAMPLES = Path(__file__).parent / "patterns.md"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "patterns.md"
_ENTRY = re.compile(r"^## ([^\n]+)$|^### ([^\n]+)\n\n```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEAD = """# What becomes of each pattern

The plumbing of real services is spelled in the ways below. `make bless` writes this page: it runs the example of each row, in `packages/migrate/tests/patterns.md`, through all recipes.
A site is rewritten, or a finding names it with a reason and what to do by hand; where both columns are empty, nothing stands there that a library replaces.
`maestro recipes show ID` prints a recipe's page.

Not ours yet: tokens and passwords, databases, brokers, statsd, and options of argparse or click that read variables themselves. Alembic's `env.py` is left alone on purpose.
"""


def outcome(code: str, root: Path) -> tuple[str, str]:
    """Return which recipes rewrite a module of a package, and the findings that stay, as a row of the page says it."""
    (root / "shop").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text("", encoding="utf-8")
    (root / "shop" / "main.py").write_text(code, encoding="utf-8")
    made = plan(root, Options(select(), jobs=1))
    assert not made.unparsed
    done = {change.recipe for write in made.writes for change in write.changes}
    left: dict[str, set[str]] = {}
    for finding in made.findings:
        if finding.level != "none":
            left.setdefault(finding.recipe, set()).add(finding.reason.partition(":")[0])
    named = [f"`{recipe}`: {', '.join(sorted(reasons))}" for recipe, reasons in sorted(left.items())]
    return ", ".join(f"`{recipe}`" for recipe in sorted(done)), "; ".join(named)


def page(root: Path) -> str:
    """Return the page as the engine would have it."""
    lines = [_HEAD]
    for number, (theme, row, code) in enumerate(_ENTRY.findall(EXAMPLES.read_text(encoding="utf-8"))):
        if theme:
            lines.append(f"\n## {theme}\n\n| pattern | rewritten by | reported by |\n|---|---|---|\n")
        else:
            lines.append(f"| {row} | {' | '.join(outcome(code, root / str(number)))} |\n")
    return "".join(lines)


def test_the_page_of_patterns_is_golden(tmp_path: Path) -> None:
    """Every row says what happens to its example today, and no pattern of the three themes is missing."""
    found = page(tmp_path)
    if os.environ.get("MAESTRO_BLESS"):
        PAGE.write_text(found, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == found, "run `make bless` and read the difference"
    assert found.count("\n| ") >= 60
