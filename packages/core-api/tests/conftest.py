"""What every test here needs: a test client that imports quietly, and the events that would be written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

with warnings.catch_warnings():
    # Starlette 1.x prefers httpx2; with httpx its client works and says so on import.
    warnings.simplefilter("ignore")
    import fastapi.testclient  # noqa: F401

from maestro_core_api import _observer


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect what would be emitted, in place of the sinks of core-logging."""
    collected: list[dict[str, Any]] = []

    def keep(event: str, **fields: Any) -> None:
        collected.append({"event": event, **fields})

    monkeypatch.setattr(_observer, "emit_event", keep)
    return collected


@pytest.fixture
def asgi_call() -> Callable[..., Any]:
    """Call an ASGI application with one scope and no server; gives the messages it sent."""

    async def call(app: Any, scope: dict[str, Any], *, receive: Any = None, send: Any = None) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def empty_body() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def keep(message: dict[str, Any]) -> None:
            sent.append(message)

        full = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "root_path": ""}
        await app({**full, **scope}, receive or empty_body, send or keep)
        return sent

    return call
