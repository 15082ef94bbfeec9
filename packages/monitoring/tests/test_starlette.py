"""Promises of route templates on FastAPI, whose way of including routers changed with 0.137.

What holds for Starlette alone is in `test_asgi.py`.
"""

import pytest
from fastapi import APIRouter, FastAPI, WebSocket

from maestro_monitoring import RequestMetrics
from maestro_monitoring.asgi import ObservedApp


def application() -> FastAPI:
    """Routers in routers, the same router twice, an application in an application, a WebSocket in a router."""
    items = APIRouter(prefix="/items")

    @items.get("/{i}")
    async def item(i: int) -> int:
        return i

    @items.websocket("/{i}/chat")
    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    version = APIRouter(prefix="/v1")
    version.include_router(items)
    mounted = FastAPI()
    mounted.include_router(items)
    app = FastAPI()
    app.include_router(version, prefix="/api")
    app.include_router(items)
    app.mount("/tenants/{tenant}", mounted)
    return app


async def call(app, path: str, method: str, kind: str) -> None:
    async def receive() -> dict:
        return {"type": "http.request", "body": b""} if kind == "http" else {"type": "websocket.connect"}

    async def send(_message) -> None:
        """Forget the answer."""

    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "path": path,
        "raw_path": path.encode(),
        "headers": [],
        "query_string": b"",
        "root_path": "",
        "http_version": "1.1",
    }
    await app(scope | ({"method": method} if kind == "http" else {"subprotocols": []}), receive, send)


@pytest.mark.parametrize(
    ("kind", "method", "path", "labels"),
    [
        ("http", "GET", "/items/3", ("GET", "/items/{i}", "200")),
        ("http", "GET", "/items/three", ("GET", "/items/{i}", "422")),
        ("http", "GET", "/api/v1/items/3", ("GET", "/api/v1/items/{i}", "200")),
        ("http", "POST", "/api/v1/items/3", ("POST", "/api/v1/items/{i}", "405")),
        ("http", "FOOBAR1", "/api/v1/items/3", ("_OTHER", "/api/v1/items/{i}", "405")),
        ("http", "GET", "/tenants/acme/items/3", ("GET", "/tenants/{tenant}/items/{i}", "200")),
        ("http", "GET", "/tenants/acme/nowhere", ("GET", "/tenants/{tenant}/{path}", "404")),
        ("http", "GET", "/api/v1/nowhere", ("GET", "_unmatched", "404")),
        ("http", "GET", "/openapi.json", ("GET", "/openapi.json", "200")),
        ("websocket", "GET", "/api/v1/items/3/chat", ("GET", "/api/v1/items/{i}/chat", "101")),
    ],
)
async def test_a_route_of_an_included_router_has_its_whole_template(registry, kind, method, path, labels):
    """The same in every version of FastAPI that is supported, prefixes and mounts included."""
    await call(ObservedApp(application(), requests=RequestMetrics(registry=registry)), path, method, kind)
    assert (
        registry.get_sample_value("http_requests_total", dict(zip(("method", "route", "status"), labels, strict=True)))
        == 1
    )
