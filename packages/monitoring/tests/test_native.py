"""Promises of the native histograms and of the format that carries them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from maestro_monitoring import RequestMetrics, exposition
from maestro_monitoring._native import NativeHistogram, native_histograms

PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@given(st.lists(st.floats(min_value=1e-9, max_value=1e9), min_size=1, max_size=400))
def test_every_value_lies_in_its_bucket(values):
    """Whatever the values, none is lost, buckets stay few, and each value is within its bucket's bounds."""
    histogram = NativeHistogram("seconds", "Seconds.", ())
    for value in values:
        histogram.observe(value)
    (series,) = histogram.series()
    assert series.count == len(values) == sum(count for _, count in series.buckets)
    assert series.total == pytest.approx(math.fsum(values))
    assert len(series.buckets) <= 160
    base = 2 ** (2**-series.schema)
    lowest, highest = series.buckets[0][0], series.buckets[-1][0]
    assert base ** (lowest - 1) * (1 - 1e-9) <= min(values)
    assert max(values) <= base**highest * (1 + 1e-9)


@pytest.mark.parametrize(("value", "count", "zero"), [(0.0, 1, 1), (-1.0, 0, 0), (math.nan, 0, 0), (math.inf, 0, 0)])
def test_odd_values_do_no_harm(value, count, zero):
    """Zero has a bucket of its own; what is no duration is not counted, and never raises."""
    histogram = NativeHistogram("seconds", "Seconds.", ())
    histogram.observe(1.0)
    histogram.observe(value)
    (series,) = histogram.series()
    assert (series.count - 1, series.zero) == (count, zero)


def test_prometheus_gets_protobuf_when_it_asks_for_it(registry):
    """Its feature native-histograms puts the format first; nobody else gets it."""
    RequestMetrics(registry=registry).observe(method="GET", route="/", status=200, duration_s=0.1)
    body, content_type = exposition(PROTOBUF, registry)
    assert content_type.startswith("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily")
    assert b"http_request_duration_native_seconds" in body
    text, content_type = exposition(PROTOBUF.replace("encoding=delimited", "encoding=text"), registry)
    assert content_type.startswith("application/openmetrics-text")
    assert b"native" not in text


def test_registries_are_apart(registry):
    """A native histogram is shown with its own registry only."""
    RequestMetrics(registry=registry).observe(method="GET", route="/", status=200, duration_s=0.1)
    other = CollectorRegistry()
    RequestMetrics(registry=other)
    assert [histogram.series() for histogram in native_histograms(other)] == [[]]
    assert b"native" not in exposition(PROTOBUF, other)[0]
