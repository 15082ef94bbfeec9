"""How late the event loop is, and whose code keeps it."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import sysconfig
import traceback
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from threading import Event, Thread, get_ident
from time import monotonic
from types import FrameType

from prometheus_client import CollectorRegistry, Counter, Histogram

from ._cardinality import label_cap
from ._registry import declare, registry_or_default

_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MOST_BLOCKERS = 50

_NOT_THE_SERVICES = (*{sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")}, "<frozen")

_log = logging.getLogger("maestro_monitoring")


@dataclass(frozen=True, slots=True)
class BlockedLoop:
    """A moment at which the loop had not answered for longer than the threshold, and the trace it happened in."""

    where: str
    stack: str
    waited_s: float
    trace_id: str | None = None


class EventLoopMonitor:
    """A thread that calls the event loop at intervals and looks at its stack when the answer is late.

    The metrics are `event_loop_lag_seconds` and `event_loop_blocked_total{where}`, where `where` is the
    service's own innermost frame (`reports.py:build`). One log line per place names it with its stack. The line
    and `on_blocked` run in the context of the request that blocks, and its span gets an event `event_loop.blocked`.
    """

    def __init__(
        self,
        *,
        threshold_s: float = 0.1,
        interval_s: float = 0.1,
        on_blocked: Callable[[BlockedLoop], None] | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        registry = registry_or_default(registry)
        self._threshold_s = threshold_s
        self._interval_s = interval_s
        self._on_blocked = on_blocked
        self._told: set[str] = set()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._lag = declare(
            Histogram,
            "event_loop_lag_seconds",
            "Seconds between asking the event loop to run something and its running.",
            (),
            registry,
            buckets=_LAG_BUCKETS,
        )
        self._blocked = declare(
            Counter,
            "event_loop_blocked_total",
            "Times that the event loop was late by more than the threshold, by the code that kept it.",
            ("where",),
            registry,
        )
        self._places = label_cap(
            metric="event_loop_blocked_total", label="where", limit=_MOST_BLOCKERS, registry=registry
        )

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin to watch the running loop (or the given one, from its own thread)."""
        if self._thread is not None and self._thread.is_alive():
            return
        loop = loop or asyncio.get_running_loop()
        self._stopping = Event()
        self._thread = Thread(
            target=self._watch, args=(loop, get_ident(), self._stopping), name="event-loop-monitor", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop watching. May be called from the loop itself; it does not wait for the thread."""
        self._stopping.set()
        self._thread = None

    def _watch(self, loop: asyncio.AbstractEventLoop, loop_thread: int, stopping: Event) -> None:
        while not stopping.wait(self._interval_s):
            answered = Event()
            asked_at = monotonic()
            try:
                loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # the loop is closed
                return
            if not answered.wait(self._threshold_s):
                self._look(loop, loop_thread, monotonic() - asked_at)
                while not answered.wait(0.05):
                    if stopping.is_set() or loop.is_closed():
                        return
            self._lag.observe(monotonic() - asked_at)

    def _look(self, loop: asyncio.AbstractEventLoop, loop_thread: int, waited_s: float) -> None:
        # The context first: by the time the stack is written the task may have gone on.
        context = _context_of(asyncio.current_task(loop))
        frame = sys._current_frames().get(loop_thread)
        if frame is None:
            return
        where, stack = _place(frame), "".join(traceback.format_stack(frame))
        context.run(self._tell, where, stack, waited_s)

    def _tell(self, where: str, stack: str, waited_s: float) -> None:
        blocked = BlockedLoop(where, stack, waited_s, _noted_on_span(where, stack, waited_s))
        place = self._places.admit(where)
        self._blocked.labels(place).inc()
        if place not in self._told:
            self._told.add(place)
            _log.warning(
                "event loop blocked for more than %.0f ms in %s%s\n%s",
                self._threshold_s * 1000,
                where,
                f" (trace {blocked.trace_id})" if blocked.trace_id else "",
                stack,
            )
        if self._on_blocked is not None:
            try:
                self._on_blocked(blocked)
            except Exception:  # noqa: BLE001  # a user's callback must not end the watch
                _log.warning("on_blocked failed", exc_info=True)


def _context_of(task: asyncio.Task[object] | None) -> Context:
    """Give a copy of a task's context that this thread may enter; an empty one when the loop runs no task."""
    if task is None:
        return Context()
    if sys.version_info >= (3, 12):
        return task.get_context().copy()
    # Before Python 3.12 only the garbage collector shows what a task holds.
    return next((held.copy() for held in gc.get_referents(task) if isinstance(held, Context)), Context())


def _noted_on_span(where: str, stack: str, waited_s: float) -> str | None:
    """Add an event to the current span, if any, and give its trace's id. Without OpenTelemetry there is none."""
    if (trace := sys.modules.get("opentelemetry.trace")) is None:
        return None
    span = trace.get_current_span()
    context = span.get_span_context()
    if not context.is_valid:
        return None
    described = {"code.function.name": where, "code.stacktrace": stack, "event_loop.waited_s": waited_s}
    span.add_event("event_loop.blocked", described)
    return f"{context.trace_id:032x}"


def _place(frame: FrameType) -> str:
    """Name the innermost frame that is the service's own code: `socket.py:recv_into` would say little."""
    candidate: FrameType | None = frame
    while candidate is not None and candidate.f_code.co_filename.startswith(_NOT_THE_SERVICES):
        candidate = candidate.f_back
    code = (candidate or frame).f_code
    return f"{code.co_filename.rpartition('/')[2]}:{code.co_qualname}"
