"""Converters: each equals the expression in its documentation, on any text and on None."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import maestro_core_config as config
from maestro_core_config import Converter

PAIRS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "equals('prod')": (config.equals("prod"), lambda v: v == "prod"),
    "not_equals('x')": (config.not_equals("x"), lambda v: v != "x"),
    "is_in('1', 'true')": (config.is_in("1", "true"), lambda v: v in ("1", "true")),
    "lower_equals('true')": (config.lower_equals("true"), lambda v: v.lower() == "true"),
    "lower_not_equals('no')": (config.lower_not_equals("no"), lambda v: v.lower() != "no"),
    "lower_in('true', '1')": (config.lower_in("true", "1"), lambda v: v.lower() in ("true", "1")),
    "upper_equals('TRUE')": (config.upper_equals("TRUE"), lambda v: v.upper() == "TRUE"),
    "upper_in('A', 'B')": (config.upper_in("A", "B"), lambda v: v.upper() in ("A", "B")),
    "pipe(str, lower_equals('true'))": (
        config.pipe(str, config.lower_equals("true")),
        lambda v: str(v).lower() == "true",
    ),
    "truthy": (config.truthy, bool),
    "is_set": (config.is_set, lambda v: v is not None),
    "negate(equals('x'))": (config.negate(config.equals("x")), lambda v: v != "x"),
    "split(',')": (config.split(","), lambda v: v.split(",")),
    "split(None)": (config.split(), lambda v: v.split()),
    "split(',', 1)": (config.split(",", 1), lambda v: v.split(",", 1)),
    "split_strip(',')": (config.split_strip(","), lambda v: [x.strip() for x in v.split(",")]),
    "split_filled(',')": (config.split_filled(","), lambda v: [x for x in v.split(",") if x]),
    "split_strip_filled(',')": (
        config.split_strip_filled(","),
        lambda v: [x.strip() for x in v.split(",") if x.strip()],
    ),
    "split_filled_strip(',')": (config.split_filled_strip(","), lambda v: [x.strip() for x in v.split(",") if x]),
    "each(split(','), int)": (config.each(config.split(","), int), lambda v: [int(x) for x in v.split(",")]),
    "loads": (config.loads, json.loads),
    "strip": (config.strip, lambda v: v.strip()),
    "lower": (config.lower, lambda v: v.lower()),
    "upper": (config.upper, lambda v: v.upper()),
    "strip_chars('/')": (config.strip_chars("/"), lambda v: v.strip("/")),
    "lstrip_chars('/')": (config.lstrip_chars("/"), lambda v: v.lstrip("/")),
    "rstrip_chars('/')": (config.rstrip_chars("/"), lambda v: v.rstrip("/")),
    "replace('a', 'b')": (config.replace("a", "b"), lambda v: v.replace("a", "b")),
    "or_else('x')": (config.or_else("x"), lambda v: v or "x"),
}
TEXTS = st.one_of(
    st.none(),
    st.text(alphabet="tTrRuUeE1yYnNoOxXaAbB ,/{}[]\"'\\0\n", max_size=12),
    st.text(max_size=8),
    st.sampled_from(["true", "TRUE", "prod", "x", "A", "1,2", "a, b,,c ", '{"a": [1]}']),
)


def outcome(function: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    try:
        return ("value", function(value))
    except Exception as exc:
        return (type(exc), exc.args)


@pytest.mark.parametrize("name", PAIRS)
def test_a_converter_is_named_like_the_code_that_makes_it(name: str) -> None:
    """The repr is what a generated settings module says."""
    assert repr(PAIRS[name][0]) == name


@pytest.mark.parametrize("name", PAIRS)
@example(value="")
@example(value=None)
@given(value=TEXTS)
def test_a_converter_equals_its_expression(name: str, value: str | None) -> None:
    """The same value, or an error of the same class with the same arguments."""
    converter, expression = PAIRS[name]
    assert outcome(converter, value) == outcome(expression, value)


@pytest.mark.parametrize("text", ["true", " Yes ", "ON", "1", "t", "y", True, 1])
def test_boolean_accepts_the_usual_words_for_true(text: Any) -> None:
    """Case and surrounding space do not matter."""
    assert config.boolean(text) is True


@pytest.mark.parametrize("text", ["false", " No ", "OFF", "0", "f", "n", False, 0])
def test_boolean_accepts_the_usual_words_for_false(text: Any) -> None:
    """Case and surrounding space do not matter."""
    assert config.boolean(text) is False


@pytest.mark.parametrize("text", ["", "ja", "2", "tru", 2, None])
def test_boolean_refuses_everything_else(text: Any) -> None:
    """A misspelt flag is an error, never quietly false."""
    with pytest.raises(ValueError, match="not a boolean"):
        config.boolean(text)


def test_purity_decides_caching_and_spreads_through_compositions() -> None:
    """A composition is cacheable only if every step is known to depend on its argument alone."""
    from maestro_core_config._converters import is_pure

    assert is_pure(config.pipe(config.strip, int))
    assert is_pure(Path)
    assert not is_pure(config.pipe(config.strip, lambda value: value))
    assert not is_pure(lambda value: value)
    assert isinstance(config.negate(print), Converter)
