"""What a service's connection pools and outgoing calls look like from inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ._cardinality import label_cap
from ._registry import declare, registry_or_default
from ._requests import DEFAULT_BUCKETS
from ._sampling import sample_with

_MAX_OPERATIONS = 200
# Outcomes are `ok` and names of exception classes; a library that makes such classes as it goes is held up here.
_MAX_OUTCOMES = 50


def watch_pool(
    name: str,
    *,
    size: Callable[[], float],
    in_use: Callable[[], float],
    waiting: Callable[[], float] | None = None,
    registry: CollectorRegistry | None = None,
) -> Callable[[], None]:
    """Publish a pool's size, its connections in use and who waits for one, read at every scrape.

    With SQLAlchemy: `watch_pool("db", size=engine.pool.size, in_use=engine.pool.checkedout)`. Returns a
    function that stops it; watching the same name again replaces the earlier one.
    """
    registry = registry_or_default(registry)
    gauge = declare(
        Gauge,
        "pool_connections",
        "Connections of a pool: its size, those in use, and callers waiting for one.",
        ("pool", "state"),
        registry,
        multiprocess_mode="livesum",
    )
    readings = {"size": size, "in_use": in_use} | ({"waiting": waiting} if waiting else {})

    def sample() -> None:
        for state, read in readings.items():
            gauge.labels(name, state).set(read())

    return sample_with(sample, name=f"pool:{name}", registry=registry)


class ClientMetrics:
    """Count, outcome and duration of calls to another system.

    The metrics are `client_requests_total{client,operation,outcome}` and
    `client_request_duration_seconds{client,operation}`.
    """

    def __init__(self, client: str, *, registry: CollectorRegistry | None = None) -> None:
        registry = registry_or_default(registry)
        self._client = client
        self._calls = declare(
            Counter,
            "client_requests_total",
            "Calls to other systems, by outcome: ok, or the class of the exception.",
            ("client", "operation", "outcome"),
            registry,
        )
        self._duration = declare(
            Histogram,
            "client_request_duration_seconds",
            "Seconds that calls to other systems took.",
            ("client", "operation"),
            registry,
            buckets=DEFAULT_BUCKETS,
        )
        self._operations = label_cap(
            metric="client_requests_total", label="operation", limit=_MAX_OPERATIONS, registry=registry, part=client
        )
        self._outcomes = label_cap(
            metric="client_requests_total", label="outcome", limit=_MAX_OUTCOMES, registry=registry, part=client
        )

    @contextmanager
    def call(self, operation: str) -> Iterator[None]:
        """Measure the calls made inside; an exception is counted by its class and passes through."""
        bounded = self._operations.admit(operation)
        outcome = "ok"
        started = perf_counter()
        try:
            yield
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self._duration.labels(self._client, bounded).observe(perf_counter() - started)
            self._calls.labels(self._client, bounded, self._outcomes.admit(outcome)).inc()
