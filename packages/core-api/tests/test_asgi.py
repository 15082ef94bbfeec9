"""What is added around a request: ids, context, headers and exactly one event, however the request ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware

from maestro_core_api import MaestroAPI, instrument
from maestro_core_logging import configure_logging, current_context, get_logger

Events = list[dict[str, Any]]
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def echoing(**options: Any) -> MaestroAPI:
    """An application that says what it knows of a request."""
    app = MaestroAPI(**options)

    @app.get("/")
    def read(request: Request) -> dict[str, Any]:
        return {"state": request.state.request_id, "log": dict(current_context())}

    return app


def test_one_id_is_in_state_log_context_header_and_event(events: Events) -> None:
    """A request has one id wherever one looks, also in a sync endpoint's thread."""
    answer = TestClient(echoing()).get("/")
    assert answer.json()["state"] == answer.json()["log"]["request_id"] == answer.headers["x-request-id"]
    assert [e["request_id"] for e in events] == [answer.headers["x-request-id"]]
    assert len(answer.headers["x-request-id"]) == 32
    assert "request_id" not in current_context()


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        ("0f8fad5b-d9cb-469f-a165-70867728950e", True),
        ("Root=1-67891233-abcdef012345678912345678", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("a b", False),
        ("-rf", False),
        ('"><script>', False),
        ("\xe9", False),
    ],
)
def test_only_harmless_ids_are_taken_over(given: str, is_taken: bool) -> None:
    """An id from outside goes into logs and headers; one that could break either is replaced."""
    answer = TestClient(echoing()).get("/", headers={"x-request-id": given.encode("latin-1")})
    assert (answer.headers["x-request-id"] == given) is is_taken


def test_the_header_of_the_id_can_be_chosen_or_left_out() -> None:
    """`request_id_header` is both read and written; None keeps ids inside."""
    renamed = TestClient(echoing(request_id_header="X-Correlation-ID")).get("/", headers={"x-correlation-id": "c-1"})
    assert renamed.headers["x-correlation-id"] == "c-1" == renamed.json()["state"]
    silent = TestClient(echoing(request_id_header=None)).get("/", headers={"x-request-id": "c-1"})
    assert "x-request-id" not in silent.headers
    assert silent.json()["state"] != "c-1"


def test_an_id_made_by_the_service_wins(events: Events) -> None:
    """The header and the state of a service's own middleware stay, and the event has that id."""
    app = echoing()

    @app.middleware("http")
    async def identify(request: Request, call_next: Any) -> Any:
        request.state.request_id = "own-1"
        response = await call_next(request)
        response.headers["x-request-id"] = "own-1"
        return response

    answer = TestClient(app).get("/")
    assert answer.json()["state"] == "own-1"
    assert answer.headers.get_list("x-request-id") == ["own-1"]
    assert events[0]["request_id"] == "own-1"


def test_a_request_id_of_the_lifespan_state_is_kept() -> None:
    """State that the service put there before is not overwritten."""
    app = echoing()
    client = TestClient(app)
    client.app_state["request_id"] = "from-lifespan"
    assert client.get("/").json()["state"] == "from-lifespan"


def test_state_is_never_shared_between_requests(asgi_call: Callable[..., Any]) -> None:
    """A server that hands out one dict for all requests does not make ids leak."""
    shared: dict[str, Any] = {}
    app = echoing()

    async def life(_: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"pool": "p"}

    app.router.lifespan_context = asynccontextmanager(life)
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    answers: list[list[dict[str, Any]]] = []

    async def receive() -> dict[str, Any]:
        if started.is_set():
            answers.extend([await asgi_call(app, {"state": shared}) for _ in range(2)])
        started.set()
        return next(messages)

    started = asyncio.Event()
    asyncio.run(asgi_call(app, {"type": "lifespan", "state": shared}, receive=receive))
    assert shared == {"pool": "p"}
    first, second = answers
    assert json.loads(first[1]["body"])["state"] != json.loads(second[1]["body"])["state"]


