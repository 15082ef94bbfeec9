"""Answers are compared field by field; only what is steady on both sides can differ."""

import base64
import json
from typing import Any

from maestro_migrate.parity import compare_answers

CASES = [{"method": "GET", "path": "/items"}]


def run(body: Any, *, status: int = 200, headers: tuple[tuple[str, str], ...] = (), **seen: Any) -> dict[str, Any]:
    """Return one run of the driver with one answer."""
    answer = {
        "status": status,
        "headers": list(headers),
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "logs": seen.get("logs", []),
        "sql": seen.get("sql", []),
        "calls": [],
    }
    return {
        "answers": [answer],
        "series": seen.get("series", []),
        "timings": {"0": seen.get("seconds", [])},
        "peak_kib": 1000,
    }


def test_equal_answers_are_identical() -> None:
    """The date and the server's name are nobody's behaviour."""
    old = run({"a": 1}, headers=(("Date", "now"), ("X-A", "1")))
    new = run({"a": 1}, headers=(("date", "later"), ("x-a", "1")))
    found = compare_answers(CASES, [old, old], [new, new])
    assert (found.requests, found.different, found.noise_fields, found.added) == (1, 0, (), ())


def test_a_field_of_a_body_is_named() -> None:
    """The difference says which request, which field, and both values."""
    found = compare_answers(CASES, [run({"a": [1, 2]})] * 2, [run({"a": [1, 3]})] * 2)
    assert [str(each) for each in found.differences] == ["GET /items (request 1): body.a[1] was 2, is 3"]
    assert found.different == 1


def test_what_differs_between_equals_is_noise() -> None:
    """A field that the old code answers otherwise each time proves nothing, on either side."""
    found = compare_answers(CASES, [run({"id": 1}), run({"id": 2})], [run({"id": 3})] * 2)
    assert (found.different, found.noise_fields) == (0, ("body.id",))
    found = compare_answers(CASES, [run({"id": 1})] * 2, [run({"id": 1}), run({"id": 2})])
    assert (found.different, found.noise_fields) == (0, ("body.id",))


def test_the_length_of_a_body_that_varies_proves_nothing() -> None:
    """Durations have as many digits in two runs by chance only; where the body is steady, its length counts."""
    one, two, three = (
        run({"ms": ms}, headers=(("content-length", length),)) for ms, length in ((1, "8"), (2, "8"), (30, "9"))
    )
    assert compare_answers(CASES, [one, two], [three, three]).different == 0
    other = run({"ms": 1}, headers=(("content-length", "9"),))
    assert compare_answers(CASES, [one, one], [other, other]).different == 1


def test_a_time_that_was_the_same_twice_by_chance_proves_nothing() -> None:
    """It differs between equals in another answer; a header that is no number, or that is steady everywhere, is compared all the same."""

    def timed(*times: str, kind: str = "json") -> dict[str, Any]:
        answers = [run({}, headers=(("X-Time", each), ("X-Kind", kind)))["answers"][0] for each in times]
        return {**run({}), "answers": answers}

    cases = CASES * 2
    old = [timed("0.0003", "0.0004"), timed("0.0005", "0.0004")]
    found = compare_answers(cases, old, [timed("0.0004", "0.0006")] * 2)
    assert (found.different, found.noise_fields) == (0, ("header x-time",))
    assert compare_answers(cases, old, [timed("0.0004", "late")] * 2).different == 1
    assert compare_answers(cases, old, [timed("0.0004", "0.0004", kind="xml")] * 2).different == 2
    assert compare_answers(cases, old[:1] * 2, [timed("0.0003", "0.0006")] * 2).different == 1


def test_a_request_id_may_be_gained_and_not_changed() -> None:
    """What migrated code is meant to add is named as added; a header that was there is compared."""
    new = run({}, headers=(("x-request-id", "1"),))
    gained = compare_answers(CASES, [run({})] * 2, [new] * 2)
    assert (gained.different, gained.added) == (0, ("header x-request-id",))
    had = run({}, headers=(("x-request-id", "0"),))
    assert compare_answers(CASES, [had] * 2, [new] * 2).different == 1
    other = run({}, headers=(("x-other", "1"),))
    assert compare_answers(CASES, [run({})] * 2, [other] * 2).different == 1


def test_side_effects_are_compared() -> None:
    """A log record that is lost, a statement that is sent twice and a metric that is gone are differences; the libraries' records are not."""
    old = run({}, logs=[["svc", "INFO", "made"]], sql=["SELECT 1"], series=["made_total{}", "left{}"])
    new = run(
        {}, logs=[["maestro.access", "INFO", "x"]], sql=["SELECT 1", "SELECT 1"], series=["made_total{}", "new{}"]
    )
    found = compare_answers(CASES, [old] * 2, [new] * 2)
    assert {each.field for each in found.differences} == {"log records", "SQL statements", "metric series"}
    assert found.added == ("1 metric series",)


def test_latency_is_a_sum_of_medians() -> None:
    """One slow answer does not decide."""
    old = [run({}, seconds=[1.0, 1.0]), run({}, seconds=[1.0, 9.0])]
    new = [run({}, seconds=[2.0, 2.0]), run({}, seconds=[2.0, 2.0])]
    assert compare_answers(CASES, old, new).latency_s == (1.0, 2.0)
    assert compare_answers(CASES, [run({})] * 2, [run({})] * 2).latency_s is None
