"""The same applications built with FastAPI, with MaestroAPI and around `instrument` answer alike.

Runs at both ends of the supported versions; README.md, "Which versions", has the command.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    HTTPException,
    Request,
    Response,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.security import OAuth2PasswordBearer
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from maestro_core_api import MaestroAPI, instrument

pytestmark = pytest.mark.filterwarnings("ignore")  # deprecated ways of using FastAPI are part of what must stay

Make = Callable[..., Any]
Build = Callable[[Make], Any]
ADDED = {"x-request-id", "x-content-type-options", "x-frame-options", "referrer-policy"}


@dataclass(frozen=True)
class Case:
    """An application and what is asked of it."""

    build: Build
    requests: tuple[tuple[Any, ...], ...]
    client: dict[str, Any] = field(default_factory=dict)


CASES: dict[str, Case] = {}


def case(*requests: Any, **client: Any) -> Callable[[Build], Build]:
    """Register an application; a request is a path, or a method, a path and what httpx takes."""

    def register(build: Build) -> Build:
        asked = tuple(("GET", r, {}) if isinstance(r, str) else (*r, {})[:3] for r in requests)
        CASES[build.__name__] = Case(build, asked, client)
        return build

    return register


class Item(BaseModel):
    name: str
    price: float
    tags: list[str] = []


@case(
    "/", ("POST", "/"), ("HEAD", "/"), ("OPTIONS", "/"), ("FOO", "/"), "/nope", "//", "/docs", "/redoc", "/openapi.json"
)
def bare(make: Make) -> Any:
    app = make()
    app.get("/")(lambda: {"hello": "world"})
    return app


@case(
    ("POST", "/items", {"json": {"name": "a", "price": 1}}),
    ("POST", "/items", {"json": {"name": "a"}}),
    ("POST", "/items", {"content": b"{"}),
    ("POST", "/items", {"content": b"\xff", "headers": {"content-type": "application/json"}}),
    "/items/7",
    "/items/x",
    "/items/7?limit=a",
    "/openapi.json",
)
def validated(make: Make) -> Any:
    app = make(title="Items", version="2.1", description="d", openapi_tags=[{"name": "t"}])

    @app.post("/items", response_model=Item, status_code=201, tags=["t"])
    def create(item: Item) -> Any:
        return item

    @app.get("/items/{item_id}")
    def read(item_id: int, limit: int = 10) -> dict[str, int]:
        return {"item_id": item_id, "limit": limit}

    return app


@case("/v1/items/3", "/v1/items/x", ("DELETE", "/v1/items/3"), "/v1/items/3/", "/v1", "/openapi.json", "/v2/items/3")
def nested_routers(make: Make) -> Any:
    app, outer, inner = make(), APIRouter(prefix="/v1"), APIRouter(tags=["i"])
    inner.get("/items/{item_id}")(lambda item_id: {"id": item_id})
    outer.include_router(inner)
    app.include_router(outer)
    app.include_router(inner, prefix="/v2")
    return app


@case("/sub/x/1", "/sub/none", "/sub", "/sub/", "/sub/docs", "/sub/openapi.json", "/deep/er/y", "/openapi.json")
def mounted(make: Make) -> Any:
    app, sub, deep, deeper = make(), make(title="Sub"), make(), make()
    sub.get("/x/{n}")(lambda n, request=None: {"n": n})
    deeper.get("/y")(lambda: "y")
    deep.mount("/er", deeper)
    app.mount("/sub", sub)
    app.mount("/deep", deep)
    return app


@case("/path", "/docs", "/openapi.json", "/api/path", root_path="/api")
def rooted_by_client(make: Make) -> Any:
    app = make()
    app.get("/path")(root_of)
    return app


@case("/path", "/docs", "/openapi.json", "/api/path")
def rooted_by_application(make: Make) -> Any:
    app = make(root_path="/api", servers=[{"url": "/elsewhere"}])
    app.get("/path")(root_of)
    return app


def root_of(request: Request) -> dict[str, Any]:
    return {"root": request.scope.get("root_path"), "url": str(request.url), "base": str(request.base_url)}


@case("/missing", "/teapot", "/headers", "/empty", "/nope", ("PUT", "/missing"), "/detail")
def http_errors(make: Make) -> Any:
    app = make()

    @app.get("/{kind}")
    def fail(kind: str) -> None:
        known = {
            "missing": HTTPException(404, "no such thing"),
            "teapot": HTTPException(418),
            "headers": HTTPException(401, "who?", headers={"WWW-Authenticate": "Basic"}),
            "empty": HTTPException(304),
            "detail": HTTPException(400, {"code": 7, "why": ["a"]}),
        }
        raise known.get(kind, HTTPException(404))

    return app


@case("/", "/other")
def crash_raised_to_the_test(make: Make) -> Any:
    return crashing(make())


@case("/", "/other", raise_server_exceptions=False)
def crash_answered(make: Make) -> Any:
    return crashing(make())


@case(("GET", "/", {"headers": {"accept": "text/plain"}}), "/other", raise_server_exceptions=False)
def crash_in_debug(make: Make) -> Any:
    return crashing(make(debug=True))


def crashing(app: Any) -> Any:
    @app.get("/")
    def boom() -> None:
        raise ValueError("boom")

    @app.get("/other")
    async def other() -> None:
        raise KeyError("k")

    return app


@case("/", "/other", "/nope", ("GET", "/typed?n=x"), raise_server_exceptions=False)
def exception_handlers(make: Make) -> Any:
    app = crashing(make(exception_handlers={404: lambda request, error: PlainTextResponse("gone", 404)}))
    app.get("/typed")(lambda n: n)

    @app.exception_handler(Exception)
    async def anything(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": type(error).__name__}, 500)

    @app.exception_handler(KeyError)
    def key(request: Request, error: KeyError) -> JSONResponse:
        return JSONResponse({"key": str(error)}, 409)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> PlainTextResponse:
        return PlainTextResponse("bad", 400)

    return app


@case("/", "/nope", "/boom", raise_server_exceptions=False)
def middleware_order(make: Make) -> Any:
    class Outer(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            request.state.trail = ["outer"]
            response: Response = await call_next(request)
            response.headers["x-trail"] = ",".join(request.state.trail)
            return response

    app = make(middleware=[Middleware(GZipMiddleware, minimum_size=1)])
    app.add_middleware(Outer)

    @app.middleware("http")
    async def outermost(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-outermost"] = "1"
        return response

    @app.get("/")
    def read(request: Request) -> dict[str, Any]:
        request.state.trail.append("route")
        return {"trail": request.state.trail}

    app.get("/boom")(lambda: 1 / 0)
    return app


@case(
    ("OPTIONS", "/", {"headers": {"origin": "http://a", "access-control-request-method": "POST"}}),
    ("GET", "/", {"headers": {"origin": "http://a"}}),
    ("OPTIONS", "/livez", {"headers": {"origin": "http://a", "access-control-request-method": "GET"}}),
)
def cors(make: Make) -> Any:
    app = make()
    app.add_middleware(CORSMiddleware, allow_origins=["http://a"], allow_methods=["POST"], expose_headers=["x-a"])
    app.get("/")(lambda: 1)
    return app


@case("/", ("GET", "/", {"headers": {"x-request-id": "given"}}), "/boom", raise_server_exceptions=False)
def own_request_ids_and_headers(make: Make) -> Any:
    app = make()

    @app.middleware("http")
    async def identify(request: Request, call_next: Any) -> Response:
        request.state.rid = request.headers.get("x-request-id", "own")
        response: Response = await call_next(request)
        response.headers["X-Request-ID"] = request.state.rid
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response

    @app.get("/")
    def read(request: Request) -> dict[str, Any]:
        return {"rid": request.state.rid, "headers": dict(request.headers)}

    app.get("/boom")(lambda: 1 / 0)
    return app


@case("/livez", "/readyz", "/startupz", "/metrics", ("POST", "/livez"), ("HEAD", "/readyz"), "/openapi.json")
def own_probes(make: Make) -> Any:
    app = make()
    app.get("/livez")(lambda: "alive")
    app.post("/readyz")(lambda: "posted")
    app.mount("/metrics", PlainTextResponse("mine"))
    router = APIRouter()
    router.get("/startupz/")(lambda: "slash")
    app.include_router(router)
    return app


@case("/livez", "/anything/at/all", "/metrics", ("POST", "/readyz"))
def catch_all(make: Make) -> Any:
    app = make()
    app.get("/{rest:path}")(lambda rest: {"rest": rest})
    return app


@case("/livez", "/metrics", "/readyz", "/startupz", "/x")
def mounted_at_the_root(make: Make) -> Any:
    app = make(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/", PlainTextResponse("everything"))
    return app


@case("/metrics", "/metrics")
def metrics_in_a_middleware(make: Make) -> Any:
    app = make()

    @app.middleware("http")
    async def answer(request: Request, call_next: Any) -> Response:
        if request.url.path == "/metrics":
            return PlainTextResponse("home_made 1\n")
        return await call_next(request)  # type: ignore[no-any-return]

    return app


@case("/", "/state", lifespan=True)
def lifespan_state(make: Make) -> Any:
    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[dict[str, Any]]:
        app.state.log = ["up"]
        yield {"pool": "p"}
        app.state.log.append("down")

    app = make(lifespan=life)
    app.get("/")(lambda: app.state.log)

    @app.get("/state")
    def state(request: Request) -> Any:
        return {"pool": request.state.pool, "has": hasattr(request.state, "nothing")}

    return app


@case("/", lifespan=True)
def startup_events(make: Make) -> Any:
    app = make()
    app.state.log = []

    @app.on_event("startup")
    async def up() -> None:
        app.state.log.append("up")

    @app.on_event("shutdown")
    def down() -> None:
        app.state.log.append("down")

    app.get("/")(lambda: app.state.log)
    return app


@case("/")
def lifespan_not_run(make: Make) -> Any:
    app = make()

    @app.on_event("startup")
    async def up() -> None:
        app.state.up = True

    app.get("/")(lambda: {"up": getattr(app.state, "up", False)})
    return app


def user() -> str:
    return "real"


def finished() -> Iterator[str]:
    yield "open"


@case("/", "/who", "/openapi.json")
def dependency_overrides(make: Make) -> Any:
    app = make(dependencies=[Depends(user)])
    app.get("/")(lambda who=Depends(user): who)  # noqa: B008  # the older way of declaring it

    @app.get("/who")
    def read(who: Annotated[str, Depends(user)], opened: Annotated[str, Depends(finished)]) -> list[str]:
        return [who, opened]

    app.dependency_overrides[user] = lambda: "fake"
    return app


@case("/lines", "/sync", "/bytes", "/html", "/none", ("HEAD", "/lines"))
def streaming(make: Make) -> Any:
    app = make()

    async def lines() -> AsyncIterator[str]:
        for number in range(3):
            yield f"line {number}\n"

    app.get("/lines")(lambda: StreamingResponse(lines(), media_type="text/plain"))
    app.get("/sync")(lambda: StreamingResponse(iter([b"a", b"", b"b"])))
    app.get("/bytes")(lambda: Response(b"\x00\xff", media_type="application/octet-stream"))
    app.get("/html")(lambda: HTMLResponse("<p>"))
    app.get("/none", status_code=204)(lambda: None)
    return app


@case("/")
def crash_while_streaming(make: Make) -> Any:
    app = make()

    async def broken() -> AsyncIterator[bytes]:
        yield b"begun"
        raise RuntimeError("half-way")

    app.get("/")(lambda: StreamingResponse(broken()))
    return app


@case("/done", "/log")
def background(make: Make) -> Any:
    app = make()
    app.state.log = []

    @app.get("/done")
    def done(tasks: BackgroundTasks) -> str:
        tasks.add_task(app.state.log.append, "ran")
        return "done"

    app.get("/log")(lambda: app.state.log)
    return app


@case("/static/a.txt", "/static/b.txt", "/file", ("GET", "/file", {"headers": {"range": "bytes=0-1"}}), "/static/../x")
def files(make: Make) -> Any:
    app = make()
    here = Path(__file__).parent
    app.mount("/static", StaticFiles(directory=here, check_dir=False))
    app.get("/file")(lambda: FileResponse(__file__, filename="f.py"))
    return app


@case("/a/", "/a", "/b", "/b/", "/c/?q=1")
def slashes(make: Make) -> Any:
    app = make()
    app.get("/a")(lambda: "a")
    app.get("/b/")(lambda: "b")
    app.get("/c")(lambda q: q)
    return app


@case("/a/", "/livez/", "/a")
def slashes_kept(make: Make) -> Any:
    app = make()
    app.router.redirect_slashes = False
    app.get("/a")(lambda: "a")
    return app


SCHEME = OAuth2PasswordBearer(tokenUrl="login")


@case(
    ("GET", "/me", {"headers": {"authorization": "Bearer t"}}),
    "/me",
    "/openapi.json",
)
def security(make: Make) -> Any:
    app = make()

    @app.get("/me")
    def me(token: Annotated[str, Depends(SCHEME)]) -> str:
        return token

    return app


@case("/plain", "/class", ("POST", "/plain"), "/openapi.json")
def starlette_routes(make: Make) -> Any:
    async def plain(request: Request) -> PlainTextResponse:
        return PlainTextResponse("plain")

    class Raw:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("raw")(scope, receive, send)

    app = make(routes=[Route("/class", Raw())])
    app.add_route("/plain", plain, methods=["GET"])
    return app


@case("/openapi.json", "/schema", "/d", "/docs", "/", "/callback")
def documented_differently(make: Make) -> Any:
    app = make(openapi_url="/schema", docs_url="/d", redoc_url=None, title="T", summary="S", terms_of_service="u")
    callbacks = APIRouter()
    callbacks.post("{$callback_url}/done")(lambda: None)
    app.get("/", responses={404: {"model": Item}}, deprecated=True, callbacks=callbacks.routes)(lambda: 1)
    app.get("/hidden", include_in_schema=False)(lambda: 1)
    return app


@case("/openapi.json", "/")
def custom_openapi(make: Make) -> Any:
    app = make()
    app.get("/")(lambda: 1)
    app.openapi = lambda: {"openapi": "3.1.0", "info": {"title": "mine"}, "paths": {}}
    return app


@case("/", "/late", "/later")
def routes_added_late(make: Make) -> Any:
    app = make()

    @app.get("/")
    def add() -> str:
        app.get("/late")(lambda: "late")
        app.include_router(router)
        return "added"

    router = APIRouter()
    router.get("/later")(lambda: "later")
    return app


@case("/", "/log")
def same_response_object_twice(make: Make) -> Any:
    app, kept = make(), PlainTextResponse("kept")
    app.get("/")(lambda: kept)
    app.get("/log")(lambda: [name.decode() for name, _ in kept.raw_headers])
    return app


def test_every_kind_of_application_is_here() -> None:
    """The matrix holds at least thirty applications."""
    assert len(CASES) >= 30


def _instrumented(**kwargs: Any) -> FastAPI:
    return instrument(FastAPI(**kwargs))


def _without_extras(**kwargs: Any) -> MaestroAPI:
    return MaestroAPI(metrics=False, security_headers=False, request_id_header=None, access_log=False, **kwargs)


ARMS: dict[str, Make] = {"MaestroAPI": MaestroAPI, "instrument": _instrumented, "extras-off": _without_extras}


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_of_fastapi(name: str, arm: str) -> None:
    """Status, headers, body, exception and OpenAPI document are FastAPI's, but for the headers that are added."""
    case = CASES[name]
    assert _observed(case, ARMS[arm]) == _observed(case, FastAPI)


