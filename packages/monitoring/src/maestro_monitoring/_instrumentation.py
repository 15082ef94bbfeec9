"""Spans of clients, databases and brokers: OpenTelemetry's contrib instrumentations, switched on by name.

Only those of the extras `otel-clients`, `otel-databases` and `otel-brokers` are looked for. Others that are installed, such as
those of web frameworks, stay off: the server span is our own, and a second one would double every request.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Protocol

from opentelemetry.trace import TracerProvider

# What each is called among the entry points of OpenTelemetry, and the module that it instruments.
INSTRUMENTED = {
    "aio-pika": "aio_pika",
    "asyncpg": "asyncpg",
    "confluent_kafka": "confluent_kafka",
    "httpx": "httpx",
    "psycopg": "psycopg",
    "redis": "redis",
    "requests": "requests",
    "sqlalchemy": "sqlalchemy",
}


class Instrumentor(Protocol):
    """What every contrib instrumentation can do."""

    def instrument(self, **settings: Any) -> Any:  # Any: each has settings of its own
        """Switch it on for the process."""

    def uninstrument(self, **settings: Any) -> Any:  # Any: as above
        """Switch it off again."""


def switch_on(provider: TracerProvider) -> dict[str, Instrumentor]:
    """Instrument every library that is installed together with its extra, and give what was switched on by name.

    One that somebody switched on already is left as it is.
    """
    on: dict[str, Instrumentor] = {}
    for point in sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda point: point.name):
        module = INSTRUMENTED.get(point.name)
        if module is None or find_spec(module) is None:
            continue
        instrumentor = point.load()()
        if instrumentor.is_instrumented_by_opentelemetry:
            continue
        instrumentor.instrument(tracer_provider=provider)
        if instrumentor.is_instrumented_by_opentelemetry:  # a version that contrib does not know is refused
            on[point.name] = instrumentor
    return on
