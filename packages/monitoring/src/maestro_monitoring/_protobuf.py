"""Prometheus' protobuf exposition format, which alone carries native histograms.

The messages are those of `io/prometheus/client/metrics.proto`; the few field types that it uses are written by hand
rather than with a generated module, whose runtime would be a dependency of every service.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample

from ._native import ZERO_THRESHOLD, NativeHistogram, NativeSeries

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

_COUNTER, _GAUGE, _SUMMARY, _UNTYPED, _HISTOGRAM = range(5)
_TYPES = {"counter": _COUNTER, "summary": _SUMMARY, "histogram": _HISTOGRAM, "unknown": _UNTYPED, "untyped": _UNTYPED}
# The field of `Metric` that holds a value of each type.
_FIELDS = {_GAUGE: 2, _COUNTER: 3, _SUMMARY: 4, _UNTYPED: 5, _HISTOGRAM: 7}
_PART_OF_BUCKETS = frozenset({"le", "quantile"})

Labels = tuple[tuple[str, str], ...]


def protobuf(registry: CollectorRegistry, native: Iterable[NativeHistogram]) -> bytes:
    """Render all metrics and the native histograms as length-delimited `MetricFamily` messages."""
    families = [family for metric in registry.collect() for family in _families(metric)]
    families += [_native_family(histogram) for histogram in native if histogram.series()]
    return b"".join(_varint(len(family)) + family for family in families)


def _families(metric: Metric) -> Iterator[bytes]:
    kind = _TYPES.get(metric.type, _GAUGE)
    if kind in {_HISTOGRAM, _SUMMARY}:
        name, messages = metric.name, _composites(metric, kind)
    else:
        name = metric.name + {"counter": "_total", "info": "_info"}.get(metric.type, "")
        messages = [
            _labels(sample.labels.items()) + _message(_FIELDS[kind], _simple(sample, kind))
            for sample in metric.samples
            if sample.name == name
        ]
    if messages:
        yield _family(name, metric.documentation, kind, messages)


def _family(name: str, documentation: str, kind: int, messages: Iterable[bytes]) -> bytes:
    head = _text(1, name) + _text(2, documentation) + _number(3, kind)
    return head + b"".join(_message(4, message) for message in messages)


def _simple(sample: Sample, kind: int) -> bytes:
    exemplar = _exemplar(2, sample.exemplar) if kind == _COUNTER else b""
    return _double(1, sample.value) + exemplar


def _composites(metric: Metric, kind: int) -> list[bytes]:
    grouped: dict[Labels, list[Sample]] = {}
    for sample in metric.samples:
        shared = tuple(pair for pair in sample.labels.items() if pair[0] not in _PART_OF_BUCKETS)
        grouped.setdefault(shared, []).append(sample)
    return [_labels(shared) + _message(_FIELDS[kind], _composite(samples)) for shared, samples in grouped.items()]


def _composite(samples: Iterable[Sample]) -> bytes:
    encoded = b""
    for sample in samples:
        if sample.name.endswith("_bucket"):
            bucket = (
                _number(1, int(sample.value)) + _double(2, float(sample.labels["le"])) + _exemplar(3, sample.exemplar)
            )
            encoded += _message(3, bucket)
        elif "quantile" in sample.labels:
            encoded += _message(3, _double(1, float(sample.labels["quantile"])) + _double(2, sample.value))
        elif sample.name.endswith("_count"):
            encoded += _number(1, int(sample.value))
        elif sample.name.endswith("_sum"):
            encoded += _double(2, sample.value)
    return encoded


def _native_family(histogram: NativeHistogram) -> bytes:
    messages = [_labels(series.labels) + _message(7, _native(series)) for series in histogram.series()]
    return _family(histogram.name, histogram.documentation, _HISTOGRAM, messages)


def _native(series: NativeSeries) -> bytes:
    encoded = _number(1, series.count) + _double(2, series.total) + _number(5, _zigzag(series.schema))
    encoded += _double(6, ZERO_THRESHOLD) + _number(7, series.zero)
    spans: list[list[int]] = []
    deltas: list[int] = []
    expected, previous = 0, 0
    for index, count in series.buckets:
        if spans and index == expected:
            spans[-1][1] += 1
        else:
            spans.append([index - expected, 1])
        expected = index + 1
        deltas.append(count - previous)
        previous = count
    for offset, length in spans:
        encoded += _message(12, _number(1, _zigzag(offset)) + _number(2, length))
    return encoded + b"".join(_number(13, _zigzag(delta)) for delta in deltas)


def _labels(pairs: Iterable[tuple[str, str]]) -> bytes:
    return b"".join(_message(1, _text(1, name) + _text(2, value)) for name, value in pairs)


def _exemplar(field: int, exemplar: Exemplar | None) -> bytes:
    if exemplar is None:
        return b""
    encoded = _labels(exemplar.labels.items()) + _double(2, exemplar.value)
    if exemplar.timestamp is not None:
        seconds = float(exemplar.timestamp)
        encoded += _message(3, _number(1, int(seconds)) + _number(2, int(seconds % 1 * 1e9)))
    return _message(field, encoded)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
