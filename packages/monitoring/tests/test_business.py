"""Promises of the business metrics."""

from enum import Enum

import pytest

from maestro_monitoring import BusinessCounter, BusinessGauge, BusinessHistogram, RequestMetrics, UndeclaredLabelError


class Kind(Enum):
    RETAIL = "retail"
    TRADE = "trade"


def test_a_counter_counts_by_its_declared_labels(registry):
    """Labels are keywords; an Enum member stands for its value."""
    paid = BusinessCounter("orders_paid", "Orders paid.", labels={"currency": 50, "kind": Kind}, registry=registry)
    paid.inc(currency="EUR", kind=Kind.TRADE)
    paid.inc(2, currency="EUR", kind="trade")
    assert registry.get_sample_value("orders_paid_total", {"currency": "EUR", "kind": "trade"}) == 3


def test_values_beyond_the_cap_share_one_label(registry, caplog):
    """A cap that is hit costs one series, one log line and a counter."""
    paid = BusinessCounter("orders_paid", "Orders paid.", labels={"tenant": 2}, registry=registry)
    for tenant in ("a", "b", "c", "d", "a"):
        paid.inc(tenant=tenant)
    assert registry.get_sample_value("orders_paid_total", {"tenant": "a"}) == 2
    assert registry.get_sample_value("orders_paid_total", {"tenant": "_overflow"}) == 2
    labels = {"metric": "orders_paid", "label": "tenant"}
    assert registry.get_sample_value("maestro_label_overflow_total", labels) == 2
    assert len(caplog.records) == 1
    assert "'c'" in caplog.text


def test_a_metric_that_is_declared_again_keeps_its_cap(registry, caplog):
    """Applications that are made anew in one process, or several of a kind, have the series of one; the log has one line."""
    for number in range(3):
        again = BusinessCounter("paid", "Paid.", labels={"currency": 2}, registry=registry)
        requests = RequestMetrics(registry=registry, max_routes=2)
        for value in range(5):
            again.inc(currency=f"{number}{value}")
            requests.observe(method="GET", route=f"/{number}{value}", status=200, duration_s=0.1)
    shown = {
        f.name: {tuple(s.labels.values()) for s in f.samples if s.name.endswith("_total")} for f in registry.collect()
    }
    assert shown["paid"] == {("00",), ("01",), ("_overflow",)}
    assert {route for _, route, _ in shown["http_requests"]} == {"/00", "/01", "_overflow"}
    assert len(caplog.records) == 2


@pytest.mark.parametrize("cap", [0, -1])
def test_a_label_without_values_is_refused(registry, cap):
    """The mistake shows where it is made."""
    with pytest.raises(ValueError, match="at least one"):
        BusinessCounter("paid", "Paid.", labels={"currency": cap}, registry=registry)


@pytest.mark.parametrize("allowed", [Kind, {"retail", "trade"}, ["retail", "trade"]])
def test_values_outside_a_closed_set_share_one_label(registry, allowed):
    """When the values are known beforehand no other gets in."""
    size = BusinessHistogram("basket", "Items.", labels={"kind": allowed}, buckets=(1, 5), registry=registry)
    size.observe(3, kind="retail")
    size.observe(3, kind="stolen")
    assert registry.get_sample_value("basket_bucket", {"kind": "retail", "le": "5.0"}) == 1
    assert registry.get_sample_value("basket_count", {"kind": "_overflow"}) == 1


def test_an_endless_value_counts_as_overflow(registry):
    """A megabyte of text never becomes a label value."""
    paid = BusinessCounter("orders_paid", "Orders paid.", labels={"tenant": 2}, registry=registry)
    paid.inc(tenant="x" * 1_000_000)
    assert registry.get_sample_value("orders_paid_total", {"tenant": "_overflow"}) == 1


@pytest.mark.parametrize("labels", [{}, {"tenant": "a", "more": "b"}, {"other": "a"}])
def test_undeclared_labels_are_refused(registry, labels):
    """A misspelt label is an error that names what was declared."""
    paid = BusinessCounter("orders_paid", "Orders paid.", labels={"tenant": 2}, registry=registry)
    with pytest.raises(UndeclaredLabelError, match=r"\['tenant'\]"):
        paid.inc(**labels)


def test_one_string_is_no_set_of_values(registry):
    """ "EUR" would allow E, U and R."""
    with pytest.raises(TypeError, match="collection"):
        BusinessCounter("orders_paid", "Orders paid.", labels={"currency": "EUR"}, registry=registry)


def test_a_gauge_goes_up_and_down_and_is_declared_once(registry):
    """A module that is reloaded declares its metrics again and goes on counting."""
    for _ in range(2):
        queue = BusinessGauge("queue_length", "Waiting orders.", registry=registry)
        queue.inc(5)
        queue.inc(-2)
    assert registry.get_sample_value("queue_length") == 6
    queue.set(1)
    assert registry.get_sample_value("queue_length") == 1


def test_exemplars_lead_to_the_trace(registry):
    """A counted event may carry the trace it happened in."""
    paid = BusinessCounter("orders_paid", "Orders paid.", registry=registry)
    paid.inc(trace_id="0af7651916cd43dd8448eb211c80319c")
    (family,) = (f for f in registry.collect() if f.name == "orders_paid")
    assert family.samples[0].exemplar.labels == {"trace_id": "0af7651916cd43dd8448eb211c80319c"}
