"""What a user's type checker must see; checked by `test_typing.py`, never run."""

from typing import assert_type

from maestro_monitoring import (
    SLO,
    BusinessCounter,
    BusinessHistogram,
    ClientMetrics,
    Monitoring,
    RequestMetrics,
    exposition,
    setup_monitoring,
)
from maestro_monitoring.testing import ScannerDrill, metric_value, scan
from maestro_monitoring.tracing import Tracing, setup_tracing

assert_type(exposition("text/plain"), tuple[bytes, str])
assert_type(setup_monitoring("orders"), Monitoring)
assert_type(setup_monitoring("orders").requests, RequestMetrics)
assert_type(setup_tracing("orders"), Tracing)
assert_type(setup_tracing("orders").instrument(), tuple[str, ...])
assert_type(SLO(name="a", service="b", objective=99).error_budget, float)
assert_type(metric_value("x", kind="y"), float)

RequestMetrics().observe(method="GET", route=None, status=404, duration_s=0.1)
RequestMetrics().observe("GET", "/", 200, 0.1)  # type: ignore[call-arg]  # keywords only
RequestMetrics().observe(method="GET", route="/", status="200", duration_s=0.1)  # type: ignore[arg-type]  # a number
BusinessCounter("orders_paid", "Orders paid.", labels={"currency": 5, "kind": {"a", "b"}}).inc(
    2, currency="EUR", kind="a"
)
BusinessCounter("orders_paid", "Orders paid.").observe(1)  # type: ignore[attr-defined]  # that is a histogram's
BusinessHistogram("basket", "Items.", buckets=(1, 5)).observe(3)
SLO("a", "b", 99)  # type: ignore[call-arg]  # keywords only

with ClientMetrics("payments").call("charge"):
    pass


async def drill() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        """Answer nothing."""

    assert_type(await scan(app), ScannerDrill)
