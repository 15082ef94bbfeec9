"""The same FastAPI application: bare, with ours, and with the peers; nothing is exported, everything is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry

from maestro_monitoring import RequestMetrics
from maestro_monitoring.asgi import ObservedApp
from maestro_monitoring.tracing import setup_tracing


class NullExporter(SpanExporter):
    """Takes spans and forgets them, so that no collector's speed is measured."""

    def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002  # the SDK calls exporters so
        """Take them."""
        return SpanExportResult.SUCCESS


@dataclass(frozen=True)
class Stack:
    """One way to observe the application, and how to end what it started."""

    name: str
    app: Any
    registry: CollectorRegistry | None = None
    close: Callable[[], object] = field(default=lambda: None)


def bare() -> Stack:
    """The application with nothing around it."""
    return Stack("bare FastAPI", _application())


def ours_metrics() -> Stack:
    """Our request metrics alone."""
    registry = CollectorRegistry()
    return Stack("maestro: metrics", ObservedApp(_application(), requests=RequestMetrics(registry=registry)), registry)


def ours(sample_ratio: float = 1.0) -> Stack:
    """Our request metrics and server span, exemplars included."""
    registry = CollectorRegistry()
    tracing = setup_tracing("bench", exporter=NullExporter(), sample_ratio=sample_ratio, make_global=False)
    app = ObservedApp(_application(), requests=RequestMetrics(registry=registry), tracing=tracing)
    sampled = "" if sample_ratio == 1 else f", {sample_ratio:.0%} sampled, errors and slow kept"
    return Stack(f"maestro: metrics + span{sampled}", app, registry, tracing.shutdown)


def peer_metrics() -> Stack:
    """prometheus-fastapi-instrumentator alone."""
    from prometheus_fastapi_instrumentator import Instrumentator

    registry = CollectorRegistry()
    app = _application()
    Instrumentator(registry=registry).instrument(app)
    return Stack("prometheus-fastapi-instrumentator", app, registry)


def peer_spans(exclude: list[str] | None = None) -> Stack:
    """opentelemetry-instrumentation-fastapi alone, with its defaults or without its receive and send spans."""
    app = _application()
    provider = _instrument(app, exclude)
    shown = " without receive and send spans" if exclude else ""
    return Stack(f"opentelemetry-instrumentation-fastapi{shown}", app, None, provider.shutdown)


def peers(exclude: list[str] | None = None) -> Stack:
    """Both peers, as users combine them."""
    from prometheus_fastapi_instrumentator import Instrumentator

    registry = CollectorRegistry()
    app = _application()
    Instrumentator(registry=registry).instrument(app)
    provider = _instrument(app, exclude)
    shown = " without receive and send spans" if exclude else ""
    return Stack(f"both peers{shown}", app, registry, provider.shutdown)


def _application() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        return {"item_id": item_id}

    return app


def _instrument(app: FastAPI, exclude: list[str] | None) -> TracerProvider:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NullExporter()))
    options: dict[str, Any] = {"exclude_spans": exclude} if exclude else {}
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, **options)
    return provider
