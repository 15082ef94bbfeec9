"""The bytes that Prometheus reads, in the format it asks for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from ._registry import registry_or_default

TEXT = "text/plain; version=0.0.4; charset=utf-8"
_TEXT_RANGES = frozenset({"text/plain", "text/*", "*/*"})
_OPENMETRICS_VERSIONS = frozenset({"", "0.0.1", "1.0.0"})


def exposition(accept: str | None, registry: CollectorRegistry | None = None) -> tuple[bytes, str]:
    """Render all metrics as OpenMetrics when the Accept header prefers it, as Prometheus text otherwise.

    Returns the body and its content type. Only OpenMetrics carries exemplars. A header that cannot be
    read, or that accepts neither format, gets the text format, as Prometheus' own exporters do.
    """
    chosen = registry_or_default(registry)
    if _prefers_openmetrics(accept or ""):
        body: bytes = openmetrics.generate_latest(chosen)  # type: ignore[no-untyped-call]  # the client left it untyped
        return body, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(chosen), TEXT


def _prefers_openmetrics(accept: str) -> bool:
    best = {"openmetrics": 0.0, "text": 0.0}
    for media_range in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in media_range.split(";"))
        values = dict(parameter.partition("=")[::2] for parameter in parameters)
        weight = _weight(values.get("q", "1"))
        if media_type == "application/openmetrics-text" and values.get("version", "") in _OPENMETRICS_VERSIONS:
            best["openmetrics"] = max(best["openmetrics"], weight)
        elif media_type in _TEXT_RANGES:
            best["text"] = max(best["text"], weight)
    return best["openmetrics"] > 0 and best["openmetrics"] >= best["text"]


def _weight(q: str) -> float:
    try:
        return min(max(float(q), 0.0), 1.0)
    except ValueError:
        return 0.0
