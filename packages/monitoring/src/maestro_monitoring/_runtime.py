"""Garbage collection, memory, threads and file descriptors of this process, in one worker or many."""

from __future__ import annotations

import gc
import os
import resource
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ._registry import declare, registry_or_default
from ._sampling import sample_with

_PAUSE_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
# Pauses between two scrapes; beyond that the oldest are forgotten rather than memory used.
_MOST_PAUSES_KEPT = 10_000


@dataclass(slots=True)
class _Published:
    """What a registry's counters contain already: two scrapes at once, or a second application, add nothing twice."""

    cpu_s: float = 0.0
    uncollectable: int = 0
    lock: Lock = field(default_factory=Lock)


_published: WeakKeyDictionary[CollectorRegistry, _Published] = WeakKeyDictionary()


class RuntimeMetrics:
    """Metrics of the interpreter, read before each scrape.

    The metrics are `python_gc_pause_seconds{generation}`, `python_gc_uncollectable_total`,
    `runtime_resident_memory_bytes`, `runtime_threads`, `runtime_open_fds` and `runtime_cpu_seconds_total`.
    Unlike the client's own process collector they work with several workers.
    """

    def __init__(self, *, registry: CollectorRegistry | None = None) -> None:
        registry = registry_or_default(registry)
        self._registry = registry
        self._pauses: list[tuple[int, float]] = []
        self._published = _published.setdefault(registry, _Published())
        self._started_at = 0.0
        self._stop: Callable[[], None] | None = None
        self._declare(registry)

    def _declare(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, documentation: str) -> Gauge:
            return declare(Gauge, name, documentation, (), registry, multiprocess_mode="livesum")

        self._gc_pause = declare(
            Histogram,
            "python_gc_pause_seconds",
            "Seconds that the garbage collector stopped the interpreter.",
            ("generation",),
            registry,
            buckets=_PAUSE_BUCKETS,
        )
        self._gc_uncollectable = declare(
            Counter, "python_gc_uncollectable_total", "Objects found that cannot be collected.", (), registry
        )
        self._cpu = declare(Counter, "runtime_cpu_seconds_total", "User and system CPU seconds used.", (), registry)
        self._memory = gauge("runtime_resident_memory_bytes", "Resident memory of all workers.")
        self._threads = gauge("runtime_threads", "Python threads of all workers.")
        self._fds = gauge("runtime_open_fds", "Open file descriptors of all workers.")

    def start(self) -> None:
        """Begin to watch; starting twice is starting once."""
        if self._stop is None:
            gc.callbacks.append(self._on_gc)
            self._stop = sample_with(self.sample, name="runtime", registry=self._registry)

    def stop(self) -> None:
        """Stop watching; what was counted stays."""
        if self._stop is not None:
            gc.callbacks.remove(self._on_gc)
            self._stop()
            self._stop = None

    def _on_gc(self, phase: str, details: dict[str, Any]) -> None:
        # No metric is touched here: a collection can begin while this very thread holds the client's
        # lock, and taking it again would never end. `sample` publishes what is noted.
        if phase == "start":
            self._started_at = perf_counter()
        elif len(self._pauses) < _MOST_PAUSES_KEPT:
            self._pauses.append((details["generation"], perf_counter() - self._started_at))

    def sample(self) -> None:
        """Publish what was noted since the last time, and read the gauges."""
        with self._published.lock:
            self._publish()

    def _publish(self) -> None:
        pauses, self._pauses = self._pauses, []
        for generation, seconds in pauses:
            self._gc_pause.labels(generation).observe(seconds)
        uncollectable = sum(generation["uncollectable"] for generation in gc.get_stats())
        self._gc_uncollectable.inc(max(0, uncollectable - self._published.uncollectable))
        self._published.uncollectable = uncollectable
        cpu = sum(os.times()[:2])
        self._cpu.inc(max(0.0, cpu - self._published.cpu_s))
        self._published.cpu_s = cpu
        self._memory.set(_resident_bytes())
        self._threads.set(threading.active_count())
        descriptors = _open_fds()
        if descriptors is not None:
            self._fds.set(descriptors)


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _open_fds() -> int | None:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if Path(folder).is_dir():
            return len(os.listdir(folder)) - 1  # noqa: PTH208  # Path objects for thousands of sockets would be waste
    return None
