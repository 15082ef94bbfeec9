"""The contract with Starlette and FastAPI: which template a request took, and which paths an application claims.

Runs at both ends of the supported versions; README.md, "Which versions", has the command.
"""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute

from maestro_core_api import MaestroAPI, instrument
from maestro_monitoring.asgi import StarletteRoutes

Events = list[dict[str, Any]]


async def ok(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


def anything() -> str:
    return "anything"


def refused() -> None:
    raise PermissionError


def routed(app: Any, events: Events, method: str, path: str, **kwargs: Any) -> str | None:
    """Give the route that the event of one request names."""
    client = TestClient(app, raise_server_exceptions=False, **kwargs)
    if method == "WS":
        with client.websocket_connect(path):
            pass
    else:
        client.request(method, path)
    assert len(events) == 1
    return events.pop()["route"]  # type: ignore[no-any-return]  # events hold what was emitted


def service() -> MaestroAPI:
    """A service with every way of reaching an endpoint."""
    app = MaestroAPI()
    app.get("/")(anything)
    app.get("/items/{item_id:int}")(lambda item_id: item_id)
    app.get("/files/{path:path}")(lambda path: path)
    # One function behind many paths: the endpoint alone does not tell them apart.
    for path in ("/same/a", "/same/{b}"):
        app.get(path)(anything)
    app.post("/items")(lambda: 1)
    inner, outer = APIRouter(), APIRouter(prefix="/outer")
    inner.get("/leaf/{leaf_id}")(lambda leaf_id: leaf_id)
    inner.get("/crash")(lambda: 1 / 0)
    inner.get("/guarded", dependencies=[Depends(refused)])(anything)
    inner.websocket("/talk/{name}")(talk)
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer)
    app.include_router(inner, prefix="/again")
    sub = FastAPI()
    sub.include_router(inner, prefix="/in-sub")
    sub.get("/x")(anything)
    app.mount("/sub", sub)
    app.mount("/static", PlainTextResponse("file"))
    app.mount("/tenants/{tenant}", Router([Route("/users/{user}", ok), Mount("/deep", Router([Route("/y", ok)]))]))
    app.websocket("/talk")(talk)
    app.router.add_websocket_route("/plain-talk/{n}", talk)
    return app


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/", "/"),
        ("HEAD", "/", "/"),
        ("GET", "/items/3", "/items/{item_id}"),
        ("GET", "/files/a/b/c", "/files/{path}"),
        ("GET", "/same/a", "/same/a"),
        ("GET", "/same/z", "/same/{b}"),
        ("GET", "/outer/inner/leaf/3", "/outer/inner/leaf/{leaf_id}"),
        ("GET", "/again/leaf/3", "/again/leaf/{leaf_id}"),
        ("GET", "/outer/inner/crash", "/outer/inner/crash"),
        ("GET", "/outer/inner/guarded", "/outer/inner/guarded"),
        ("DELETE", "/outer/inner/leaf/3", "/outer/inner/leaf/{leaf_id}"),
        ("DELETE", "/again/leaf/3", "/again/leaf/{leaf_id}"),
        ("GET", "/items", "/items"),
        ("BREW", "/items", "/items"),
        ("GET", "/sub/x", "/sub/x"),
        ("GET", "/sub/in-sub/leaf/1", "/sub/in-sub/leaf/{leaf_id}"),
        ("GET", "/sub/nope", "/sub/{path}"),
        ("GET", "/static/a/b.css", "/static/{path}"),
        ("GET", "/tenants/t/users/u", "/tenants/{tenant}/users/{user}"),
        ("GET", "/tenants/t/deep/y", "/tenants/{tenant}/deep/y"),
        ("WS", "/talk", "/talk"),
        ("WS", "/outer/inner/talk/n", "/outer/inner/talk/{name}"),
        ("WS", "/again/talk/n", "/again/talk/{name}"),
        ("WS", "/plain-talk/7", "/plain-talk/{n}"),
        ("GET", "/nope", None),
        ("GET", "/items/x", None),
        ("GET", "/openapi.json", "/openapi.json"),
    ],
)
def test_the_template_has_every_prefix(events: Events, method: str, path: str, template: str | None) -> None:
    """Included, mounted, shared and refused routes are all named in full; what matched nothing is None."""
    assert routed(service(), events, method, path) == template


