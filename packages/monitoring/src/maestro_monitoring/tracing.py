"""Traces of requests, sent by OTLP (extra `otel`).

`setup_tracing` makes an OpenTelemetry provider, so that contrib instrumentations of clients, databases and
brokers take part; the server span is our own. Nothing here blocks a request or raises into it, whatever
the collector does: spans wait in a bounded queue that a thread empties, and are dropped when it is full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from random import getrandbits
from threading import Thread
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanContext, TraceFlags, TraceState, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from ._instrumentation import Instrumentor, switch_on
from ._requests import OTHER, SWITCHING_PROTOCOLS, bounded_method
from ._sampling_tail import HeadSampler, TailBuffer
from ._server_span import ServerSpan
from .errors import MissingExtraError, TracingError

__all__ = ["ServerSpan", "Tracing", "setup_tracing"]

Scope = MutableMapping[str, Any]
Headers = Iterable[tuple[bytes, bytes]]

# W3C trace-context, level 1: version 00 has exactly four fields, a later one may have more, ff is invalid.
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)
_NO_STATE = TraceState()
_BAGGAGE = W3CBaggagePropagator()


class Tracing:
    """A provider, its sampling, and the making of server spans."""

    def __init__(
        self,
        provider: TracerProvider,
        *,
        sampler: HeadSampler,
        tail: TailBuffer,
        resource: Resource,
        slow_s: float | None,
        exporter: SpanExporter,
    ) -> None:
        self.provider = provider
        self._sampler = sampler
        self._tail = tail
        self._resource = resource
        self._slow_s = slow_s
        self._exporter = exporter
        self._instrumented: dict[str, Instrumentor] = {}

    def instrument(self) -> tuple[str, ...]:
        """Make spans of the clients, databases and brokers whose extra is installed, until `shutdown()`.

        It is for the whole process. Gives the names of what was switched on: `httpx`, `sqlalchemy`, `redis` and so on.
        Import the libraries' names after it, or use them through their module.
        """
        self._instrumented |= switch_on(self.provider)
        return tuple(self._instrumented)

    def start(self, scope: Scope) -> tuple[ServerSpan, Context]:
        """Begin the span of an ASGI request; attach the context while the application runs, then `finish` the span."""
        parent, state, baggage = _propagated(scope.get("headers") or ())
        if parent is None:
            trace_id = getrandbits(128) or 1
            sampled = self._sampler.chooses(trace_id, path=scope.get("path"))
        else:
            trace_id = parent.trace_id
            sampled = parent.trace_flags.sampled
        context = SpanContext(
            trace_id,
            getrandbits(64) or 1,
            is_remote=False,
            trace_flags=_SAMPLED if sampled else _NOT_SAMPLED,
            trace_state=state,
        )
        span = ServerSpan(
            context, parent=parent, resource=self._resource, attributes=_attributes(scope), on_end=self._ended
        )
        if not sampled and self._slow_s is not None:
            self._tail.open(trace_id)
        within = otel_context.get_current()
        if baggage:
            within = _BAGGAGE.extract({"baggage": baggage}, within)
        return span, set_span_in_context(span, within)

    def shutdown(self, *, timeout_s: float = 5.0) -> None:
        """Send what is waiting, for at most so many seconds; a collector that is down cannot hold up the exit."""
        while self._instrumented:
            self._instrumented.popitem()[1].uninstrument()
        closing = Thread(target=self.provider.shutdown, name="tracing-shutdown", daemon=True)
        closing.start()
        closing.join(timeout_s)
        if closing.is_alive():
            self._exporter.shutdown()  # ends its retries, and with them the thread

    def _ended(self, span: ServerSpan) -> None:
        context = span.get_span_context()
        if context.trace_flags.sampled:
            self._tail.on_end(span.readable())
        elif self._slow_s is None:
            return
        elif span.failed or (span.duration_s >= self._slow_s and span.status_code != SWITCHING_PROTOCOLS):
            self._tail.keep(context.trace_id, span.readable())
        else:
            self._tail.forget(context.trace_id)


def setup_tracing(
    service: str,
    *,
    version: str = "",
    endpoint: str | None = None,
    protocol: str = "http/protobuf",
    sample_ratio: float = 1.0,
    sample_routes: Mapping[str, float] | None = None,
    slow_s: float | None = 1.0,
    exporter: SpanExporter | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
    make_global: bool = True,
) -> Tracing:
    """Make a tracer provider that exports by OTLP, and set it and W3C propagation for the process.

    `sample_ratio` is the share of new traces that are kept, `sample_routes` another share for some route templates (the first that
    fits the path); callers' decisions are respected. Requests that fail, or
    take `slow_s` seconds or more, are kept whatever was decided; None turns that off. An open WebSocket is not slow. `endpoint` defaults to what
    OTEL_EXPORTER_OTLP_ENDPOINT says. `protocol` is `http/protobuf` or `grpc` (extra `otel-grpc`).

    Raises:
        TracingError: a ratio or the protocol makes no sense.
        MissingExtraError: the exporter's package is not installed.
    """
    for ratio in (sample_ratio, *(sample_routes or {}).values()):
        if not 0 <= ratio <= 1:
            raise TracingError(f"sample_ratio must lie between 0 and 1, not {ratio}")
    described = {"service.name": service, **({"service.version": version} if version else {}), **(attributes or {})}
    resource = Resource.create(described)
    exporter = exporter or _otlp_exporter(protocol, endpoint)
    tail = TailBuffer(BatchSpanProcessor(exporter))
    sampler = HeadSampler(sample_ratio, keeps_tail=slow_s is not None, routes=sample_routes)
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=True)
    provider.add_span_processor(tail)
    if make_global:
        trace.set_tracer_provider(provider)
        propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()]))
    return Tracing(provider, sampler=sampler, tail=tail, resource=resource, slow_s=slow_s, exporter=exporter)


def attach(context: Context) -> object:
    """Make a context current and give the token for `detach`."""
    return otel_context.attach(context)


def detach(token: Any) -> None:  # Any: the token's type is a detail of contextvars
    """Make the earlier context current again; from another task, as streaming servers do, it is left alone."""
    with suppress(ValueError):
        otel_context._RUNTIME_CONTEXT.detach(token)


def _otlp_exporter(protocol: str, endpoint: str | None) -> SpanExporter:
    try:
        if protocol == "http/protobuf":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHTTP

            address = None if endpoint is None else endpoint.rstrip("/").removesuffix("/v1/traces") + "/v1/traces"
            return OverHTTP(endpoint=address)
        if protocol == "grpc":
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGRPC

            return OverGRPC(endpoint=endpoint)
    except ImportError as absent:
        raise MissingExtraError(f"traces by {protocol}", "otel" if "http" in protocol else "otel-grpc") from absent
    raise TracingError(f"protocol must be http/protobuf or grpc, not {protocol!r}")


def _propagated(headers: Headers) -> tuple[SpanContext | None, TraceState, str]:
    parents: list[bytes] = []
    states: list[str] = []
    baggage: list[str] = []
    for name, value in headers:
        if name == b"traceparent":
            parents.append(value)
        elif name == b"tracestate":
            states.append(value.decode("latin-1"))
        elif name == b"baggage":
            baggage.append(value.decode("latin-1"))
    # Two traceparents contradict each other: the specification restarts the trace.
    parent = _parent(parents[0], states) if len(parents) == 1 else None
    return parent, parent.trace_state if parent is not None else _NO_STATE, ",".join(baggage)


def _parent(traceparent: bytes, states: Sequence[str]) -> SpanContext | None:
    match = _TRACEPARENT.fullmatch(traceparent.strip(b" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == b"ff" or (version == b"00" and more) or not trace_id.strip(b"0") or not span_id.strip(b"0"):
        return None
    return SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=_SAMPLED if int(flags, 16) & TraceFlags.SAMPLED else _NOT_SAMPLED,
        trace_state=TraceState.from_header(list(states)) if states else _NO_STATE,
    )


def _attributes(scope: Scope) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "url.scheme": scope.get("scheme", "http"),
        "url.path": scope.get("path", ""),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    method = scope.get("method", "GET")
    if bounded_method(method) is OTHER:
        attributes["http.request.method_original"] = method
    if scope.get("client"):
        attributes["client.address"] = scope["client"][0]
    if scope.get("server"):
        attributes["server.address"], attributes["server.port"] = scope["server"]
    for name, value in scope.get("headers") or ():
        if name == b"user-agent":
            attributes["user_agent.original"] = value.decode("latin-1")
            break
    return attributes
