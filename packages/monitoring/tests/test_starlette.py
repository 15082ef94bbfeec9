"""Promises of route templates on Starlette and on FastAPI, whose way of including routers changed with 0.137.

Run with releases between the oldest and the newest by `make test-frameworks`.
"""

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Match, Mount, Route, Router

from maestro_monitoring import RequestMetrics
from maestro_monitoring.asgi import ObservedApp, StarletteRoutes


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


async def call(app, path: str, method: str, kind: str, *, host: str = "localhost") -> None:
    async def receive() -> dict:
        return {"type": "http.request", "body": b""} if kind == "http" else {"type": "websocket.connect"}

    async def send(_message) -> None:
        """Forget the answer."""

    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "path": path,
        "raw_path": path.encode(),
        "headers": [(b"host", host.encode())],
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


async def ok(_request) -> PlainTextResponse:
    return PlainTextResponse("ok")


@pytest.mark.parametrize(("host", "path", "route"), [
    ("api.example.com", "/h/1", "/h/{x}"),
    ("acme.example.com", "/m/q/1", "/m/q/{z}"),
    ("api.example.com", "/nowhere", "/{path}"),
    ("elsewhere.org", "/h/1", "/h/{plain}"),
])  # fmt: skip
async def test_hosts_are_walked_through(registry, host, path, route):
    """A `Host` has no path of its own; once the look-up failed there and took the request with it."""

    async def plain(_request) -> PlainTextResponse:
        return PlainTextResponse("plain")

    app = Starlette(
        routes=[
            Host("api.example.com", Router([Route("/h/{x}", ok)])),
            Host("{tenant}.example.com", Router([Mount("/m", routes=[Route("/q/{z}", ok)])])),
            Route("/h/{plain}", plain),
        ]
    )
    await call(ObservedApp(app, requests=RequestMetrics(registry=registry)), path, "GET", "http", host=host)
    assert routes_of(registry) == {route}


class Stopping:
    """Middleware that answers itself and lets nobody in."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        await PlainTextResponse("no", 401)(scope, receive, send)


class Copying(Stopping):
    """Middleware that hands a copy of the scope down: what the router writes there is not seen outside."""

    async def __call__(self, scope, receive, send) -> None:
        await self.app(dict(scope), receive, send)


@pytest.mark.parametrize("middleware", [Stopping, Copying, CORSMiddleware])
@pytest.mark.parametrize("is_inside", [True, False])
async def test_middleware_does_not_hide_the_template(registry, middleware, is_inside):
    """Added to the application or put around it, whether it answers first or the router sees a copy."""
    app = application()
    if is_inside:
        app.add_middleware(middleware)
    else:
        app = middleware(app)
    await call(ObservedApp(app, requests=RequestMetrics(registry=registry)), "/api/v1/items/3", "GET", "http")
    assert routes_of(registry) == {"/api/v1/items/{i}"}


async def test_behind_a_dispatcher_the_router_that_served_is_asked(registry):
    """Several applications in one process, behind a function that knows them: each has its own routes."""
    first, second = Starlette(routes=[Route("/a/{x}", ok)]), Starlette(routes=[Route("/b/{y}", ok)])

    async def dispatch(scope, receive, send) -> None:
        await (first if scope["path"].startswith("/a") else second)(scope, receive, send)

    app = ObservedApp(dispatch, requests=RequestMetrics(registry=registry))
    for path in ("/a/1", "/b/1", "/a/2", "/nowhere"):
        await call(app, path, "GET", "http")
    assert routes_of(registry) == {"/a/{x}", "/b/{y}", "_unmatched"}


async def test_routes_that_cannot_be_read_do_not_spoil_the_request(registry, caplog):
    """What looks on never raises into a request that has been served; it says so once."""

    class Odd(Route):
        @property
        def path_format(self):
            raise RuntimeError("odd")

        @path_format.setter
        def path_format(self, _value) -> None:
            """Forget it."""

    app = ObservedApp(Starlette(routes=[Odd("/odd", ok)]), requests=RequestMetrics(registry=registry))
    for _ in range(2):
        await call(app, "/odd", "GET", "http")
    assert routes_of(registry) == {"_unmatched"}
    assert [record.message for record in caplog.records] == [
        "the application's routes cannot be read; requests may show as unmatched"
    ]


def test_a_path_in_doubt_is_the_applications():
    """When a route cannot say whether it matches, its pattern does; where it has none, nobody else answers in its place."""

    class Odd(Route):
        def matches(self, scope):
            return (
                super().matches(scope) if scope["locale"] == "en" else (Match.NONE, {})
            )  # what a middleware puts there

    def claims(route, **scope):
        return StarletteRoutes(Starlette(routes=[route])).claims({"type": "http", "path": "/livez", **scope})

    assert claims(Odd("/livez", ok))
    assert claims(Odd("/{page}", ok))
    assert claims(Odd("/livez", ok), path="/api/livez", root_path="/api")
    assert not claims(Odd("/pages/{page}", ok))
    assert not claims(Odd("/{page}", ok), locale="de")
    patternless = Odd("/odd", ok)
    del patternless.path_regex
    assert claims(patternless)
    assert not StarletteRoutes(Starlette()).claims({"type": "http", "path": "/livez"})


def test_a_mount_of_routes_at_the_root_claims_what_they_do():
    """`Mount("/", routes=[…])` takes every path, and answers 404 to what no route of it takes; an application there may answer anything."""

    def claims(mount, path):
        return StarletteRoutes(Starlette(routes=[mount])).claims({"type": "http", "path": path, "method": "GET"})

    routes = [Route("/a", ok), Mount("/inner", routes=[Route("/b", ok)])]
    for mount in (
        Mount("/", routes=routes),
        Mount("", Starlette(routes=routes)),
        Mount("/", routes=[Mount("/", routes=routes)]),
    ):
        assert claims(mount, "/a")
        assert claims(mount, "/inner/b")
        assert not claims(mount, "/livez")
    assert claims(Mount("/", ok), "/livez")


def routes_of(registry) -> set[str]:
    """Give every route that was counted."""
    return {
        sample.labels["route"]
        for family in registry.collect()
        if family.name == "http_requests"
        for sample in family.samples
        if sample.name == "http_requests_total"
    }
