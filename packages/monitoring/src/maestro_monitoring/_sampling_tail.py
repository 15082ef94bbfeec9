"""Keeping what head sampling would have thrown away: the traces of requests that failed or were slow.

A trace that the head sampler did not choose is recorded all the same, in memory, until its server span ends.
Then it is exported with its sampled flag set, or forgotten. Services further down were told `sampled=0`
and keep their part by the same rule: their own errors, their own slow requests.
"""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState, get_current_span
from opentelemetry.util.types import Attributes

_MOST_TRACES = 2_000
_MOST_SPANS_A_TRACE = 200
_LOW_64_BITS = (1 << 64) - 1
_PARAMETER = re.compile(r"{[^{}:]+(?::([a-z]+))?}")


class TailBuffer(SpanProcessor):
    """Passes sampled spans on, and holds the others by trace until `keep` or `forget` is called."""

    def __init__(self, onward: SpanProcessor) -> None:
        self._onward = onward
        self._lock = Lock()
        self._held: OrderedDict[int, list[ReadableSpan]] = OrderedDict()

    def open(self, trace_id: int) -> None:
        """Begin to hold spans of a trace; the oldest trace is forgotten when there are too many."""
        with self._lock:
            self._held.setdefault(trace_id, [])
            if len(self._held) > _MOST_TRACES:
                self._held.popitem(last=False)

    def keep(self, trace_id: int, last: ReadableSpan) -> None:
        """Export the held spans and the server span itself as if they had been sampled from the start."""
        with self._lock:
            held = self._held.pop(trace_id, [])
        for span in (*held, last):
            self._onward.on_end(_as_sampled(span))

    def forget(self, trace_id: int) -> None:
        """Drop the held spans of a trace whose request was neither failed nor slow."""
        with self._lock:
            self._held.pop(trace_id, None)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing is decided at the start."""
        self._onward.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass a sampled span on, hold another when its trace is open."""
        context = span.get_span_context()
        if context is None:
            return
        if context.trace_flags.sampled:
            self._onward.on_end(span)
            return
        with self._lock:
            held = self._held.get(context.trace_id)
            if held is not None and len(held) < _MOST_SPANS_A_TRACE:
                held.append(span)

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._onward.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is waiting."""
        return self._onward.force_flush(timeout_millis)


class HeadSampler(Sampler):
    """A share of traces by their id, what callers decided, and for the rest: recorded but not sampled."""

    def __init__(self, ratio: float, *, keeps_tail: bool, routes: Mapping[str, float] | None = None) -> None:
        self._bound = _bound(ratio)
        self._routes = [(_pattern(template), _bound(share)) for template, share in (routes or {}).items()]
        self._otherwise = Decision.RECORD_ONLY if keeps_tail else Decision.DROP
        self._ratio = ratio

    def chooses(self, trace_id: int, *, path: str | None = None) -> bool:
        """Whether a new trace of this id is sampled; every service with the same ratio agrees."""
        bound = self._bound
        if path is not None and self._routes:
            bound = next((share for pattern, share in self._routes if pattern.fullmatch(path)), bound)
        return (trace_id & _LOW_64_BITS) < bound

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002  # the SDK calls samplers so
        kind: SpanKind | None = None,  # noqa: ARG002  # as above
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002  # as above
        trace_state: TraceState | None = None,  # noqa: ARG002  # as above
    ) -> SamplingResult:
        """Decide for a span that the SDK starts: as its parent, or by its trace id when it has none."""
        parent = get_current_span(parent_context)
        context = parent.get_span_context()
        if not context.is_valid:
            decision = Decision.RECORD_AND_SAMPLE if self.chooses(trace_id) else Decision.DROP
        elif context.trace_flags.sampled:
            decision = Decision.RECORD_AND_SAMPLE
        else:
            # Held only beneath an open server span; a remote parent's "no" is a no.
            decision = self._otherwise if parent.is_recording() else Decision.DROP
        # The SDK gives a span what the sampler returns: without them it would begin with no attributes at all.
        return SamplingResult(decision, attributes, trace_state=context.trace_state)

    def get_description(self) -> str:
        """Describe the sampler as the SDK's own do."""
        return f"MaestroHeadSampler{{{self._ratio}}}"


def _bound(ratio: float) -> int:
    return round(ratio * (1 << 64))


def _pattern(template: str) -> re.Pattern[str]:
    """Read a route template: `{name}` is one part of a path, `{name:path}` any number of them."""
    parts = _PARAMETER.split(template)
    kinds = [(".*" if kind == "path" else "[^/]+") for kind in parts[1::2]]
    literals = [re.escape(literal) for literal in parts[::2]]
    return re.compile("".join(literal + kind for literal, kind in zip(literals, [*kinds, ""], strict=True)), re.DOTALL)


def _as_sampled(span: ReadableSpan) -> ReadableSpan:
    context = span.get_span_context()
    assert context is not None
    kept = copy.copy(span)
    kept._context = SpanContext(
        context.trace_id,
        context.span_id,
        is_remote=False,
        trace_flags=TraceFlags(context.trace_flags | TraceFlags.SAMPLED),
        trace_state=context.trace_state,
    )
    return kept
