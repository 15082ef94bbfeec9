"""Promises of the request metrics."""

import pytest
from prometheus_client import CollectorRegistry, Counter

from maestro_monitoring import MetricConflictError, RequestMetrics, exposition

TRACE = "0af7651916cd43dd8448eb211c80319c"


def series(registry: CollectorRegistry) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {(s.name, tuple(sorted(s.labels.items()))) for m in registry.collect() for s in m.samples}


def test_a_request_is_counted_and_timed_under_its_route_template(registry):
    """Rate, errors and duration come from one call."""
    RequestMetrics(registry=registry).observe(method="GET", route="/orders/{id}", status=503, duration_s=0.03)
    labels = {"method": "GET", "route": "/orders/{id}"}
    assert registry.get_sample_value("http_requests_total", {**labels, "status": "503"}) == 1
    assert registry.get_sample_value("http_request_duration_seconds_sum", labels) == pytest.approx(0.03)
    assert registry.get_sample_value("http_request_duration_seconds_bucket", {**labels, "le": "0.025"}) == 0
    assert registry.get_sample_value("http_request_duration_seconds_bucket", {**labels, "le": "0.05"}) == 1


def test_a_websocket_is_counted_and_its_lifetime_is_no_duration(registry):
    """An hour of chat is no slow request: it would spend the budget of every latency objective."""
    metrics = RequestMetrics(registry=registry)
    metrics.observe(method="GET", route="/chat/{room}", status=101, duration_s=3600)
    assert (
        registry.get_sample_value("http_requests_total", {"method": "GET", "route": "/chat/{room}", "status": "101"})
        == 1
    )
    assert (
        registry.get_sample_value("http_request_duration_seconds_count", {"method": "GET", "route": "/chat/{room}"})
        == 0
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"])
def test_standard_methods_keep_their_name(registry, method):
    """RFC 9110's methods and PATCH are label values of their own."""
    RequestMetrics(registry=registry).observe(method=method, route="/", status=200, duration_s=0)
    assert registry.get_sample_value("http_requests_total", {"method": method, "route": "/", "status": "200"}) == 1


@pytest.mark.parametrize("method", ["FOOBAR1", "get", "", "GET ", "PROPFIND", "_OTHER"])
def test_invented_methods_share_one_label(registry, method):
    """A client's method never becomes a label value (prometheus-fastapi-instrumentator puts it there verbatim)."""
    metrics = RequestMetrics(registry=registry)
    metrics.observe(method=method, route="/", status=200, duration_s=0)
    with metrics.in_progress(method=method):
        assert registry.get_sample_value("http_requests_in_progress", {"method": "_OTHER"}) == 1
    assert registry.get_sample_value("http_requests_total", {"method": "_OTHER", "route": "/", "status": "200"}) == 1


def test_requests_that_match_no_route_are_counted_together(registry):
    """404s are kept (starlette-exporter drops them) and are one series, not one a path."""
    RequestMetrics(registry=registry).observe(method="GET", route=None, status=404, duration_s=0)
    labels = {"method": "GET", "route": "_unmatched", "status": "404"}
    assert registry.get_sample_value("http_requests_total", labels) == 1


@pytest.mark.parametrize("status", [0, 99, 600, 100000, -1])
def test_statuses_outside_the_protocol_share_one_label(registry, status):
    """RFC 9110 knows 100 to 599."""
    RequestMetrics(registry=registry).observe(method="GET", route="/", status=status, duration_s=0)
    labels = {"method": "GET", "route": "/", "status": "_OTHER"}
    assert registry.get_sample_value("http_requests_total", labels) == 1


def test_a_scanner_adds_no_series(registry):
    """50,000 random methods and paths leave the number of series where it was."""
    metrics = RequestMetrics(registry=registry)
    metrics.observe(method="GET", route=None, status=404, duration_s=0)
    metrics.observe(method="\x00", route=None, status=404, duration_s=0)
    before = series(registry)
    for number in range(50_000):
        metrics.observe(method=f"M{number}", route=None, status=404, duration_s=0)
    assert series(registry) == before
    assert (
        registry.get_sample_value("http_requests_total", {"method": "_OTHER", "route": "_unmatched", "status": "404"})
        == 50_001
    )


def test_raw_paths_passed_as_routes_hit_the_cap(registry, caplog):
    """A caller's mistake costs `max_routes` series, one log line and a counter, not the server."""
    metrics = RequestMetrics(registry=registry, max_routes=3)
    for number in range(10):
        metrics.observe(method="GET", route=f"/orders/{number}", status=200, duration_s=0)
    labels = {"method": "GET", "route": "_overflow", "status": "200"}
    assert registry.get_sample_value("http_requests_total", labels) == 7
    overflow = {"metric": "http_requests_total", "label": "route"}
    assert registry.get_sample_value("maestro_label_overflow_total", overflow) == 7
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'/orders/3'" in caplog.text


def test_in_progress_goes_up_and_down_even_when_the_handler_raises(registry):
    """The gauge returns to zero."""
    metrics = RequestMetrics(registry=registry)

    def failing_request():
        with metrics.in_progress(method="GET"), metrics.in_progress(method="GET"):
            assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) == 2
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing_request()
    assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) == 0


