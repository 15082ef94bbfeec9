"""Requests to an ASGI application in this process, and what they cost in several applications."""

from __future__ import annotations

from collections.abc import Mapping
from time import process_time
from typing import Any

from benchmarks._harness import Costs, turns


async def request(app: Any, path: str, method: str = "GET") -> int:
    """Send one request through an application, as a server would; return the status, or 0 without an answer."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"bench"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await app(scope, receive, send)
    return statuses[0] if statuses else 0


async def interleaved_requests(apps: Mapping[str, Any], *, rounds: int, requests: int) -> Costs:
    """
    Return the CPU seconds of one request in each application, one figure a round; an exporter's thread is in it.

    Raises:
        RuntimeError: an application does not answer 200, so that a comparison would mean nothing.
    """
    for name, app in apps.items():
        for number in range(200):
            if await request(app, f"/items/{number}") != 200:
                raise RuntimeError(f"{name} did not answer 200")
    seconds: Costs = {name: [] for name in apps}
    for name in turns(list(apps), rounds=rounds):
        started = process_time()
        for number in range(requests):
            await request(apps[name], f"/items/{number}")
        seconds[name].append((process_time() - started) / requests)
    return seconds
