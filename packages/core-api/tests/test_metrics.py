"""Request metrics that leave the service's own metrics alone, whatever it does with its modules."""

from __future__ import annotations

import importlib
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from maestro_core_api import MaestroAPI, instrument
from maestro_monitoring import RequestMetrics


def run(program: str, **environment: str) -> str:
    """Run a program in a process of its own, where the default registry is untouched; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SERVICE = """
import prometheus_client as p
from fastapi.testclient import TestClient
from fastapi import FastAPI
from maestro_core_api import MaestroAPI, instrument
app = MaestroAPI()
app.get("/items/{i}")(lambda i: i)
client = TestClient(app)
"""


def test_requests_are_counted_by_template_status_and_method() -> None:
    """One series per route, method and status; what a client makes up is bounded."""
    mine = RequestMetrics(registry=(registry := CollectorRegistry()))
    app = MaestroAPI(metrics=mine)
    app.get("/items/{i}")(lambda i: i)
    client = TestClient(app)
    for i in range(50):
        client.get(f"/items/{i}")
        client.get(f"/scan/{i}")
        client.request(f"M{i}", "/items/1")
    text = generate_latest(registry).decode()
    assert 'http_requests_total{method="GET",route="/items/{i}",status="200"} 50.0' in text
    assert 'http_requests_total{method="GET",route="_unmatched",status="404"} 50.0' in text
    assert 'http_requests_total{method="_OTHER",route="/items/{i}",status="405"} 50.0' in text
    assert 'http_requests_in_progress{method="GET"} 0.0' in text
    assert text.count("http_requests_total{") == 3


def test_websockets_and_broken_answers_are_counted_for_what_they_were() -> None:
    """A WebSocket is a 101, or a 500, without a duration; a stream that breaks off is a 500, a failed background task is not."""
    mine = RequestMetrics(registry=(registry := CollectorRegistry()))
    app = MaestroAPI(metrics=mine)

    @app.websocket("/rooms/{name}")
    async def room(socket: WebSocket, name: str) -> None:
        await socket.accept()
        if name == "odd":
            raise ValueError
        await socket.close()

    @app.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(str(1 // left) for left in (1, 0))

    @app.get("/task")
    def task(tasks: BackgroundTasks) -> int:
        tasks.add_task(lambda: 1 // 0)
        return 1

    client = TestClient(app, raise_server_exceptions=False)
    for name in ("a", "b", "odd"):
        with suppress(ValueError), client.websocket_connect(f"/rooms/{name}"):
            pass
    for path in ("/stream", "/task"):
        client.get(path)

    def counted(route: str, status: str) -> float | None:
        return registry.get_sample_value("http_requests_total", {"method": "GET", "route": route, "status": status})

    assert (counted("/rooms/{name}", "101"), counted("/rooms/{name}", "500")) == (2, 1)
    assert (counted("/stream", "500"), counted("/stream", "200")) == (1, None)
    assert (counted("/task", "200"), counted("/task", "500")) == (1, None)
    durations = {"method": "GET", "route": "/rooms/{name}"}
    assert registry.get_sample_value("http_request_duration_seconds_count", durations) == 0
    assert registry.get_sample_value("http_requests_in_progress", {"method": "GET"}) == 0


def test_a_sampled_trace_becomes_an_exemplar_and_no_other() -> None:
    """An exemplar must lead to a trace that was kept."""
    mine = RequestMetrics(registry=(registry := CollectorRegistry()))
    app = MaestroAPI(metrics=mine)
    app.get("/")(lambda: 1)
    client = TestClient(app)
    client.get("/", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-00"})
    client.get("/", headers={"traceparent": f"00-{'c' * 32}-{'b' * 16}-01"})
    from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

    text = openmetrics(registry).decode()
    assert f'# {{trace_id="{"c" * 32}"}}' in text
    assert "a" * 32 not in text


def test_the_default_registry_is_the_services_own() -> None:
    """Serving requests adds nothing to it: a `/metrics` route of the service shows what it showed."""
    app = MaestroAPI()
    app.get("/")(lambda: 1)
    names = {metric.name for metric in REGISTRY.collect()}
    TestClient(app).get("/")
    assert {metric.name for metric in REGISTRY.collect()} == names
    assert not any(name.startswith("http_") for name in names)


def test_metrics_of_the_service_are_on_the_same_page() -> None:
    """Counters in the default registry are shown beside ours."""
    printed = run(
        SERVICE + "p.Counter('orders', 'Orders.').inc()\nclient.get('/items/1')\nprint(client.get('/metrics').text)"
    )
    assert "orders_total 1.0" in printed
    assert 'http_requests_total{method="GET",route="/items/{i}",status="200"} 1.0' in printed


@pytest.mark.parametrize("is_late", [False, True])
def test_a_service_may_have_metrics_of_the_same_name(is_late: bool) -> None:
    """Declared before the first request, ours step aside to `maestro_http_…`; after it, the service's are shown."""
    # No series yet: a labelled metric of the service is not even seen by collecting.
    declare = "mine = p.Counter('http_requests_total', 'Mine.', ['code'])\n"
    ask = "client.get('/items/1')\nmine = globals().get('mine')\n"
    show = "mine.labels('x').inc()\ntext = client.get('/metrics').text\nprint(text)\n"
    show += "assert text.count('# TYPE http_requests_total ') == 1"
    printed = run(SERVICE + (ask + declare if is_late else declare + ask) + show)
    assert 'http_requests_total{code="x"} 1.0' in printed
    assert ("maestro_http_requests_total{" in printed) is not is_late
    assert "http_request_duration_seconds_count{" in printed