@pytest.mark.parametrize("is_mounted", [True, False])
@pytest.mark.parametrize("make", [MaestroAPI, lambda: instrument(FastAPI())])
def test_middleware_outside_sees_the_state_that_endpoints_set(make: Callable[[], Any], is_mounted: bool) -> None:
    """A middleware around the app, or of the app that mounts it, holds the request's state and reads it afterwards."""
    inner = make()

    @inner.get("/who")
    def who(request: Request) -> None:
        request.state.user = "ada"

    async def tell(request: Request, call_next: Any) -> Any:
        request.state.begun = True
        response = await call_next(request)
        response.headers["x-user"] = request.state.user
        return response

    if is_mounted:
        app = FastAPI()
        app.mount("/inner", inner)
        app.middleware("http")(tell)
    else:
        app = BaseHTTPMiddleware(inner, dispatch=tell)
    assert TestClient(app).get("/inner/who" if is_mounted else "/who").headers["x-user"] == "ada"


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (TRACEPARENT, "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("01" + TRACEPARENT[2:] + "-more", "4bf92f3577b34da6a3ce929d0e0e4736"),
        (TRACEPARENT + "-more", None),
        ("ff" + TRACEPARENT[2:], None),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", None),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01", None),
        (TRACEPARENT.upper(), None),
        ("nonsense", None),
    ],
)
def test_the_trace_of_the_caller_is_in_the_log_context(header: str, trace_id: str | None) -> None:
    """`traceparent` is read as W3C Trace Context says, malformed ones are ignored."""
    answer = TestClient(echoing()).get("/", headers={"traceparent": header})
    assert answer.json()["log"].get("trace_id") == trace_id


def test_security_headers_are_added_only_when_absent() -> None:
    """What the service sets stays, once; a mapping is the whole set; False adds none."""
    app = MaestroAPI()
    app.get("/")(lambda: PlainTextResponse("x", headers={"X-FRAME-OPTIONS": "SAMEORIGIN"}))
    headers = TestClient(app).get("/").headers
    assert headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert headers["x-content-type-options"] == "nosniff"
    custom = TestClient(echoing(security_headers={"Strict-Transport-Security": "max-age=60"})).get("/").headers
    assert custom["strict-transport-security"] == "max-age=60"
    assert "x-frame-options" not in custom
    assert "x-content-type-options" not in TestClient(echoing(security_headers=False)).get("/").headers


def test_a_crash_is_answered_by_the_service_and_written_once(events: Events) -> None:
    """The 500 has its id and headers; the event says what was raised; the exception still reaches the server."""
    app = MaestroAPI()
    app.get("/")(lambda: 1 / 0)
    answer = TestClient(app, raise_server_exceptions=False).get("/")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert answer.headers["x-request-id"] == events[0]["request_id"]
    with pytest.raises(ZeroDivisionError):
        TestClient(app).get("/")
    assert [(e["status"], e["outcome"], e["error"], e["level"]) for e in events] == [
        (500, "crashed", "ZeroDivisionError", 40)
    ] * 2


def test_a_crash_after_the_response_began_keeps_its_status(events: Events) -> None:
    """A stream that breaks was a 200 that crashed; so is a background task."""
    app = MaestroAPI()

    async def broken() -> AsyncIterator[bytes]:
        yield b"begun"
        raise LookupError("half-way")

    app.get("/")(lambda: StreamingResponse(broken()))
    TestClient(app, raise_server_exceptions=False).get("/")
    assert [(e["status"], e["outcome"]) for e in events] == [(200, "crashed")]


