"""Lines of keys: for any document that a writer can write, every key found stands on the line that is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import tomlkit
import yaml
from hypothesis import given
from hypothesis import strategies as st

from maestro_core_config._positions import lines_of_keys

KEYS = st.text(alphabet="abcXYZ019_-", min_size=1, max_size=6).filter(lambda key: key[0].isalpha())
LEAVES = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.text(alphabet="ab \"'={}[]:,#\\é", max_size=8),
    st.lists(st.integers(), max_size=3),
)
DOCUMENTS = st.recursive(
    st.dictionaries(KEYS, LEAVES, max_size=4),
    lambda inner: st.dictionaries(KEYS, st.one_of(LEAVES, inner), max_size=4),
    max_leaves=12,
)


def paths(document: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*at, key)
            yield from paths(value, (*at, key))


@pytest.mark.parametrize("kind", ["json", "yaml", "toml"])
@given(document=DOCUMENTS)
def test_every_key_is_found_on_a_line_that_has_it(kind: str, document: dict[str, Any]) -> None:
    """All keys of nested documents, and no others, whatever the strings between them look like."""
    text = {
        "json": lambda: json.dumps(document, indent=2, ensure_ascii=False),
        "yaml": lambda: yaml.safe_dump(document, allow_unicode=True),
        "toml": lambda: tomlkit.dumps(document),
    }[kind]()
    lines = text.splitlines()
    found = lines_of_keys(kind, text)
    for path in paths(document):
        assert path in found, path
        assert path[-1] in lines[found[path] - 1]


def test_toml_in_all_its_spellings() -> None:
    """Dotted and quoted keys, inline tables, multi-line strings with things in them that look like keys."""
    text = (
        "# comment = 1\n"
        'a.b."c.d" = 1\n'
        "text = '''\n"
        "not_a_key = 1\n"
        "[not.a.table]\n"
        "'''\n"
        '[server."main host"]  # comment\n'
        "inline = { x = 1, y = 2 }\n"
        "[[hosts]]\n"
        "name = 'x'\n"
        "matrix = [\n"
        '  ["a", "b"],\n'
        "  # after = 1\n"
        '  ["c"],\n'
        "]\n"
        "after = { deep = { deeper = 1 }, text = ', b = 1' }\n"
        "[[hosts]]\n"
        "name = 'y'\n"
    )
    found = lines_of_keys("toml", text)
    assert found[("a", "b", "c.d")] == found[("a", "b")] == 2
    assert found[("text",)] == 3
    assert found[("server", "main host")] == 7
    assert found[("server", "main host", "inline", "y")] == 8
    assert found[("hosts", "name")] == 10
    assert found[("hosts", "after")] == found[("hosts", "after", "deep", "deeper")] == 16
    assert not [
        path for path in found if "not" in path[0] or (path[0] in "abc" and path != ("a",) and path[:2] != ("a", "b"))
    ]


def test_of_a_key_given_twice_the_last_one_counts() -> None:
    """As the parsers have it; and YAML's merged keys stand where they are written."""
    assert lines_of_keys("json", '{"a": 1,\n"b": {"c": 1},\n"a": 2}') == {("a",): 3, ("b",): 2, ("b", "c"): 2}
    text = "base: &base\n  size: 1\n  name: x\npool:\n  <<: *base\n  size: 2\nmany:\n  <<: [*base, {size: 3}]\n"
    found = lines_of_keys("yaml", text)
    assert (found["pool", "size"], found["pool", "name"], found["many", "size"]) == (6, 3, 2)
    assert not [path for path in found if "<<" in path]


def test_dotenv_takes_the_last_assignment() -> None:
    """As python-dotenv does; `export` and quotes are no part of a name."""
    assert lines_of_keys("env", "A=1\n# B=2\nexport B=3\nA = 4\n") == {("A",): 4, ("B",): 3}
