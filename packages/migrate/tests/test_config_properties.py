"""Random readings of the environment, before and after: the attribute has the expression's value or fails with the same class."""

import json
import os
import sys
import tempfile
import types
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maestro_migrate._engine import plan
from maestro_migrate._recipe import select
from maestro_migrate._scan import Options

RECIPES = select(["config/read_settings_from_one_class"])
VARIABLES = ("PORT", "DEBUG", "API_KEY", "1ST", "class", "ß")
TEXTS = st.sampled_from(
    [
        "",
        " ",
        "0",
        "8000",
        "-1",
        "1e3",
        "true",
        "False",
        "YES",
        "a, b ,,c",
        '{"a": [1]}',
        "null",
        "\\'",
        '"',
        "é/",
        "x\n",
    ]
) | st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=6)
DEFAULTS = TEXTS.map(repr) | st.sampled_from(["None", "0", "-3", "1.5", "True", "10_000", "0xff"])
METHODS = ("lower", "upper", "strip", "lstrip", "rstrip", "title")
LOOPS = ("[x.strip() for x in {}]", "[x for x in {} if x]", "[x.strip() for x in {} if x.strip()]", "[x.strip() for x in {} if x]", "[int(x) for x in {}]", "[x for x in {} if x.strip()]")  # fmt: skip


@st.composite
def cores(draw: st.DrawFn, depth: int = 1) -> str:
    """Draw one reading, perhaps with another one as its default."""
    name = repr(draw(st.sampled_from(VARIABLES)))
    form = draw(st.sampled_from(["os.environ[{}]", "os.getenv({})", "os.getenv({}, {})", "os.environ.get({}, {})"]))
    default = draw(cores(depth - 1)) if depth and draw(st.booleans()) else draw(DEFAULTS)
    return form.format(name, default)


def wrapped(inner: str) -> st.SearchStrategy[str]:
    """Return the ways in which services turn a text into a value."""
    text = TEXTS.map(repr)
    several = st.lists(text, min_size=1, max_size=3).map(", ".join)
    return st.one_of(
        st.sampled_from(["int", "float", "bool", "str", "json.loads", "Path"]).map(lambda cast: f"{cast}({inner})"),
        st.sampled_from(METHODS).map(lambda method: f"{inner}.{method}()"),
        text.map(lambda each: f"{inner}.split({each})"),
        text.map(lambda each: f"{inner}.rstrip({each})"),
        st.just(f"{inner}.split()"),
        st.tuples(text, text).map(lambda two: f"{inner}.replace({two[0]}, {two[1]})"),
        st.tuples(st.sampled_from(["==", "!="]), text).map(lambda two: f"({inner} {two[0]} {two[1]})"),
        several.map(lambda each: f"({inner} in ({each},))"),
        several.map(lambda each: f"({inner} in {{{each}}})"),
        DEFAULTS.map(lambda each: f"({inner} or {each})"),
        st.sampled_from([f"({inner} is not None)", f"(not {inner})", *(loop.format(inner) for loop in LOOPS)]),
    )


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Draw a reading inside up to four conversions."""
    code = draw(cores())
    for _ in range(draw(st.integers(0, 4))):
        code = draw(wrapped(code))
    return code


ENVIRONMENTS = st.lists(st.dictionaries(st.sampled_from(VARIABLES), TEXTS), min_size=2, max_size=5)


def loaded(name: str, text: str) -> types.ModuleType:
    """Run the text of a module."""
    module = types.ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), vars(module))
    return module


def outcome(read: object) -> tuple[object, ...]:
    """Return what a reading gives: type and value, or the class of its failure (a missing variable is a `KeyError`)."""
    try:
        value = read()  # type: ignore[operator]  # a lambda of a module that was made a moment ago
    except KeyError as error:
        return "KeyError", error.args
    except Exception as error:  # any failure is compared by its class
        return (type(error),)
    return type(value), repr(value)


@given(st.lists(expressions(), min_size=8, max_size=16), ENVIRONMENTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_attribute_is_worth_what_the_expression_was(codes: list[str], environments: list[dict[str, str]]) -> None:
    """For every environment, one after another in one process, since a value that was remembered must not stay."""
    lines = "".join(f"    lambda: {code},\n" for code in codes)
    before = f"import json\nimport os\nfrom pathlib import Path\n\nREADS = [\n{lines}]\n"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.py").write_text(before, encoding="utf-8")
        made = plan(Path(folder), Options(RECIPES, jobs=1))
    after = {write.path: (write.after or b"").decode() for write in made.writes}
    assert set(after) == {"config.py", "settings.py"}, json.dumps([f.reason for f in made.findings])
    with mock.patch.dict(sys.modules, {"settings": loaded("settings", after["settings.py"])}):
        old, new = loaded("config", before), loaded("config", after["config.py"])
    for environment in environments:
        with mock.patch.dict(os.environ, environment, clear=True):
            for code, was, now in zip(codes, old.READS, new.READS, strict=True):
                assert outcome(now) == outcome(was), (code, after["settings.py"])
        with mock.patch("os.environ", dict(environment)):
            for code, was, now in zip(codes, old.READS, new.READS, strict=True):
                assert outcome(now) == outcome(was), (code, "a plain mapping in place of os.environ")