def _observed(case: Case, make: Make) -> list[Any]:
    app = case.build(make)
    options = dict(case.client)
    runs_lifespan = options.pop("lifespan", False)
    client = TestClient(app, **options)
    client.follow_redirects = False
    seen: list[Any] = [_structure(app)]
    with client if runs_lifespan else contextlib.nullcontext():
        for method, path, arguments in case.requests:
            try:
                response = client.request(method, path, **arguments)
            except (ArithmeticError, ExceptionGroup, KeyError, RuntimeError, ValueError) as error:
                seen.append((method, path, type(error), str(error)))
            else:
                seen.append((method, path, response.status_code, _comparable(response.headers), _body(response)))
    seen += [getattr(app.state, "log", None), app.openapi() if callable(app.openapi) else None]
    return seen


def _structure(app: Any) -> Any:
    routes = [(type(r).__name__, getattr(r, "path", None), getattr(r, "name", None)) for r in app.routes]
    return (routes, [str(m.cls) for m in app.user_middleware], sorted(map(str, app.exception_handlers)))


def _comparable(headers: Any) -> list[tuple[str, str]]:
    # Times of files, and a debug page's length, differ between two runs of FastAPI itself.
    return sorted((k, v) for k, v in headers.items() if k not in ADDED and k not in ("date", "content-length"))


