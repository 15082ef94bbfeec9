"""The context of a request follows it through everything that a FastAPI application does with it."""

import asyncio
import io
import json
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Annotated

import httpx
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import BaseHTTPMiddleware

from maestro_core_logging import configure_logging, get_logger, log_context


class RequestContext:
    """A pure ASGI middleware that binds the id of the request, as core-api's does."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        """Bind for the whole of the request, its background tasks and its stream."""
        headers = dict(scope.get("headers", ()))
        with log_context(request_id=headers.get(b"x-request-id", b"none").decode()):
            await self.app(scope, receive, send)


async def passed_on(request, call_next):
    """Stand for the middleware of this kind that services have."""
    return await call_next(request)


def application():
    """Log from every place where a request's code can run."""
    app = FastAPI()
    log = get_logger("svc")
    pool = ThreadPoolExecutor(1)

    def sync_dependency():
        log.info("sync dependency")

    async def async_dependency():
        log.info("async dependency")
        yield
        log.info("dependency closed")

    @app.get("/sync")
    def sync(
        background: BackgroundTasks,
        _a: Annotated[None, Depends(sync_dependency)],
        _b: Annotated[None, Depends(async_dependency)],
    ):
        log.info("sync endpoint")
        background.add_task(lambda: log.info("sync background task"))
        pool.submit(copy_context().run, log.info, "own pool").result()
        return {}

    @app.get("/async")
    async def asynchronous(background: BackgroundTasks):
        async def later():
            log.info("async background task")

        async def step(number):
            log.info("task group", number=number)

        background.add_task(later)
        async with asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(step(number))
        await run_in_threadpool(log.info, "thread pool")
        await asyncio.to_thread(log.info, "to_thread")
        return {}

    @app.get("/stream")
    async def stream():
        async def chunks():
            log.info("async stream")
            yield b"a"
            await asyncio.sleep(0)
            log.info("async stream")
            yield b"b"

        return StreamingResponse(chunks())

    @app.get("/sync-stream")
    def sync_stream():
        def chunks():
            for _ in range(2):
                log.info("sync stream")
                yield b"a"

        return StreamingResponse(chunks())

    app.add_middleware(BaseHTTPMiddleware, dispatch=passed_on)
    app.add_middleware(RequestContext)
    return app


async def test_every_line_of_a_request_has_its_id():
    """Sync and async endpoints, dependencies, pools, background tasks, task groups and streams; many requests at once."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    transport = httpx.ASGITransport(app=application())
    paths = ["/sync", "/async", "/stream", "/sync-stream"]
    async with httpx.AsyncClient(transport=transport, base_url="http://svc") as client:
        requests = [client.get(path, headers={"x-request-id": f"{path}-{turn}"}) for turn in range(5) for path in paths]
        assert {answer.status_code for answer in await asyncio.gather(*requests)} == {200}
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    seen = {path: {} for path in paths}
    for line in (line for line in lines if line["logger"] == "svc"):
        path, _, turn = line["request_id"].rpartition("-")
        seen[path].setdefault(line["event"], []).append(turn)
    five = ["0", "1", "2", "3", "4"]
    assert {path: {event: sorted(turns) for event, turns in events.items()} for path, events in seen.items()} == {
        "/sync": dict.fromkeys(
            ["sync dependency", "async dependency", "sync endpoint", "own pool", "dependency closed",
             "sync background task"], five,
        ),
        "/async": {
            "task group": sorted(five * 2),
            **dict.fromkeys(["thread pool", "to_thread", "async background task"], five),
        },
        "/stream": {"async stream": sorted(five * 2)},
        "/sync-stream": {"sync stream": sorted(five * 2)},
    }  # fmt: skip


async def test_what_a_sync_dependency_binds_is_gone_after_it():
    """A thread has a copy of the context; who binds for the request does it in a middleware, or on `request.state`."""
    stream = io.StringIO()
    configure_logging(stream=stream)
    app = FastAPI()

    def tenant():
        with log_context(tenant="acme"):
            get_logger("svc").info("inside")
            yield

    @app.get("/")
    async def read(_tenant: Annotated[None, Depends(tenant)]):
        get_logger("svc").info("endpoint")
        return {}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://svc") as client:
        assert (await client.get("/")).status_code == 200
    lines = [json.loads(line) for line in stream.getvalue().splitlines() if '"svc"' in line]
    assert [(line["event"], line.get("tenant")) for line in lines] == [("inside", "acme"), ("endpoint", None)]