def test_starlette_applications_are_named_too(events: Events) -> None:
    """Plain Starlette has no route in the scope in its older versions; the template is right all the same."""
    app = Starlette(
        routes=[
            Route("/a/{b}", ok),
            Mount("/m", routes=[Route("/c/{d:int}", ok), WebSocketRoute("/w/{x}", talk)]),
            Host("api.example.com", Router([Route("/hosted/{e}", ok)])),
        ]
    )
    instrument(app)
    assert routed(app, events, "GET", "/a/1") == "/a/{b}"
    assert routed(app, events, "GET", "/m/c/1") == "/m/c/{d}"
    assert routed(app, events, "WS", "/m/w/1") == "/m/w/{x}"
    assert routed(app, events, "GET", "/hosted/1", base_url="http://api.example.com") == "/hosted/{e}"


def test_a_middleware_that_answers_first_keeps_the_template(events: Events) -> None:
    """A preflight, or a 401 before routing, is counted for the route that was asked for."""
    app = service()
    app.add_middleware(CORSMiddleware, allow_origins=["*"])

    @app.middleware("http")
    async def stop(request: Request, call_next: Any) -> Any:
        return PlainTextResponse("who?", 401) if "stop" in request.url.query else await call_next(request)

    assert routed(app, events, "GET", "/items/3?stop") == "/items/{item_id}"
    assert routed(app, events, "GET", "/nope?stop") is None
    headers = {"origin": "http://a", "access-control-request-method": "GET"}
    TestClient(app).options("/again/leaf/1", headers=headers)
    assert events.pop()["route"] == "/again/leaf/{leaf_id}"


def test_a_middleware_that_copies_the_scope_keeps_the_template(events: Events) -> None:
    """What the router writes into a copy is not seen outside; the path still tells."""

    class Copying:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(dict(scope), receive, send)

    app = service()
    app.add_middleware(Copying)
    assert routed(app, events, "GET", "/outer/inner/leaf/3") == "/outer/inner/leaf/{leaf_id}"
    assert routed(app, events, "DELETE", "/items/3") == "/items/{item_id}"


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
@pytest.mark.parametrize("make", [MaestroAPI, lambda **kwargs: instrument(FastAPI(**kwargs))])
def test_root_paths_are_no_part_of_the_template(events: Events, make: Any) -> None:
    """Behind a proxy prefix, stripped or not, the template is the application's own."""
    app = make(root_path="/api")
    for path in ("/same/a", "/same/{b}"):
        app.get(path)(anything)
    assert routed(app, events, "GET", "/same/a") == "/same/a"
    plain = make()
    for path in ("/same/a", "/same/{b}"):
        plain.get(path)(anything)
    assert routed(plain, events, "GET", "/same/z", root_path="/api") == "/same/{b}"


def test_routes_added_while_serving_are_found(events: Events) -> None:
    """The index is rebuilt when an endpoint is not in it."""
    app = MaestroAPI()
    app.get("/first")(anything)
    assert routed(app, events, "GET", "/first") == "/first"
    late = APIRouter(prefix="/late")
    late.get("/{n}")(lambda n: n)
    app.include_router(late)
    assert routed(app, events, "GET", "/late/1") == "/late/{n}"


def test_a_path_is_claimed_by_routes_mounts_redirects_and_defaults() -> None:
    """Whatever the application would answer, or redirect to, is its own."""
    app = service()
    claims = StarletteRoutes(app).claims
    scope = {"type": "http", "method": "GET", "headers": [], "root_path": "", "query_string": b""}
    for path in ("/", "/items/3", "/items", "/static", "/static/x", "/sub", "/outer/inner/crash", "/files/a"):
        assert claims({**scope, "path": path}), path
    for path in ("/livez", "/metrics", "/items/x", "/outer/inner"):
        assert not claims({**scope, "path": path}), path
    app.router.default = PlainTextResponse("anything")
    assert claims({**scope, "path": "/livez"})


def test_asking_for_a_claim_leaves_the_scope_alone() -> None:
    """`matches` of included routers writes into the scope it is given: it gets a copy."""
    scope = {"type": "http", "method": "GET", "path": "/livez", "headers": [], "root_path": "", "query_string": b""}
    before = dict(scope)
    StarletteRoutes(service()).claims(scope)
    assert scope == before


@pytest.mark.skipif(not hasattr(FastAPI, "frontend"), reason="`app.frontend()` came with FastAPI 0.14x")
def test_a_frontend_is_a_catch_all(events: Events, tmp_path: Any) -> None:
    """The pages of `app.frontend()` win over the probes, and are named."""
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "livez").write_text("page")
    app = MaestroAPI()
    app.frontend("/", directory=tmp_path)
    assert TestClient(app).get("/livez").text == "page"
    assert events.pop()["status"] == 200