def _body(response: Any) -> bytes:
    text: bytes = response.content
    return text.split(b"Traceback")[0] if b"Traceback" in text else text


@pytest.mark.parametrize("arm", ARMS)
def test_websockets_behave_as_with_fastapi(arm: str) -> None:
    """Accepting, echoing, subprotocols, rejecting and closing codes are FastAPI's."""
    assert _spoken(ARMS[arm]) == _spoken(FastAPI)


def _spoken(make: Make) -> list[Any]:
    app, router = make(), APIRouter(prefix="/ws")

    @router.websocket("/echo/{name}")
    async def echo(socket: WebSocket, name: str) -> None:
        await socket.accept(subprotocol="p", headers=[(b"x-a", b"1")])
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await socket.send_json({name: await socket.receive_json()})

    @app.websocket("/reject")
    async def reject(socket: WebSocket) -> None:
        await socket.close(4401)

    @app.websocket("/crash")
    async def crash(socket: WebSocket) -> None:
        await socket.accept()
        raise ValueError("crash")

    app.include_router(router)
    client = TestClient(app)
    seen: list[Any] = []
    with client.websocket_connect("/ws/echo/n", subprotocols=["p"]) as socket:
        socket.send_json([1])
        seen += [socket.receive_json(), socket.accepted_subprotocol, socket.extra_headers]
    for path in ("/reject", "/nope", "/livez"):
        with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect(path):
            pass
        seen.append(closed.value.code)
    with pytest.raises(ValueError, match="crash"), client.websocket_connect("/crash") as socket:
        socket.receive_text()
    return seen


def test_log_records_are_those_of_fastapi(caplog: pytest.LogCaptureFixture) -> None:
    """A request adds no record for `caplog` to see, at any level."""
    caplog.set_level(logging.DEBUG)
    app = MaestroAPI()
    app.get("/")(lambda: logging.getLogger("svc").info("in route"))
    TestClient(app).get("/")
    ours = [r for r in caplog.records if r.name.startswith("maestro")]
    assert ours == []
    assert [r.name for r in caplog.records if r.name == "svc"] == ["svc"]


def test_it_is_a_fastapi_wherever_one_is_asked_for() -> None:
    """`isinstance`, `app.title`, `app.state` and `inspect.iscoroutinefunction` see a FastAPI."""
    app = MaestroAPI(title="T")
    assert isinstance(app, FastAPI)
    assert app.title == "T"
    assert vars(app.state) == vars(FastAPI().state)
    assert inspect.iscoroutinefunction(app.__call__)
