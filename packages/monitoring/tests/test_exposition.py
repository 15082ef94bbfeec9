"""Promises of the exposition."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from maestro_monitoring import RequestMetrics, exposition

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    "accept",
    [PROMETHEUS_2, PROMETHEUS_3, "application/openmetrics-text", "text/plain;q=0.5, Application/OpenMetrics-Text"],
)
def test_prometheus_gets_openmetrics(registry, accept):
    """What Prometheus 2 and 3 send leads to OpenMetrics, whose exemplars they read."""
    RequestMetrics(registry=registry).observe(method="GET", route='/a"b\\c', status=200, duration_s=0.1)
    body, content_type = exposition(accept, registry)
    assert content_type.startswith("application/openmetrics-text; version=")
    assert body.endswith(b"# EOF\n")
    assert "http_requests" in {family.name for family in parse_openmetrics(body.decode())}


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "text/html",
        "text/plain",
        "text/plain, application/openmetrics-text;q=0.5",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=nonsense",
        "application/openmetrics-text;version=abc",
        "application/openmetrics-text;version=99.0.0",
        ";;;,=,",
    ],
)
def test_everything_else_gets_text(registry, accept):
    """Browsers, curl and unreadable headers get the text format, never an error or a version we do not speak."""
    RequestMetrics(registry=registry).observe(method="GET", route="/", status=200, duration_s=0.1)
    body, content_type = exposition(accept, registry)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert "http_requests" in {family.name for family in parse_text(body.decode())}


def test_the_default_registry_is_the_clients():
    """What a service registered by itself is shown too."""
    assert b"python_info" in exposition(None)[0]
