"""Rate, errors and duration of HTTP requests."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from contextlib import AbstractContextManager
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.utils import floatToGoString

from ._cardinality import label_cap
from ._exemplars import ExemplarFile
from ._native import declare_native
from ._registry import declare, registry_or_default
from ._workers import workers_directory

# RFC 9110 section 9 and RFC 5789. Anything else is a client's invention and must not become a series.
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
# RFC 9110 section 15.2.2: what a WebSocket that was accepted counts as.
SWITCHING_PROTOCOLS = 101
OTHER = "_OTHER"
UNMATCHED = "_unmatched"

# The boundaries of OpenTelemetry's semantic conventions for http.server.request.duration.
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_Children = tuple[Counter, Histogram, tuple[str, str]]
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_NO_TRACE = "0" * 32


class RequestMetrics:
    """Request counter, duration histogram and in-progress gauge, labelled so that no client can add series.

    The metrics are `<namespace>_requests_total{method,route,status}`,
    `<namespace>_request_duration_seconds{method,route}` and `<namespace>_requests_in_progress{method}`.
    Making it again for the same registry gives the same collectors.
    """

    def __init__(
        self,
        *,
        registry: CollectorRegistry | None = None,
        namespace: str = "http",
        buckets: tuple[float, ...] = DEFAULT_BUCKETS,
        max_routes: int = 1000,
    ) -> None:
        """Declare the collectors.

        `buckets` are upper bounds in seconds; `setup_monitoring(slos=…)` has one at
        every latency objective. `max_routes` bounds the route label should a caller pass raw paths.

        Raises:
            MetricConflictError: the service has metrics of its own under these names.
        """
        registry = registry_or_default(registry)
        name = f"{namespace}_requests_total"
        self._requests = declare(Counter, name, "HTTP requests answered.", ("method", "route", "status"), registry)
        self._duration = declare(
            Histogram,
            f"{namespace}_request_duration_seconds",
            "Seconds from the first byte of the request to the last of the response.",
            ("method", "route"),
            registry,
            buckets=tuple(buckets),
        )
        self._in_progress = declare(
            Gauge,
            f"{namespace}_requests_in_progress",
            "HTTP requests being answered now.",
            ("method",),
            registry,
            multiprocess_mode="livesum",
        )
        # Only the protobuf format shows it, and there it is one series where the buckets are many.
        self._native = declare_native(
            f"{namespace}_request_duration_native_seconds",
            "Seconds from the first byte of the request to the last of the response, as a native histogram.",
            ("method", "route"),
            registry,
        )
        directory = workers_directory()
        self._exemplars = None if directory is None else ExemplarFile(directory)
        self._buckets = tuple(buckets)
        self._bucket_name = f"{namespace}_request_duration_seconds_bucket"
        self._routes = label_cap(metric=name, label="route", limit=max_routes, registry=registry)
        # Children by label values: the client's own `.labels()` takes a lock and builds strings each time.
        self._children: dict[tuple[str, str | None, int], _Children] = {}
        self._trackers: dict[str, AbstractContextManager[None]] = {}
        self._lock = Lock()

    def observe(
        self, *, method: str, route: str | None, status: int, duration_s: float | None, trace_id: str | None = None
    ) -> None:
        """Count one answered request.

        `route` is the template (`/orders/{id}`), or None when nothing matched. `trace_id` (32 hex digits)
        becomes the exemplar of the bucket; give it only for sampled traces, so that the link leads somewhere.
        None as duration counts the request alone, and so does a status of 101: how long a WebSocket stays open says
        nothing of speed, and would spend the budget of every latency objective.
        """
        children = self._children.get((method, route, status))
        if children is None:
            children = self._child(method, route, status)
        requests, duration, labels = children
        requests.inc()
        if duration_s is None or status == SWITCHING_PROTOCOLS:
            return
        self._native.observe(duration_s, *labels)
        if trace_id is None or trace_id == _NO_TRACE or not _TRACE_ID.fullmatch(trace_id):
            duration.observe(duration_s)
        else:
            duration.observe(duration_s, {"trace_id": trace_id})
            if self._exemplars is not None:
                self._note_exemplar(method, route, duration_s, trace_id)

    def in_progress(self, *, method: str) -> AbstractContextManager[None]:
        """Give a context manager that counts a request as in progress while it is open."""
        tracker = self._trackers.get(method)
        if tracker is None:
            bounded = bounded_method(method)
            tracker = self._in_progress.labels(bounded).track_inprogress()
            if bounded is not OTHER:
                self._trackers[bounded] = tracker
        return tracker

    def _note_exemplar(self, method: str, route: str | None, duration_s: float, trace_id: str) -> None:
        assert self._exemplars is not None
        bounds = (*self._buckets, math.inf)
        labels = {
            "method": bounded_method(method),
            "route": UNMATCHED if route is None else self._routes.admit(route),
            "le": floatToGoString(bounds[bisect_left(bounds, duration_s)]),  # type: ignore[no-untyped-call]  # the client left it untyped
        }
        self._exemplars.note(self._bucket_name, labels, trace_id=trace_id, value=duration_s)

    def _child(self, method: str, route: str | None, status: int) -> _Children:
        bounded = bounded_method(method)
        template = UNMATCHED if route is None else self._routes.admit(route)
        code = str(status) if 100 <= status <= 599 else OTHER
        labels = (bounded, template)
        children = (self._requests.labels(*labels, code), self._duration.labels(*labels), labels)
        # Only bounded keys are remembered: a scanner's inventions would fill this dict instead of the series.
        if bounded is not OTHER and code is not OTHER and (route is None or template == route):
            with self._lock:
                self._children[method, route, status] = children
        return children


def bounded_method(method: str) -> str:
    """Give the method itself when a standard defines it, `_OTHER` when a client made it up."""
    return method if method in METHODS else OTHER
