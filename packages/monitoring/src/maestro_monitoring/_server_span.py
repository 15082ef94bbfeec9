"""The span of a request being served: a `Span` to everybody who looks, at a fraction of the SDK's cost.

The SDK's span takes a lock and copies a bounded mapping for each attribute; a server span belongs to one request
and sets all its attributes at its end. It is therefore built once, when it ends, as the `ReadableSpan` that
exporters read. Attribute names are those of OpenTelemetry's semantic conventions for HTTP, 1.23 and later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time_ns
from traceback import format_exception

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

from ._requests import OTHER, bounded_method

_MOST_EVENTS = 128
_MOST_ATTRIBUTES = 128
_SCOPE = InstrumentationScope("maestro_monitoring")
_UNSET = Status(StatusCode.UNSET)


class ServerSpan(Span):
    """The span of one request, current while the application runs."""

    def __init__(
        self,
        context: SpanContext,
        *,
        parent: SpanContext | None,
        resource: Resource,
        attributes: dict[str, AttributeValue],
        on_end: Callable[[ServerSpan], None],
    ) -> None:
        self._context = context
        self._parent = parent
        self._resource = resource
        self._on_end = on_end
        self._name = ""
        self._status = _UNSET
        self._events: list[Event] = []
        self._links: list[Link] = []
        self._ended_ns: int | None = None
        self.status_code = 0
        self.attributes = attributes
        self.started_ns = time_ns()

    @property
    def failed(self) -> bool:
        """Whether the request ended in a server error or somebody set the status to error."""
        return self._status.status_code is StatusCode.ERROR

    @property
    def duration_s(self) -> float:
        """Seconds from start to end, or until now."""
        return ((self._ended_ns or time_ns()) - self.started_ns) / 1e9

    def get_span_context(self) -> SpanContext:
        """Give the ids under which children and logs refer to it."""
        return self._context

    def is_recording(self) -> bool:
        """Whether what is set still counts."""
        return self._ended_ns is None

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set an attribute; beyond 128 of them new ones are ignored."""
        if self._ended_ns is None and (len(self.attributes) < _MOST_ATTRIBUTES or key in self.attributes):
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set several attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Note that something happened; beyond 128 events new ones are ignored."""
        if self._ended_ns is None and len(self._events) < _MOST_EVENTS:
            self._events.append(Event(name, attributes, timestamp or time_ns()))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Refer to another trace."""
        if self._ended_ns is None and len(self._links) < _MOST_EVENTS:
            self._links.append(Link(context, attributes))

    def update_name(self, name: str) -> None:
        """Rename it; a name given here wins over method and route."""
        self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status; OK is final, as the specification wants."""
        if self._ended_ns is None and self._status.status_code is not StatusCode.OK:
            self._status = status if isinstance(status, Status) else Status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002, RUF100  # the API's signature
    ) -> None:
        """Add an exception as an event, without the locals of its frames."""
        described = {
            "exception.type": type(exception).__qualname__,
            "exception.message": str(exception),
            "exception.stacktrace": "".join(format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**described, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """End it once; every further end is ignored."""
        if self._ended_ns is None:
            self._ended_ns = end_time or time_ns()
            self._on_end(self)

    def finish(self, *, method: str, route: str | None, status: int, error: BaseException | None = None) -> None:
        """End it with what is known of the response: template, status code, and the exception that got through."""
        attributes = self.attributes
        method = bounded_method(method)
        self.status_code = status
        attributes["http.request.method"] = method
        attributes["http.response.status_code"] = status
        if route is not None:
            attributes["http.route"] = route
        if error is not None:
            self.record_exception(error, escaped=True)
            attributes["error.type"] = type(error).__qualname__
        elif status >= 500:
            attributes["error.type"] = str(status)
        if (error is not None or status >= 500) and self._status is _UNSET:
            self._status = Status(StatusCode.ERROR)
        if not self._name:
            shown = "HTTP" if method is OTHER else method
            self._name = shown if route is None else f"{shown} {route}"
        self.end()

    def readable(self) -> ReadableSpan:
        """Give it in the form that exporters read."""
        return ReadableSpan(
            self._name or "HTTP",
            self._context,
            parent=self._parent,
            resource=self._resource,
            attributes=self.attributes,
            events=self._events,
            links=self._links,
            kind=SpanKind.SERVER,
            status=self._status,
            start_time=self.started_ns,
            end_time=self._ended_ns,
            instrumentation_scope=_SCOPE,
        )