async def test_a_client_that_leaves_is_a_disconnect(events: Events, asgi_call: Callable[..., Any]) -> None:
    """Leaving in the middle of a stream, by silence or by a broken pipe, is no crash."""
    app = MaestroAPI()
    sent = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.set()
            yield b"x"
            await asyncio.sleep(0)

    app.get("/")(lambda: StreamingResponse(endless()))

    async def leave() -> dict[str, Any]:
        await sent.wait()
        return {"type": "http.disconnect"}

    async def silence() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("never set")

    async def broken_pipe(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise BrokenPipeError

    await asgi_call(app, {}, receive=leave)
    # Newer Starlettes turn the broken pipe into an exception of their own, in a group or not.
    with pytest.raises(BaseException):  # noqa: B017
        await asgi_call(app, {}, receive=silence, send=broken_pipe)
    assert [(e["status"], e["outcome"]) for e in events] == [(200, "disconnected")] * 2


def test_an_os_error_of_the_service_is_a_crash(events: Events) -> None:
    """A refused connection to a database is no client that left."""
    app = MaestroAPI()

    @app.get("/")
    def read() -> None:
        raise ConnectionRefusedError

    TestClient(app, raise_server_exceptions=False).get("/")
    assert [(e["status"], e["outcome"]) for e in events] == [(500, "crashed")]


async def test_a_cancelled_request_is_written(events: Events, asgi_call: Callable[..., Any]) -> None:
    """A request that the server gives up still has its event, and the gauge goes back."""
    app = MaestroAPI()
    waiting = asyncio.Event()

    @app.get("/")
    async def wait() -> None:
        waiting.set()
        await asyncio.Event().wait()

    request = asyncio.create_task(asgi_call(app, {}))
    await waiting.wait()
    assert app.requests_in_flight == 1
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert app.requests_in_flight == 0
    assert [(e["status"], e["outcome"]) for e in events] == [(499, "cancelled")]


def test_mounted_applications_of_ours_stay_silent(events: Events) -> None:
    """One request is one event with one id, though the inner application is a MaestroAPI as well."""
    outer, inner = MaestroAPI(), echoing()
    outer.mount("/inner", inner)
    client = TestClient(outer)
    answer = client.get("/inner/")
    assert answer.headers.get_list("x-request-id") == [answer.json()["state"]]
    assert [e["route"] for e in events] == ["/inner/"]
    assert client.get("/inner/livez").status_code == 404


def test_websockets_have_an_id_and_one_event(events: Events) -> None:
    """The event of a WebSocket says whether it was accepted, refused or crashed."""
    app = MaestroAPI()
    seen: list[str] = []

    @app.websocket("/talk/{name}")
    async def talk(socket: WebSocket, name: str) -> None:
        seen.append(socket.state.request_id)
        if name == "no":
            await socket.close()
            return
        await socket.accept()
        if name == "crash":
            raise ValueError(name)
        await socket.close()

    client = TestClient(app)
    for name in ("yes", "no", "crash"):
        try:
            with client.websocket_connect(f"/talk/{name}", headers={"x-request-id": name}) as socket:
                socket.receive_text()
        except Exception:  # how each of them ends is what the events say
            continue
    assert seen == ["yes", "no", "crash"]
    assert [(e["route"], e["status"], e["outcome"], e["request_id"]) for e in events] == [
        ("/talk/{name}", 101, "completed", "yes"),
        ("/talk/{name}", 403, "completed", "no"),
        ("/talk/{name}", 101, "crashed", "crash"),
    ]


def test_the_event_says_what_was_asked_but_no_query(events: Events) -> None:
    """Path, method, route, status, client and time are there; the query string, which may hold secrets, is not."""
    TestClient(echoing(service_name="echo")).get("/?token=secret")
    (event,) = events
    assert event.pop("duration_ms") > 0
    assert event.pop("client") in ("testclient", None)  # test clients of Starlette 0.30 to 0.37 name none
    assert len(event.pop("request_id")) == 32
    assert event == {
        "event": "http.request",
        "level": 20,
        "logger": "maestro.access",
        "service": "echo",
        "method": "GET",
        "path": "/",
        "route": "/",
        "status": 200,
        "outcome": "completed",
    }


def test_settings_may_name_the_service(events: Events) -> None:
    """A `service_name` on the settings object is used unless one is given."""

    class Settings:
        service_name = "from-settings"

    TestClient(echoing(settings=Settings())).get("/")
    TestClient(echoing(settings=Settings(), service_name="given")).get("/")
    assert [e["service"] for e in events] == ["from-settings", "given"]


def test_the_access_event_can_be_left_out(events: Events) -> None:
    """`access_log=False` writes none."""
    TestClient(echoing(access_log=False)).get("/")
    assert events == []


def test_a_configured_service_writes_request_and_log_lines_with_one_id(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `configure_logging`, the line of the endpoint and the access event carry the same id; without, no line."""
    import logging

    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    app = MaestroAPI()
    app.get("/")(lambda: get_logger("svc").info("in route"))
    TestClient(app).get("/")
    assert capsys.readouterr().out == ""
    configure_logging(service_name="svc", format="json")
    TestClient(app).get("/", headers={"x-request-id": "r-1"})
    lines = [json.loads(line) for line in "".join(capsys.readouterr()).splitlines()]
    assert [(line["event"], line["request_id"]) for line in lines if line["logger"] != "httpx"] == [
        ("in route", "r-1"),
        ("http.request", "r-1"),
    ]
