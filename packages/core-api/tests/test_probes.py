"""Liveness, readiness, start-up and metrics: where the application has no route of its own, and nowhere else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from starlette.middleware.cors import CORSMiddleware

from maestro_core_api import DuplicateCheck, MaestroAPI, instrument
from maestro_core_api._readiness import Readiness

Events = list[dict[str, Any]]


def test_probes_answer_and_stay_out_of_documents_logs_and_metrics(events: Events) -> None:
    """They are no routes: not in `app.routes`, not in OpenAPI, no access events."""
    app = MaestroAPI()
    assert [route.path for route in app.routes] == [route.path for route in FastAPI().routes]
    client = TestClient(app)
    for path in ("/livez", "/readyz", "/startupz", "/metrics"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-store"
        assert client.head(path).content == b""
        assert client.post(path).status_code == 404
    assert {e["path"] for e in events if e["method"] == "GET"} == set()
    assert app.openapi()["paths"] == {}


def test_probes_can_be_left_out() -> None:
    """`probes=False` answers none, `metrics=False` no `/metrics`."""
    assert TestClient(MaestroAPI(probes=False)).get("/livez").status_code == 404
    without = TestClient(MaestroAPI(metrics=False))
    assert without.get("/metrics").status_code == 404
    assert without.get("/livez").status_code == 200


def test_readiness_names_the_failing_check_and_not_its_secrets() -> None:
    """A check that is false, raises or is late makes a 503 which says which one, and no exception text."""
    app = MaestroAPI()
    never = threading.Event()

    async def async_ok() -> None:
        return None

    async def async_broken() -> None:
        raise ConnectionError("postgres://user:password@db")

    app.add_readiness_check("cache", lambda: True)
    app.add_readiness_check("async", async_ok)
    client = TestClient(app)
    assert client.get("/readyz").json()["checks"].keys() == {"cache", "async"}
    app.add_readiness_check("db", async_broken)
    app.add_readiness_check("flag", lambda: False)
    app.add_readiness_check("late", never.wait, timeout_s=0.01)
    try:
        answer = client.get("/readyz")
    finally:
        never.set()
    assert answer.status_code == 503
    assert answer.json()["failing"] == ["db", "flag", "late"]
    reasons = {name: check.get("reason") for name, check in answer.json()["checks"].items()}
    assert reasons == {
        "cache": None,
        "async": None,
        "db": "ConnectionError",
        "flag": "the check returned False",
        "late": "no answer within 0.01 s",
    }
    assert "password" not in answer.text
    assert client.get("/livez").status_code == 200


def test_an_awaitable_made_by_a_plain_function_is_awaited() -> None:
    """`lambda: pool.ping()` is a check too."""

    async def ping() -> bool:
        return False

    client = TestClient(instrument(FastAPI(), readiness={"ping": lambda: ping()}))
    assert client.get("/readyz").json()["failing"] == ["ping"]
    assert client.get("/readyz").json()["failing"] == ["ping"]


def test_a_check_that_hangs_holds_one_thread_however_often_it_is_asked() -> None:
    """Polls of a dead dependency do not pile up threads, and none of them holds up the end of the process."""
    released, calls = threading.Event(), []

    def hang() -> None:
        calls.append(1)
        released.wait()

    readiness = Readiness()
    readiness.add("dead", hang, timeout_s=0.01)
    try:
        for _ in range(5):
            assert [result.ready for result in readiness.results_blocking()] == [False]
            assert [result.ready for result in asyncio.run(as_coroutine(readiness))] == [False]
        assert len(calls) == 1
        assert [thread.daemon for thread in threading.enumerate() if thread.name == "readiness-dead"] == [True]
    finally:
        released.set()


async def as_coroutine(readiness: Readiness) -> Any:
    """Run the checks on a loop of their own."""
    return await readiness.results()


def test_two_checks_cannot_have_one_name() -> None:
    """The second would silently replace the first; the same check again is fine."""
    app = MaestroAPI()
    check: Callable[[], None] = lambda: None  # noqa: E731  # the same object twice
    app.add_readiness_check("db", check)
    app.add_readiness_check("db", check)
    with pytest.raises(DuplicateCheck, match="'db'"):
        app.add_readiness_check("db", lambda: True)


def test_readiness_follows_the_lifespan(asgi_call: Callable[..., Any]) -> None:
    """Not started: 503 on start-up; serving: ready; shut down: not ready, still alive; served again: ready again."""
    app = MaestroAPI()
    during: list[int] = []

    @asynccontextmanager
    async def life(_: Any) -> AsyncIterator[None]:
        during.append(await status_of("/startupz"))
        during.append(await status_of("/readyz"))
        yield
        during.append(await status_of("/readyz"))
        during.append(await status_of("/livez"))

    async def status_of(path: str) -> int:
        return (await asgi_call(app, {"path": path}))[0]["status"]  # type: ignore[no-any-return]  # an ASGI message

    app.router.lifespan_context = life
    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/readyz").status_code == 200
            assert client.get("/startupz").status_code == 200
        assert during == [503, 503, 503, 200]
        during.clear()
        # The client of another test, without a lifespan: nothing drains here.
        assert TestClient(app).get("/readyz").status_code == 200


def test_draining_flips_readiness_and_nothing_else() -> None:
    """After `begin_drain` requests are still served: the load balancer needs time to notice."""
    app = MaestroAPI()
    app.get("/")(lambda: "served")
    app.add_readiness_check("db", lambda: 1 / 0)
    client = TestClient(app)
    app.begin_drain()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "draining", "failing": [], "checks": {}})
    assert client.get("/livez").status_code == 200
    assert client.get("/").json() == "served"


def test_a_middleware_of_the_service_that_answers_goes_on_answering() -> None:
    """It is asked once per path, and then always; one that guards or redirects does not take the probes away."""
    app, asked = MaestroAPI(), []

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Any:
        asked.append(request.url.path)
        if request.url.path == "/metrics":
            return PlainTextResponse("mine")
        return PlainTextResponse("who?", 401)

    client = TestClient(app)
    assert [client.get("/metrics").text for _ in range(3)] == ["mine"] * 3
    assert [client.get("/livez").status_code for _ in range(3)] == [200] * 3
    assert asked.count("/livez") == 1
    assert asked.count("/metrics") == 3


class Versioned:
    """Middleware that puts the version before every path."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Rewrite the path in place."""
        if scope["type"] == "http":
            scope["path"] = "/v1" + scope["path"]
        await self.app(scope, receive, send)


