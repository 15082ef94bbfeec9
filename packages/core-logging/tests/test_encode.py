"""No value makes a log call raise or its line unreadable."""

import dataclasses
import datetime as dt
import decimal
import enum
import json
import pathlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro_core_logging._encode import json_line


class Hostile:
    """An object that refuses to be shown."""

    def __repr__(self):
        raise RuntimeError("no")


class HostileClass:
    """An object that lies about its class by raising."""

    @property
    def __class__(self):
        raise RuntimeError("no")

    def __repr__(self):
        return "shown"


@dataclasses.dataclass
class Card:
    """A value with a field that its author keeps out of its repr."""

    holder: str
    number: str = dataclasses.field(repr=False)


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"


CIRCLE: list = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (float("nan"), None),
        (float("inf"), None),
        ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "None": "b", "(1, 2)": "c"}),
        (b"\xff\x00a", "\\xff\x00a"),
        ("\ud800", "\\ud800"),
        ({"\ud800": 1}, {"\\ud800": 1}),
        ({3}, [3]),
        (decimal.Decimal("1.10"), "1.10"),
        (pathlib.PurePosixPath("/a"), "/a"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "2026-01-01T00:00:00Z"),
        (Colour.RED, "red"),
        (Hostile(), "<Hostile whose repr raised RuntimeError>"),
        (Card("ann", "4111"), {"holder": "ann"}),
        (ValueError("odd"), "ValueError('odd')"),
    ],
)
def test_every_value_has_a_form(value, written):
    """Exact where JSON has a place for it, its `repr` where not."""
    assert json.loads(json_line({"v": value, "w": [value]})) == {"v": written, "w": [written]}


def test_an_object_that_lies_about_its_class_is_shown():
    """`isinstance` itself raises for it."""
    assert json.loads(json_line({"v": HostileClass()})) == {"v": "shown"}


def test_circles_end():
    """A value that contains itself is cut at a depth."""
    assert json.loads(json_line({"v": CIRCLE}))["v"]


def test_deep_values_end():
    """A thousand levels are cut."""
    deep: object = 1
    for _ in range(1000):
        deep = [deep]
    assert json.loads(json_line({"v": deep}))["v"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters(codec=None)), VALUES))
def test_any_fields_make_exactly_one_line_of_json(fields):
    """Surrogates, controls, huge numbers and nested values included."""
    line = json_line(fields)
    assert line.count(b"\n") == 1
    assert isinstance(json.loads(line), dict)
