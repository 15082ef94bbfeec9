"""Promises of the drills."""

from prometheus_client import Counter
from starlette.applications import Starlette

from maestro_monitoring import RequestMetrics
from maestro_monitoring.asgi import ObservedApp
from maestro_monitoring.testing import metric_value, scan


async def test_the_drill_passes_with_bounded_labels(registry):
    """50,000 random paths and methods make no series."""
    app = ObservedApp(Starlette(), requests=RequestMetrics(registry=registry))
    drill = await scan(app, registry=registry)
    assert (drill.requests, drill.grew_by) == (50_000, 0)
    assert (
        metric_value("http_requests_total", registry=registry, method="_OTHER", route="_unmatched", status="404")
        > 10_000
    )


async def test_the_drill_finds_raw_paths_and_methods(registry):
    """The mistake of sglang #31193, dstack #3455 and litestar #3533 does not pass it."""
    seen = Counter("seen", "Requests.", ["method", "path"], registry=registry)

    async def naive(scope, receive, send) -> None:
        seen.labels(scope["method"], scope["path"]).inc()

    assert (await scan(naive, requests=100, registry=registry)).grew_by >= 100


def test_a_value_never_counted_is_zero(registry):
    """So that a test can take differences."""
    assert metric_value("nothing_total", registry=registry, kind="x") == 0
