"""Native histograms: exponential buckets that need no boundaries chosen beforehand.

prometheus-client can carry such samples but not count them, and Prometheus reads them from the protobuf format only. So
they are counted here, and shown by `_protobuf`. Each bucket is at most 9 % wide (schema 3); a histogram that would
need more than 160 buckets doubles their width instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry

_FINEST_SCHEMA = 3
_MOST_BUCKETS = 160
# Prometheus' own default: what is smaller counts as zero.
ZERO_THRESHOLD = 2.0**-128

_lock = Lock()
_declared: WeakKeyDictionary[CollectorRegistry, dict[str, NativeHistogram]] = WeakKeyDictionary()


@dataclass(slots=True)
class _Series:
    schema: int
    buckets: dict[int, int]
    zero: int = 0
    total: float = 0.0
    count: int = 0


@dataclass(frozen=True, slots=True)
class NativeSeries:
    """One labelled histogram at one moment: how many values fell into each bucket, by index."""

    labels: tuple[tuple[str, str], ...]
    schema: int
    zero: int
    buckets: tuple[tuple[int, int], ...]
    total: float
    count: int


class NativeHistogram:
    """A family of native histograms, by label values."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self.name = name
        self.documentation = documentation
        self._labels = labels
        self._lock = Lock()
        self._series: dict[tuple[str, ...], _Series] = {}

    def observe(self, value: float, *values: str) -> None:
        """Count a value under the given label values; what is not a positive number counts as zero or not at all."""
        if not math.isfinite(value) or value < 0:
            return
        with self._lock:
            series = self._series.get(values)
            if series is None:
                series = self._series[values] = _Series(_FINEST_SCHEMA, {})
            series.count += 1
            series.total += value
            if value <= ZERO_THRESHOLD:
                series.zero += 1
                return
            index = _index(value, series.schema)
            series.buckets[index] = series.buckets.get(index, 0) + 1
            if len(series.buckets) > _MOST_BUCKETS:
                _widen(series)

    def series(self) -> list[NativeSeries]:
        """Give every labelled histogram as it is now."""
        with self._lock:
            return [
                NativeSeries(
                    tuple(zip(self._labels, values, strict=True)),
                    series.schema,
                    series.zero,
                    tuple(sorted(series.buckets.items())),
                    series.total,
                    series.count,
                )
                for values, series in self._series.items()
            ]


def declare_native(
    name: str, documentation: str, labels: tuple[str, ...], registry: CollectorRegistry
) -> NativeHistogram:
    """Make a native histogram beside a registry, or give back the one made before."""
    with _lock:
        family = _declared.setdefault(registry, {})
        return family.setdefault(name, NativeHistogram(name, documentation, labels))


def native_histograms(registry: CollectorRegistry) -> Iterator[NativeHistogram]:
    """Give the native histograms of a registry; of all registries when it is one that shows others as one."""
    with _lock:
        families = [_declared[registry]] if registry in _declared else list(_declared.values())
        found = {name: histogram for family in families for name, histogram in family.items()}
    yield from found.values()


def _index(value: float, schema: int) -> int:
    # Bucket i holds what is above base**(i-1) and at most base**i, where base is 2**(2**-schema).
    fraction, exponent = math.frexp(value)
    return math.ceil(math.ldexp(math.log2(fraction) + exponent, schema))


def _widen(series: _Series) -> None:
    merged: dict[int, int] = {}
    for index, count in series.buckets.items():
        wider = math.ceil(index / 2)
        merged[wider] = merged.get(wider, 0) + count
    series.schema -= 1
    series.buckets = merged