@pytest.mark.parametrize("make", ["MaestroAPI()", "instrument(FastAPI())"])
def test_metrics_that_a_service_declares_with_its_first_request_keep_their_name(make: str) -> None:
    """As prometheus-fastapi-instrumentator does, when Starlette builds its middleware; both are on the page."""
    page = run(SERVICE.replace("app = MaestroAPI()", f"app = {make}") + """
class Late:
    def __init__(self, app):
        self.app, self.counter = app, p.Counter("http_requests_total", "Mine.", ["handler"])

    async def __call__(self, scope, receive, send):
        self.counter.labels("x").inc()
        await self.app(scope, receive, send)

app.add_middleware(Late)
client.get("/items/1")
print(client.get("/metrics").text)
""")
    assert 'http_requests_total{handler="x"}' in page
    assert 'maestro_http_requests_total{method="GET",route="/items/{i}",status="200"} 1.0' in page


def test_every_format_is_one_valid_page() -> None:
    """The service's metrics and ours make one OpenMetrics page: parsed as a whole, with one end."""
    app = MaestroAPI()
    app.get("/")(lambda: 1)
    client = TestClient(app)
    client.get("/")
    text = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"}).text
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"python_info", "http_requests", "http_request_duration_seconds"} <= names
    assert text.count("# EOF") == 1


def test_reloads_and_factories_never_duplicate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`importlib.reload` of the module that makes the application, and many applications a process, are fine."""
    (tmp_path / "reloaded_service.py").write_text(
        "from maestro_core_api import MaestroAPI\napp = MaestroAPI()\napp.get('/')(lambda: 1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module: Any = importlib.import_module("reloaded_service")
    for _ in range(3):
        module = importlib.reload(module)
        assert TestClient(module.app).get("/").status_code == 200
        other = instrument(FastAPI())
        assert TestClient(other).get("/nope").status_code == 404


def test_worker_processes_are_shown_together(tmp_path: Path) -> None:
    """With PROMETHEUS_MULTIPROC_DIR, `/metrics` of one worker counts what another served."""
    served = SERVICE + "client.get('/items/1')\n"
    run(served, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    printed = run(served + "print(client.get('/metrics').text)", PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    assert 'http_requests_total{method="GET",route="/items/{i}",status="200"} 2.0' in printed
