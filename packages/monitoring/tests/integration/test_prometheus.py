"""A real Prometheus scrapes a sample service, evaluates its rules, fires its alert and fills its dashboard."""

import gc
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from maestro_monitoring import (
    SLO,
    BusinessCounter,
    BusinessGauge,
    BusinessHistogram,
    ClientMetrics,
    exposition,
    setup_monitoring,
    watch_pool,
)
from maestro_monitoring._artifacts import artifacts
from maestro_monitoring._panels import panels

pytestmark = pytest.mark.service

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def served(registry):
    """Serve the registry's exposition on a free port, in the format that the scraper likes best."""
    yield from _serve(registry, lambda accept: accept)


def _without_protobuf(accept: str) -> str:
    return ",".join(kind for kind in accept.split(",") if "protobuf" not in kind)


def _serve(registry, accepted):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, content_type = exposition(accepted(self.headers["Accept"]), registry)
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class Traffic:
    """Requests, calls and sales of the sample service, until stopped."""

    def __init__(self, registry, slos) -> None:
        self.monitoring = setup_monitoring("orders", slos=slos, registry=registry)
        self.paid = BusinessCounter("orders_paid", "Orders paid.", labels={"currency": 5}, registry=registry)
        self.queue = BusinessGauge("queue_length", "Waiting orders.", registry=registry)
        self.basket = BusinessHistogram("basket_items", "Items.", registry=registry)
        self.payments = ClientMetrics("payments", registry=registry)
        watch_pool("db", size=lambda: 5, in_use=lambda: 2, registry=registry)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.monitoring.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.monitoring.stop()

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            requests = self.monitoring.requests
            with requests.in_progress(method="POST"), self.payments.call("charge"):
                requests.observe(method="POST", route="/orders", status=503, duration_s=0.4, trace_id=TRACE)
                requests.observe(method="GET", route="/orders", status=200, duration_s=0.02)
            self.paid.inc(currency="EUR")
            self.queue.set(3)
            self.basket.observe(2)
            self.monitoring._event_loop._lag.observe(0.001)
            gc.collect(0)


@pytest.fixture
def running(prometheus, job, registry, served):
    """The sample service under traffic, scraped, with its rules loaded."""
    slos = [
        SLO(name="availability", service=job, objective=99.9, team="shop", runbook="https://runbooks.example/orders"),
        SLO(name="speed", service=job, objective=99, latency_s=0.3, method="POST"),
    ]
    rules = artifacts(slos, registry=registry, dashboards=False)["rules/slo.rules.yml"]
    with Traffic(registry, slos):
        prometheus.add(job=job, port=served, rules=rules)
        yield slos


def test_a_burning_budget_pages_somebody(prometheus, job, running):
    """Half of the requests fail: the page fires for availability and for speed, with team and runbook."""

    def firing():
        alerts = prometheus.get("alerts")["alerts"]
        mine = [a for a in alerts if a["labels"].get("sloth_service") == job and a["state"] == "firing"]
        found = {(a["labels"]["sloth_slo"], a["labels"]["severity"]): a for a in mine}
        return found if len(found) == 4 else None

    alerts = prometheus.wait_for(firing)
    page = alerts["availability", "page"]
    assert page["labels"]["team"] == "shop"
    assert page["annotations"]["runbook_url"] == "https://runbooks.example/orders"
    assert ("speed", "page") in alerts


def test_every_panel_of_the_dashboard_has_something_to_show(prometheus, job, running, registry):
    """Each query of each panel, asked as Grafana asks it, finds data."""
    shown = panels(job, slos=running, registry=registry)
    assert {spec.row for spec in shown} == {"Objectives", "Requests", "Systems", "Business", "Runtime"}
    for spec in shown:
        for query in spec.queries:
            expr = query.expr.replace("$__rate_interval", "30s")

            def has_numbers(expr: str = expr) -> bool:
                return any(result["value"][1] != "NaN" for result in prometheus.query(expr))

            assert prometheus.wait_for(has_numbers), f"{spec.title}: {expr}"


def test_native_histograms_arrive(prometheus, job, running):
    """The real scraper reads them from the protobuf format: half of the requests took 0.4 s, half 0.02 s."""
    rate = f'sum(rate(http_request_duration_native_seconds{{job="{job}"}}[30s]))'

    def quantile(share: float) -> float | None:
        found = prometheus.query(f"histogram_quantile({share}, {rate})")
        return float(found[0]["value"][1]) if found and found[0]["value"][1] != "NaN" else None

    assert prometheus.wait_for(lambda: quantile(0.9)) == pytest.approx(0.4, rel=0.09)
    assert quantile(0.25) == pytest.approx(0.02, rel=0.09)


@pytest.mark.parametrize("accepted", [lambda accept: accept, _without_protobuf], ids=["protobuf", "openmetrics"])
def test_exemplars_arrive(prometheus, job, registry, accepted):
    """Both formats bring the trace of a slow request, which is then one click away."""
    served = _serve(registry, accepted)
    with Traffic(registry, []):
        prometheus.add(job=job, port=next(served))
        _wait_for_exemplar(prometheus, job)
    next(served, None)


def _wait_for_exemplar(prometheus, job) -> None:
    selector = f'http_request_duration_seconds_bucket{{job="{job}"}}'

    def exemplars():
        found = prometheus.get("query_exemplars", query=selector, start="0", end="99999999999")
        return [e for series in found for e in series["exemplars"]]

    assert prometheus.wait_for(exemplars)[0]["labels"] == {"trace_id": TRACE}
