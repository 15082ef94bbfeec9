"""Clients that call an app within the process: ASGI by its messages (no HTTP library is needed for it), Flask by Werkzeug's own client."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlencode

TIMEOUT_S = 10.0
MOST_BYTES = 256_000

Answer = dict[str, Any]


class NotStarted(Exception):
    """The app's own start-up failed."""


def _sent(case: dict[str, Any]) -> tuple[bytes, list[tuple[str, str]]]:
    headers = list(case.get("headers", {}).items())
    if "kind" not in case:
        return b"", headers
    is_json = case["kind"] == "application/json"
    body = json.dumps(case["body"]) if is_json else urlencode(case["body"] if isinstance(case["body"], dict) else {})
    return body.encode(), [*headers, ("Content-Type", case["kind"])]


def _query(case: dict[str, Any]) -> str:
    return urlencode(case.get("query") or {}, doseq=True)


class AsgiClient:
    """Runs an ASGI app's lifespan and sends it one request after the other."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._lifespan: asyncio.Task[None] | None = None

    def start(self) -> None:
        """
        Start the app up.

        Raises:
            NotStarted: it says so, or does not come to an end.
        """
        self._loop.run_until_complete(self._start())

    async def _start(self) -> None:
        told: asyncio.Future[str] = self._loop.create_future()
        begun = False

        async def receive() -> dict[str, Any]:
            nonlocal begun
            if not begun:
                begun = True
                return {"type": "lifespan.startup"}
            await self._ended.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"].startswith("lifespan.startup") and not told.done():
                told.set_result(
                    "" if message["type"].endswith("complete") else message.get("message") or "start-up failed"
                )

        async def live() -> None:
            try:
                await self._app(
                    {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}, receive, send
                )
            except Exception:  # noqa: BLE001  # as servers do: an app may know no lifespan
                if not told.done():
                    told.set_result("")

        self._lifespan = self._loop.create_task(live())
        try:
            problem = await asyncio.wait_for(told, 30)
        except TimeoutError as error:
            raise NotStarted("its start-up does not end") from error
        if problem:
            raise NotStarted(problem.strip().splitlines()[-1][:300])

    def ask(self, case: dict[str, Any]) -> Answer:
        """Return the answer to one request; an exception that leaves the app is an answer, too."""
        return self._loop.run_until_complete(self._ask(case))

    async def _ask(self, case: dict[str, Any]) -> Answer:
        body, headers = _sent(case)
        answer: Answer = {"status": None, "headers": [], "body": b""}
        pending = [body]

        async def receive() -> dict[str, Any]:
            if pending:
                return {"type": "http.request", "body": pending.pop(), "more_body": False}
            await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                answer["headers"] = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message.get("headers", ())]
            elif message["type"] == "http.response.body":
                answer["body"] += message.get("body", b"")
                if len(answer["body"]) > MOST_BYTES:
                    raise asyncio.CancelledError

        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": case["method"], "scheme": "http",
            "path": case["path"], "raw_path": case["path"].encode(), "query_string": _query(case).encode(), "root_path": "", "state": {},
            "headers": [(b"host", b"testserver"), *((k.lower().encode(), v.encode()) for k, v in headers), (b"content-length", str(len(body)).encode())],
            "client": ("testclient", 50000), "server": ("testserver", 80),
        }  # fmt: skip
        await _bounded(self._app(scope, receive, send), answer)
        return answer


async def _bounded(call: Awaitable[None], answer: Answer) -> None:
    try:
        await asyncio.wait_for(call, TIMEOUT_S)
    except TimeoutError:
        answer["raised"] = "did not end"
    except asyncio.CancelledError:
        answer["raised"] = "cut"
    except Exception as error:  # noqa: BLE001  # what a server would turn into a 500
        answer["raised"] = f"{type(error).__name__}: {error}"[:300]


class FlaskClient:
    """Sends requests through Flask's own test client."""

    def __init__(self, app: Any) -> None:
        self._client = app.test_client()
        self._wsgi = app

    def start(self) -> None:
        """There is nothing to start."""

    def ask(self, case: dict[str, Any]) -> Answer:
        """Return the answer to one request; an exception that leaves the app is an answer, too."""
        body, headers = _sent(case)
        try:
            got = self._client.open(
                case["path"],
                method=case["method"],
                query_string=_query(case),
                data=body or None,
                headers=headers,
                buffered=False,
            )
        except Exception as error:  # noqa: BLE001  # what a server would turn into a 500
            return {"status": None, "headers": [], "body": b"", "raised": f"{type(error).__name__}: {error}"[:300]}
        chunks, size = [], 0
        for chunk in got.iter_encoded():
            chunks.append(chunk)
            size += len(chunk)
            if size > MOST_BYTES:
                break
        got.close()
        return {"status": got.status_code, "headers": list(got.headers.items()), "body": b"".join(chunks)}
