"""The classes for a place of one's own do exactly what services write by hand as `BaseHTTPMiddleware`."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware

from maestro_core_api import MaestroAPI, RequestId, ResponseHeaders, ResponseTime
from maestro_core_logging import current_context

request_id_var: ContextVar[str] = ContextVar("request_id", default="-")
user_var: ContextVar[str] = ContextVar("user", default="nobody")
seen: list[tuple[str, str]] = []
seen_later: list[str] = []


class OwnId(BaseHTTPMiddleware):
    """As services write it, with the variable put back."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        """Identify the request."""
        request_id = request.headers.get("X-Request-ID") or "new"
        request.state.rid = request_id
        token = request_id_var.set(request_id)
        try:
            response = await call_next(request)
        finally:
            request_id_var.reset(token)
        response.headers["X-Request-ID"] = request_id
        return response


class OurId(RequestId):
    """The same, told."""

    variable = request_id_var
    state = "rid"

    def new(self) -> str:
        """Make the id of the test."""
        return "new"


class OwnKeptId(BaseHTTPMiddleware):
    """A variable that nobody puts back, an empty id that is one, and another header."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        """Identify the request."""
        request_id = request.headers.get("X-Correlation-ID", "new")
        request_id_var.set(request_id)
        response = await call_next(request)
        response.headers["x-correlation-id"] = request_id
        return response


class OurKeptId(RequestId):
    """The same, told."""

    header = "X-Correlation-ID"
    variable = request_id_var
    takes_empty = True
    resets = False

    def new(self) -> str:
        """Make the id of the test."""
        return "new"


class OwnHeaders(BaseHTTPMiddleware):
    """Headers on every response."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        """Set them."""
        response = await call_next(request)
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Server"] = "orders"
        return response


class OurHeaders(ResponseHeaders):
    """The same, told."""

    headers = MappingProxyType({"X-Frame-Options": "DENY", "Server": "orders"})


class Outside(BaseHTTPMiddleware):
    """A middleware around the one in question that looks at what it can see."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        """Note the variables after the call."""
        response = await call_next(request)
        seen.append((request_id_var.get(), user_var.get()))
        return response


class PureOutside:
    """The same without a task of its own: what is set inside could reach it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note the variables when the response begins, and at the end."""

        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append((request_id_var.get(), user_var.get()))
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            seen.append((request_id_var.get(), user_var.get()))


def service(*middleware: Any) -> FastAPI:
    """An application with every kind of answer."""
    app = FastAPI()
    for each in middleware:
        app.add_middleware(each)

    @app.get("/")
    async def read(request: Request) -> dict[str, Any]:
        user_var.set("ada")
        return {"var": request_id_var.get(), "rid": getattr(request.state, "rid", None)}

    @app.get("/sync")
    def read_sync(background: BackgroundTasks) -> dict[str, str]:
        background.add_task(lambda: seen_later.append(request_id_var.get()))
        return {"var": request_id_var.get()}

    @app.get("/own")
    def own() -> Response:
        response = Response("own", headers={"x-frame-options": "SAMEORIGIN", "X-Request-ID": "route", "server": "a"})
        response.headers.append("x-frame-options", "twice")
        return response

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            for _ in range(3):
                yield request_id_var.get() + ";"

        return StreamingResponse(parts())

    @app.get("/broken-stream")
    async def broken_stream() -> StreamingResponse:
        async def parts() -> Any:
            yield "a"
            raise ValueError

        return StreamingResponse(parts())

    @app.get("/crash")
    async def crash() -> None:
        user_var.set("ada")
        raise ValueError("boom")

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> JSONResponse:
        return JSONResponse(
            {"var": request_id_var.get(), "user": user_var.get(), "rid": getattr(request.state, "rid", None)}, 500
        )

    @app.websocket("/ws")
    async def chat(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(request_id_var.get())
        await socket.close()

    return app


REQUESTS = [
    ("GET", "/", {}),
    ("GET", "/", {"x-request-id": "r-1", "x-correlation-id": "c-1"}),
    ("GET", "/", {"x-request-id": "", "x-correlation-id": ""}),
    ("GET", "/", {"x-request-id": "ä".encode("latin-1")}),
    ("HEAD", "/", {}),
    ("GET", "/sync", {"x-request-id": "r-2"}),
    ("GET", "/own", {}),
    ("GET", "/stream", {"x-request-id": "r-3"}),
    ("GET", "/broken-stream", {}),
    ("GET", "/crash", {"x-request-id": "r-4", "x-correlation-id": "c-4"}),
    ("GET", "/nowhere", {}),
    ("POST", "/", {}),
    ("OPTIONS", "/", {"origin": "https://a.example", "access-control-request-method": "GET"}),
]


class Cors(CORSMiddleware):
    """CORS as a service adds it."""

    def __init__(self, app: Any) -> None:
        super().__init__(app, allow_origins=["*"])


def observed(app: FastAPI) -> list[Any]:
    """Everything that a client and the code around can see."""
    seen.clear()
    seen_later.clear()
    client = TestClient(app, raise_server_exceptions=False)
    found: list[Any] = []
    for method, path, headers in REQUESTS:
        try:
            answer = client.request(method, path, headers=headers)
        except Exception as failure:  # a stream that breaks reaches the client as an exception
            found.append((path, type(failure).__name__))
        else:
            found.append((path, answer.status_code, sorted(answer.headers.multi_items()), answer.content))
    with client.websocket_connect("/ws") as socket:
        found.append(socket.receive_text())
    return [*found, *seen, *seen_later]


PAIRS = {"id": (OwnId, OurId), "kept id": (OwnKeptId, OurKeptId), "headers": (OwnHeaders, OurHeaders)}


@pytest.mark.parametrize("name", sorted(PAIRS))
@pytest.mark.parametrize("around", [(), (Outside,), (PureOutside,), (Cors,), (Cors, Outside), (Outside, PureOutside)])
@pytest.mark.parametrize("inner", [(), (Outside,), (PureOutside,), (Cors,)])
def test_ours_is_seen_as_the_hand_written_one(name: str, around: tuple[Any, ...], inner: tuple[Any, ...]) -> None:
    """Status, headers, bodies, exceptions, and context variables on both sides are the same, wherever it stands."""
    own, ours = PAIRS[name]
    assert observed(service(*inner, ours, *around)) == observed(service(*inner, own, *around))


@pytest.mark.parametrize("name", sorted(PAIRS))
@pytest.mark.parametrize("path", ["/broken-stream", "/stream", "/crash"])
async def test_what_goes_to_the_server_is_the_same(name: str, path: str) -> None:
    """A stream that breaks is ended, and then raises: test clients of some versions do not show which of the two came."""

    async def sent_by(app: FastAPI) -> list[Any]:
        sent: list[Any] = []
        is_over = asyncio.Event()

        async def receive() -> Any:
            if not is_asked:
                is_asked.append(True)
                return {"type": "http.request", "body": b"", "more_body": False}
            await is_over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append((message["type"], message.get("status"), message.get("body"), message.get("more_body", False)))

        is_asked: list[bool] = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [],
        }
        try:
            await asyncio.wait_for(app(scope, receive, send), 20)
        except (ValueError, ExceptionGroup):  # old Starlette's task group raises the latter
            sent.append(("raised",))
        is_over.set()
        return sent

    own, ours = PAIRS[name]
    expected = await sent_by(service(own))
    assert _joined(await sent_by(service(ours))) == _joined(expected)


def _joined(sent: list[Any]) -> list[Any]:
    """Give what was sent with the parts of the body as one, and whether it came to its end."""
    body = b"".join(message[2] or b"" for message in sent if message[0] == "http.response.body")
    has_end = any(message[0] == "http.response.body" and not message[3] for message in sent)
    return [*(message for message in sent if message[0] != "http.response.body"), body, has_end]


@pytest.mark.parametrize("chosen", list(itertools.permutations(sorted(PAIRS))))
def test_ours_take_the_place_of_several_at_once(chosen: tuple[str, ...]) -> None:
    """Each order of the three is the same as that order of the hand-written ones."""
    ours = service(*(PAIRS[name][1] for name in chosen), PureOutside)
    assert observed(ours) == observed(service(*(PAIRS[name][0] for name in chosen), PureOutside))


def test_parameters_may_be_given_where_it_is_added() -> None:
    """A class of one's own and parameters say the same."""
    app = service()
    app.add_middleware(RequestId, header="X-Request-ID", variable=request_id_var, state="rid", new=lambda: "new")
    assert observed(app) == observed(service(OurId))
    with pytest.raises(TypeError, match="no parameter 'headr'; it has new, context, header, variable"):
        RequestId(app, headr="X")