def test_made_twice_it_is_the_same_metrics(registry):
    """App factories run many times per process: never "Duplicated timeseries", and both count into one."""
    for _ in range(3):
        RequestMetrics(registry=registry).observe(method="GET", route="/", status=200, duration_s=0)
    assert registry.get_sample_value("http_requests_total", {"method": "GET", "route": "/", "status": "200"}) == 3


def test_registries_and_namespaces_are_apart(registry):
    """Two apps in one process may count separately."""
    other = CollectorRegistry()
    RequestMetrics(registry=registry).observe(method="GET", route="/", status=200, duration_s=0)
    RequestMetrics(registry=other)
    RequestMetrics(registry=registry, namespace="edge")
    labels = {"method": "GET", "route": "/", "status": "200"}
    assert other.get_sample_value("http_requests_total", labels) is None
    assert registry.get_sample_value("edge_requests_total", labels) is None


def test_a_services_own_metric_of_that_name_is_not_counted_into(registry):
    """Sharing a collector with the service would count its requests twice, so it is refused with advice."""
    Counter("http_requests_total", "mine", ["method", "route", "status"], registry=registry)
    with pytest.raises(MetricConflictError, match="another namespace") as refused:
        RequestMetrics(registry=registry)
    assert refused.value.name == "http_requests_total"


def test_other_buckets_for_the_same_metrics_are_refused(registry):
    """Two sets of buckets in one histogram cannot be added up."""
    RequestMetrics(registry=registry, buckets=(0.1, 1.0))
    with pytest.raises(MetricConflictError):
        RequestMetrics(registry=registry, buckets=(0.2, 1.0))


def test_a_sampled_trace_becomes_the_exemplar_of_its_bucket(registry):
    """From a slow bucket one click leads to a trace."""
    RequestMetrics(registry=registry).observe(method="GET", route="/", status=200, duration_s=0.3, trace_id=TRACE)
    body, _ = exposition("application/openmetrics-text", registry)
    line = next(line for line in body.decode().splitlines() if 'le="0.5"' in line)
    assert f'# {{trace_id="{TRACE}"}} 0.3' in line


@pytest.mark.parametrize("trace_id", ["0" * 32, "xyz", "", TRACE.upper(), TRACE * 5])
def test_a_trace_id_that_is_none_is_no_exemplar(registry, trace_id):
    """An invalid id never raises into the request."""
    RequestMetrics(registry=registry).observe(method="GET", route="/", status=200, duration_s=0.3, trace_id=trace_id)
    assert b"# {" not in exposition("application/openmetrics-text", registry)[0]
