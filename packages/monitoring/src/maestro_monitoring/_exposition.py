"""The bytes that Prometheus reads, in the format it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from ._native import native_histograms
from ._protobuf import CONTENT_TYPE, protobuf
from ._registry import registry_or_default
from ._sampling import take_samples
from ._workers import WorkersCollector, workers_directory

TEXT = "text/plain; version=0.0.4; charset=utf-8"
_TEXT_RANGES = frozenset({"text/plain", "text/*", "*/*"})
_OPENMETRICS_VERSIONS = frozenset({"", "0.0.1", "1.0.0"})


def exposition(accept: str | None, registry: CollectorRegistry | None = None) -> tuple[bytes, str]:
    """Render all metrics in the format that the Accept header prefers: protobuf, OpenMetrics or Prometheus text.

    Returns the body and its content type. Protobuf and OpenMetrics carry exemplars, protobuf alone native
    histograms (Prometheus asks for it when its feature `native-histograms` is on). A header that cannot be
    read, or that accepts neither format, gets the text format, as Prometheus' own exporters do.

    With `PROMETHEUS_MULTIPROC_DIR` set, the default registry is that of all workers together. It then reads
    files: call it from a thread (`asyncio.to_thread`), or mount `metrics_app()`, which does.
    """
    chosen = registry_or_default(registry)
    take_samples(chosen)
    native = list(native_histograms(chosen))
    directory = workers_directory()
    if directory is not None and chosen is REGISTRY:
        chosen = _of_all_workers(directory)
        native = []  # each worker has its own, and one alone would go up and down from scrape to scrape
    preferred = _preferred(accept or "")
    if preferred == "protobuf":
        return protobuf(chosen, native), CONTENT_TYPE
    if preferred == "openmetrics":
        body: bytes = openmetrics.generate_latest(chosen)  # type: ignore[no-untyped-call]  # the client left it untyped
        return body, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(chosen), TEXT


def _of_all_workers(directory: Path) -> CollectorRegistry:
    together = CollectorRegistry()
    WorkersCollector(directory).register(together)
    return together


Message = MutableMapping[str, Any]


def metrics_app(
    registry: CollectorRegistry | None = None,
) -> Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]:
    """Give an ASGI app that answers scrapes without holding up the event loop; mount it at `/metrics`."""

    async def answer(
        scope: Message, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await _respond(send, 405, b"", [(b"allow", b"GET, HEAD")])
            return
        accept = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept")
        body, content_type = await asyncio.to_thread(exposition, accept, registry)
        shown = b"" if scope["method"] == "HEAD" else body
        await _respond(send, 200, shown, [(b"content-type", content_type.encode())])

    return answer


async def _respond(
    send: Callable[[Message], Awaitable[None]], status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _preferred(accept: str) -> str:
    # In a tie the richer format wins.
    best = {"protobuf": 0.0, "openmetrics": 0.0, "text": 0.0}
    for media_range in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in media_range.split(";"))
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        weight = _weight(values.get("q", "1"))
        if media_type == "application/vnd.google.protobuf" and values.get("encoding") == "delimited":
            best["protobuf"] = max(best["protobuf"], weight)
        elif media_type == "application/openmetrics-text" and values.get("version", "") in _OPENMETRICS_VERSIONS:
            best["openmetrics"] = max(best["openmetrics"], weight)
        elif media_type in _TEXT_RANGES:
            best["text"] = max(best["text"], weight)
    favourite = max(best, key=lambda format_: best[format_])
    return favourite if best[favourite] > 0 else "text"


def _weight(q: str) -> float:
    try:
        return min(max(float(q), 0.0), 1.0)
    except ValueError:
        return 0.0