def test_an_id_may_be_made_for_every_request_and_kept_inside() -> None:
    """`trusts_caller=False` reads no header, `echoes=False` writes none."""
    app = service()
    app.add_middleware(RequestId, trusts_caller=False, echoes=False, state="rid", new=lambda: "mine")
    answer = TestClient(app).get("/", headers={"x-request-id": "theirs"})
    assert answer.json()["rid"] == "mine"
    assert "x-request-id" not in answer.headers


def test_the_header_may_follow_the_state() -> None:
    """`echoes_state` writes what a route put there meanwhile."""
    app = service()

    @app.get("/renamed")
    def renamed(request: Request) -> None:
        request.state.rid = "renamed"

    app.add_middleware(RequestId, state="rid", echoes_state=True)
    assert TestClient(app).get("/renamed", headers={"x-request-id": "r"}).headers["x-request-id"] == "renamed"


def test_a_context_may_be_open_while_the_request_is_served() -> None:
    """`context` is entered with the id, and left when all is sent."""
    steps: list[str] = []

    @contextmanager
    def noting(request_id: str) -> Iterator[None]:
        steps.append(f"open {request_id}")
        yield
        steps.append("close")

    app = service()
    app.add_middleware(RequestId, context=noting)
    TestClient(app).get("/", headers={"x-request-id": "r"})
    assert steps == ["open r", "close"]