def versioned() -> FastAPI:
    app = FastAPI()
    app.get("/v1/livez")(lambda: "mine")
    return app


def with_rewriting() -> FastAPI:
    app = versioned()
    app.add_middleware(Versioned)
    return app


def with_handler_of_404() -> FastAPI:
    app = FastAPI()

    @app.exception_handler(404)
    async def page(request: Request, _: Exception) -> PlainTextResponse:
        return PlainTextResponse("the page")

    return app


def wrapped() -> Any:
    app = FastAPI()
    app.get("/livez")(lambda: "mine")
    app.get("/readyz")(lambda: PlainTextResponse("the database is down", 503))
    return CORSMiddleware(app, allow_origins=["*"])


def dispatching() -> Any:
    inner = wrapped()

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)

    return dispatch


def with_own_readiness() -> FastAPI:
    """One that says no twice, from a middleware."""
    app, answers = FastAPI(), iter([503, 503])

    @app.middleware("http")
    async def ready(request: Request, call_next: Any) -> Any:
        if request.url.path == "/readyz":
            return PlainTextResponse("mine", next(answers, 200))
        return await call_next(request)

    return app


@pytest.mark.parametrize(
    "make",
    [with_rewriting, lambda: Versioned(versioned()), with_handler_of_404, wrapped, dispatching, with_own_readiness],
)
@pytest.mark.parametrize("methods", [("GET", "HEAD"), ("HEAD", "GET")])
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_whatever_answered_a_probe_path_before_answers_it_still(make: Any, methods: tuple[str, ...], path: str) -> None:
    """By a rewritten path, a handler of 404, in a wrapper, behind a dispatcher, or with a 503: whichever method is asked first."""

    def answers(app: Any) -> list[tuple[int, bytes] | None]:
        client = TestClient(app)
        given = [client.request(method, path) for method in methods * 3]
        return [None if answer.status_code == 404 else (answer.status_code, answer.content) for answer in given]

    before, after = answers(make()), answers(instrument(make()))
    assert [theirs or ours for theirs, ours in zip(before, after, strict=True)] == after
    assert all(ours is not None for ours in after)


def test_the_question_to_the_middleware_leaves_no_trace(events: Events) -> None:
    """The service's own 404 for a probe path is swallowed: no event, no metric."""
    app = MaestroAPI()

    @app.middleware("http")
    async def through(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    assert TestClient(app).get("/livez").json() == {"status": "ok"}
    assert events == []


def test_probes_are_found_behind_a_root_path() -> None:
    """A server that keeps the proxy's prefix in the path is understood."""
    client = TestClient(MaestroAPI(), root_path="/api")
    assert client.get("/livez").status_code == 200
    assert client.get("/api/livez").status_code == 200


def test_metrics_are_negotiated() -> None:
    """A scraper that asks for OpenMetrics gets it."""
    client = TestClient(MaestroAPI())
    assert client.get("/metrics").headers["content-type"].startswith("text/plain")
    answer = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz", "/metrics"])
def test_each_answer_carries_the_request_id(path: str) -> None:
    """The caller's id where it is harmless, a new one otherwise; none where ids are kept out of headers."""
    client = TestClient(MaestroAPI())
    assert client.get(path, headers={"x-request-id": "r-1"}).headers["x-request-id"] == "r-1"
    assert len(client.head(path, headers={"x-request-id": "<a b>"}).headers["x-request-id"]) == 32
    assert "x-request-id" not in TestClient(MaestroAPI(request_id_header=None)).get(path).headers
