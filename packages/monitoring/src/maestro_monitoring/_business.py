"""Business metrics: counters, gauges and histograms whose labels are declared with the values they may have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from ._cardinality import OVERFLOW, LabelCap, label_cap
from ._registry import declare, registry_or_default
from ._requests import DEFAULT_BUCKETS
from .errors import UndeclaredLabelError

# What a label may hold: at most so many values, one of these values, or the members of an enumeration.
LabelValues = int | Collection[str] | type[Enum]
M = TypeVar("M", bound=MetricWrapperBase)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The values of a label that are all known beforehand."""

    values: frozenset[str]
    cap: LabelCap

    def admit(self, value: str) -> str:
        return value if value in self.values else self.cap.admit(value)


class _Declared(Generic[M]):
    """A metric together with the bounds of its labels."""

    _kind: type[M]

    def __init__(
        self,
        name: str,
        documentation: str,
        *,
        labels: Mapping[str, LabelValues] | None = None,
        registry: CollectorRegistry | None = None,
        **options: Any,
    ) -> None:
        registry = registry_or_default(registry)
        self.name = name
        self._bounds = {label: _bound(name, label, allowed, registry) for label, allowed in (labels or {}).items()}
        self._metric: M = declare(self._kind, name, documentation, tuple(self._bounds), registry, **options)

    def _child(self, values: Mapping[str, object]) -> M:
        if values.keys() != self._bounds.keys():
            raise UndeclaredLabelError(self.name, declared=tuple(self._bounds), given=tuple(values))
        if not self._bounds:
            return self._metric
        return self._metric.labels(*(bound.admit(_text(values[label])) for label, bound in self._bounds.items()))


class BusinessCounter(_Declared[Counter]):
    """A count that only grows, such as orders paid.

    `labels` says for each label what it may hold: a number (that many different values), a collection of
    strings, or an Enum. What does not fit is counted under `_overflow`.
    """

    _kind = Counter

    def inc(self, amount: float = 1, /, *, trace_id: str | None = None, **labels: object) -> None:
        """Add `amount`, with the trace as exemplar when given.

        Raises:
            UndeclaredLabelError: the labels are not those that were declared.
        """
        self._child(labels).inc(amount, {"trace_id": trace_id} if trace_id else None)


class BusinessGauge(_Declared[Gauge]):
    """A value that goes up and down, such as the length of a queue. In several workers it is their sum."""

    _kind = Gauge

    def __init__(
        self,
        name: str,
        documentation: str,
        *,
        labels: Mapping[str, LabelValues] | None = None,
        registry: CollectorRegistry | None = None,
        workers: str = "livesum",
    ) -> None:
        """Declare it; `workers` is how several workers' values become one: livesum, livemax, livemin, mostrecent."""
        super().__init__(name, documentation, labels=labels, registry=registry, multiprocess_mode=workers)

    def set(self, value: float, /, **labels: object) -> None:
        """Set the value.

        Raises:
            UndeclaredLabelError: the labels are not those that were declared.
        """
        self._child(labels).set(value)

    def inc(self, amount: float = 1, /, **labels: object) -> None:
        """Add `amount`, which may be negative.

        Raises:
            UndeclaredLabelError: the labels are not those that were declared.
        """
        self._child(labels).inc(amount)


class BusinessHistogram(_Declared[Histogram]):
    """A distribution, such as the value of orders."""

    _kind = Histogram

    def __init__(
        self,
        name: str,
        documentation: str,
        *,
        labels: Mapping[str, LabelValues] | None = None,
        registry: CollectorRegistry | None = None,
        buckets: tuple[float, ...] = DEFAULT_BUCKETS,
    ) -> None:
        super().__init__(name, documentation, labels=labels, registry=registry, buckets=tuple(buckets))

    def observe(self, value: float, /, *, trace_id: str | None = None, **labels: object) -> None:
        """Add a value to its bucket, with the trace as exemplar when given.

        Raises:
            UndeclaredLabelError: the labels are not those that were declared.
        """
        self._child(labels).observe(value, {"trace_id": trace_id} if trace_id else None)


def _bound(metric: str, label: str, allowed: LabelValues, registry: CollectorRegistry) -> LabelCap | _Allowed:
    if isinstance(allowed, int):
        if allowed < 1:
            raise ValueError(f"label {label!r} of {metric!r} may have {allowed} values; allow at least one")
        return label_cap(metric=metric, label=label, limit=allowed, registry=registry)
    if isinstance(allowed, type):
        values = frozenset(str(member.value) for member in allowed)
    elif isinstance(allowed, str):
        raise TypeError(f"label {label!r} of {metric!r} is declared with one string; give a collection of them")
    else:
        values = frozenset(allowed)
    return _Allowed(values | {OVERFLOW}, label_cap(metric=metric, label=label, limit=0, registry=registry))


def _text(value: object) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value)