def test_there_is_one_id_inside_a_library_app() -> None:
    """The pass around the application goes by the id that the middleware made: header, state, log context, also after a crash."""
    app = MaestroAPI()
    app.add_middleware(RequestId, new=lambda: "made-inside")

    @app.get("/")
    def read(request: Request) -> dict[str, Any]:
        return {"state": request.state.request_id, "log": current_context()["request_id"]}

    @app.get("/crash")
    def crash() -> None:
        raise ValueError

    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/").json() == {"state": "made-inside", "log": "made-inside"}
    assert client.get("/").headers["x-request-id"] == "made-inside"
    assert client.get("/crash").headers["x-request-id"] == "made-inside"


def test_a_state_of_the_services_own_is_left_alone() -> None:
    """Another middleware's `request.state.request_id` is not overwritten."""
    app = MaestroAPI()
    app.add_middleware(RequestId, new=lambda: "ours")

    @app.middleware("http")
    async def own(request: Request, call_next: Callable[..., Any]) -> Any:
        request.state.request_id = "own"
        return await call_next(request)

    @app.get("/")
    def read(request: Request) -> str:
        return str(request.state.request_id)

    assert TestClient(app).get("/").json() == "own"


def test_the_time_is_said_until_the_response_begins() -> None:
    """The clock is read at the request and when the response begins; the text is the service's."""
    ticks = iter([10.0, 12.5, 20.0, 20.25])

    class Time(ResponseTime):
        header = "X-Response-Time"

        def clock(self) -> float:
            return next(ticks)

        def text(self, seconds: float) -> str:
            return f"{seconds * 1000:.1f}ms"

    app = service(Time)
    assert TestClient(app).get("/").headers["x-response-time"] == "2500.0ms"
    assert TestClient(app).get("/stream").headers["x-response-time"] == "250.0ms"
    plain = service()
    plain.add_middleware(ResponseTime)
    assert re.fullmatch(r"[0-9.e-]+", TestClient(plain).get("/").headers["x-process-time"])


def test_headers_may_depend_on_the_moment() -> None:
    """`chosen` is asked for each response."""
    strict = {"on": False}

    class Late(ResponseHeaders):
        def chosen(self) -> dict[str, str]:
            return {"Strict-Transport-Security": "max-age=1"} if strict["on"] else {}

    client = TestClient(service(Late))
    assert "strict-transport-security" not in client.get("/").headers
    strict["on"] = True
    assert client.get("/").headers["strict-transport-security"] == "max-age=1"
