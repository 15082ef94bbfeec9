"""Promises of the pool and client metrics."""

import pytest
from prometheus_client import CollectorRegistry

from maestro_monitoring import ClientMetrics, exposition, watch_pool


def test_a_pool_is_read_at_every_scrape(registry):
    """The scrape shows the pool as it is then."""
    used = [3]
    stop = watch_pool("db", size=lambda: 10, in_use=lambda: used[0], waiting=lambda: 1, registry=registry)
    exposition(None, registry)
    used[0] = 7
    exposition(None, registry)
    states = {
        s: registry.get_sample_value("pool_connections", {"pool": "db", "state": s})
        for s in ("size", "in_use", "waiting")
    }
    assert states == {"size": 10, "in_use": 7, "waiting": 1}
    stop()
    used[0] = 1
    exposition(None, registry)
    assert registry.get_sample_value("pool_connections", {"pool": "db", "state": "in_use"}) == 7


def test_a_pool_is_read_when_its_registry_is_shown_within_another(registry):
    """A registry that shows two others as one takes their readings too."""

    class Both(CollectorRegistry):
        def collect(self):
            return registry.collect()

    stop = watch_pool("db", size=lambda: 10, in_use=lambda: 4, registry=registry)
    assert b'pool_connections{pool="db",state="in_use"} 4.0' in exposition(None, Both())[0]
    stop()


def test_a_pool_that_cannot_be_read_does_not_spoil_the_scrape(registry, caplog):
    """The rest of the metrics is still there, and one log line says what is missing."""

    def broken() -> float:
        raise OSError("closed")

    stops = [
        watch_pool("broken", size=broken, in_use=broken, registry=registry),
        watch_pool("db", size=lambda: 10, in_use=lambda: 1, registry=registry),
    ]
    for _ in range(3):
        body, _ = exposition(None, registry)
    for stop in stops:
        stop()
    assert b'pool_connections{pool="db",state="in_use"} 1.0' in body
    assert [record.message for record in caplog.records] == [
        "reading 'pool:broken' failed and is left out of the metrics"
    ]


def test_calls_are_counted_by_outcome(registry):
    """A failure is counted under its class and passes through unchanged."""
    payments = ClientMetrics("payments", registry=registry)
    with payments.call("charge"):
        pass
    with pytest.raises(TimeoutError), payments.call("charge"):
        raise TimeoutError
    labels = {"client": "payments", "operation": "charge"}
    assert registry.get_sample_value("client_requests_total", {**labels, "outcome": "ok"}) == 1
    assert registry.get_sample_value("client_requests_total", {**labels, "outcome": "TimeoutError"}) == 1
    assert registry.get_sample_value("client_request_duration_seconds_count", labels) == 2


def test_operations_are_bounded(registry):
    """An operation made from a URL hits the cap, not the server."""
    payments = ClientMetrics("payments", registry=registry)
    for number in range(300):
        with payments.call(f"/charges/{number}"):
            pass
    labels = {"client": "payments", "operation": "_overflow", "outcome": "ok"}
    assert registry.get_sample_value("client_requests_total", labels) == 100


def test_outcomes_are_bounded(registry):
    """A library that makes exception classes as it goes fills no scrape."""
    payments = ClientMetrics("payments", registry=registry)
    for number in range(60):
        with pytest.raises(Exception, match="no"), payments.call("charge"):
            raise type(f"Error{number}", (Exception,), {})("no")
    labels = {"client": "payments", "operation": "charge", "outcome": "_overflow"}
    assert registry.get_sample_value("client_requests_total", labels) == 10


def test_each_client_has_its_own_bounds(registry):
    """One that makes operations up takes no room from another; made again it has the same."""
    for _ in range(2):
        for number in range(300):
            with ClientMetrics("chatty", registry=registry).call(f"op{number}"):
                pass
    with ClientMetrics("payments", registry=registry).call("charge"):
        pass
    operations = {s.labels["operation"] for f in registry.collect() if f.name == "client_requests" for s in f.samples}
    assert "charge" in operations
    assert len(operations) == 200 + len({"charge", "_overflow"})
