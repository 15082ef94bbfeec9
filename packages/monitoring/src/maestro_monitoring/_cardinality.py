"""Label values that stay few, whatever a client sends."""

from __future__ import annotations

import logging
from threading import Lock

from prometheus_client import CollectorRegistry, Counter

from ._registry import declare

OVERFLOW = "_overflow"
_LONGEST_VALUE = 200

_log = logging.getLogger("maestro_monitoring")
_lock = Lock()


class LabelCap:
    """A limit on the values of one label of one metric.

    The first `limit` different values are let through; every further one becomes `_overflow`, is
    counted in `maestro_label_overflow_total{metric,label}` and, once, logged with a sample.
    """

    __slots__ = ("_counter", "_label", "_limit", "_lock", "_metric", "_seen", "_told")

    def __init__(self, *, metric: str, label: str, limit: int, counter: Counter) -> None:
        self._metric = metric
        self._label = label
        self._limit = limit
        self._lock = Lock()
        self._seen: set[str] = set()
        self._told = False
        self._counter = counter

    def admit(self, value: str) -> str:
        """Give the value back, or `_overflow` when the label has all the values it may have."""
        if value in self._seen:
            return value
        with self._lock:
            if value in self._seen:
                return value
            if len(self._seen) < self._limit and len(value) <= _LONGEST_VALUE:
                self._seen.add(value)
                return value
            first, self._told = not self._told, True
        self._counter.labels(self._metric, self._label).inc()
        if first:
            _log.warning(
                "label %r of metric %r reached its cap of %d values; %.80r and what follows are counted as %r",
                self._label,
                self._metric,
                self._limit,
                value,
                OVERFLOW,
            )
        return OVERFLOW

    def limit_to(self, limit: int) -> None:
        """Go by another limit from now on; values that were let through stay."""
        self._limit = limit


def label_cap(*, metric: str, label: str, limit: int, registry: CollectorRegistry, part: str = "") -> LabelCap:
    """Give the cap of a label, which all that declare the metric in a registry share.

    Applications that are made anew in the same process, and several of one kind, have the series of one. A metric
    that belongs to several has a cap for each `part`, such as the client that is called.
    """
    counter = declare(
        Counter,
        "maestro_label_overflow_total",
        "Observations whose label value was replaced because the label had reached its cap.",
        ("metric", "label"),
        registry,
    )
    with _lock:
        # On the counter, which lives as long as its registry does.
        caps: dict[tuple[str, str, str], LabelCap] = vars(counter).setdefault("_maestro_caps", {})
        cap = caps.get((metric, label, part))
        if cap is None:
            cap = caps[metric, label, part] = LabelCap(metric=metric, label=label, limit=limit, counter=counter)
        cap.limit_to(limit)
    return cap
