"""Recipes in TOML keep the same promises as those in Python, and a wrong file is told apart by key."""

import re
from pathlib import Path

import pytest

from maestro_migrate._declarative import load
from maestro_migrate._engine import Options, plan
from maestro_migrate.errors import UnusableInput
from maestro_migrate.testing import check_examples

GUIDE = Path(__file__).parents[3] / "docs/guides/declarative-recipes.md"
SMALL = '[[recipe]]\nid = "fleet/x"\nmatch = "acme.connect($*args)"\nreplace = "acme_client.connect($*args)"\n'


def written(folder: Path, text: str) -> Path:
    """Write a recipe file."""
    path = folder / "acme.toml"
    path.write_text(text)
    return path


def findings(folder: Path, toml: str, code: str, name: str = "mod.py") -> tuple[str, list[str]]:
    """Return what a file becomes, and the reasons of what was left."""
    service = folder / "service"
    (service / name).parent.mkdir(parents=True, exist_ok=True)
    (service / name).write_text(code)
    made = plan(service, Options(load(written(folder, toml)), jobs=1))
    return (made.writes[0].after or b"").decode() if made.writes else code, [
        finding.reason for finding in made.findings
    ]


def test_the_guide_shows_a_file_that_holds(tmp_path: Path) -> None:
    """The example of the guide loads, and a change that wants review is a finding until asked for."""
    text = re.findall(r"^```toml\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)[0]
    safe = text.replace('safety = "review"\n', "").replace('paths = ["src/*.py", "src/**/*.py"]\n', "")
    (recipe,) = load(written(tmp_path, safe))
    assert not list(map(str, check_examples(recipe)))
    assert load(written(tmp_path, text))[0].needs == ("acme-client",)


def test_a_page_without_a_refusal_fails_its_test(tmp_path: Path) -> None:
    """`maestro recipes test` asks for a rewrite and a refusal."""
    (recipe,) = load(written(tmp_path, SMALL))
    assert len(check_examples(recipe)) == 2


def test_preconditions_are_asked_before(tmp_path: Path) -> None:
    """A forbidden word or another path leaves the file alone, without a finding."""
    code = "import acme\n\nacme.connect(1)  # acme: keep\n"
    assert findings(tmp_path, f'{SMALL}[recipe.before]\nwithout = ["acme: keep"]\n', code) == (code, [])
    assert findings(tmp_path, f'{SMALL}[recipe.before]\npaths = ["src/*.py"]\n', code) == (code, [])


def test_a_failed_postcondition_drops_the_edits(tmp_path: Path) -> None:
    """The file keeps its text, and the finding names the condition."""
    code = "import acme\n\nacme.connect(1)\n"
    after, reasons = findings(tmp_path, f'{SMALL}[recipe.after]\nmust_not_contain = ["connect(1)"]\n', code)
    assert after == code
    assert any("must_not_contain" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('id = "fleet/x"\n', ""), "`id`"),
        (("match", "mach"), "`match`"),
        (('"acme.connect($*args)"', '"1 +"'), "`match`"),
        (('"acme.connect($*args)"', "3"), "`match`"),
        (("replace", 'safety = "sure"\nreplace'), "`safety`"),
        (("replace", 'colour = "red"\nreplace'), "`colour`"),
        (("acme_client.connect($*args)", "connect($*args)"), "`replace`"),
    ],
)
def test_an_error_names_the_key(tmp_path: Path, change: tuple[str, str], key: str) -> None:
    """The message has the file, the recipe and the key."""
    with pytest.raises(UnusableInput, match=re.escape(key)) as caught:
        load(written(tmp_path, SMALL.replace(*change)))
    assert "acme.toml" in str(caught.value)
