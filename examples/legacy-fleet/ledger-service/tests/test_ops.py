from unittest.mock import AsyncMock, patch

from app import __version__
from app.main import app, lifespan


async def test_heartbeat(client):
    response = await client.get("/__heartbeat__")
    assert response.status_code == 200
    assert response.json() == {"database": True, "events": True}


async def test_heartbeat_without_broker_is_503(client, events):
    events.is_connected = False
    response = await client.get("/__heartbeat__")
    assert response.status_code == 503
    assert response.json() == {"database": True, "events": False}


async def test_heartbeat_without_database_is_503(client, logs):
    with patch("app.db.session.text", side_effect=OSError("connection refused")):
        response = await client.get("/__heartbeat__")
    assert response.status_code == 503
    assert "Database does not answer: connection refused" in [r["message"] for r in logs]


async def test_lbheartbeat_and_version(client):
    assert (await client.get("/__lbheartbeat__")).json() == {}
    body = (await client.get("/__version__")).json()
    assert body == {"name": "ledger-testing", "version": __version__, "environment": "local"}


async def test_metrics(client):
    await client.get("/__lbheartbeat__")
    response = await client.get("/metrics")
    assert "ledger_request_seconds_count" in response.text


async def test_request_id_is_echoed_and_logged(client, logs):
    response = await client.get("/__lbheartbeat__", headers={"X-Request-ID": "req-42"})
    assert response.headers["X-Request-ID"] == "req-42"
    [record] = [r for r in logs if r["message"] == "GET /__lbheartbeat__ -> 200"]
    assert record["extra"]["request_id"] == "req-42"
    assert record["extra"]["duration_ms"] >= 0


async def test_request_id_is_made_up(client):
    response = await client.get("/__lbheartbeat__")
    assert len(response.headers["X-Request-ID"]) == 32


async def test_unhandled_error_is_json(client, chart, logs):
    with patch("app.api.reports.reports.trial_balance", AsyncMock(side_effect=RuntimeError("boom"))):
        response = await client.get("/api/v1/reports/trial-balance", headers={"X-Request-ID": "req-43"})
    assert response.status_code == 500
    assert response.json() == {"detail": "Internal error", "request_id": "req-43"}
    assert any(r["message"] == "Unhandled error on GET /api/v1/reports/trial-balance" for r in logs)


async def test_lifespan_connects_and_closes(events, logs):
    with (
        patch.object(events, "connect", AsyncMock()) as connect,
        patch.object(events, "close", AsyncMock()) as close,
    ):
        async with lifespan(app):
            connect.assert_awaited_once()
            close.assert_not_awaited()
        close.assert_awaited_once()
    started = next(r for r in logs if r["message"] == "Starting")
    assert started["extra"]["event"] == "service_startup"
