"""Promises of the one set-up call."""

import threading

from maestro_monitoring import SLO, exposition, metrics_app, setup_monitoring


async def call(app, method: str = "GET", accept: str | None = None) -> tuple[int, dict[bytes, bytes], bytes]:
    sent = []

    async def send(message) -> None:
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    headers = [(b"accept", accept.encode())] if accept else []
    await app({"type": "http", "method": method, "headers": headers}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def test_one_call_shows_requests_runtime_loop_and_build(registry):
    """What a dashboard needs is there after one call, and stops with the service."""
    threads = threading.active_count()
    slow = SLO(name="checkout-speed", service="orders", objective=95, latency_s=0.3)
    async with setup_monitoring("orders", version="2.3.0", slos=[slow], registry=registry) as monitoring:
        monitoring.requests.observe(method="GET", route="/", status=200, duration_s=0.29)
        body, _ = monitoring.exposition(None)
        assert threading.active_count() == threads + 1
    text = body.decode()
    assert 'service_build{service="orders",version="2.3.0"} 1.0' in text
    assert 'http_request_duration_seconds_bucket{le="0.3",method="GET",route="/"} 1.0' in text
    assert "runtime_resident_memory_bytes" in text
    assert "event_loop_lag_seconds_count" in text


def test_it_can_be_called_again_and_outside_a_loop(registry):
    """App factories run many times per process, and a command-line tool has no loop."""
    for _ in range(3):
        monitoring = setup_monitoring("orders", registry=registry)
        monitoring.start()
        monitoring.stop()
    assert exposition(None, registry)[0].count(b"# TYPE http_requests_total counter") == 1


async def test_the_metrics_app_answers_scrapes(registry):
    """Mounted anywhere in an ASGI app it negotiates, answers HEAD, and refuses the rest."""
    setup_monitoring("orders", registry=registry)
    app = metrics_app(registry)
    status, headers, body = await call(app, accept="application/openmetrics-text")
    assert status == 200
    assert headers[b"content-type"].startswith(b"application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert (await call(app, method="HEAD"))[2] == b""
    assert (await call(app, method="POST"))[:2] == (405, {b"allow": b"GET, HEAD"})
