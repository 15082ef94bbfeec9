"""One call that switches on what a service shows of itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Self

from prometheus_client import CollectorRegistry, Gauge

from ._exposition import exposition
from ._loop_lag import BlockedLoop, EventLoopMonitor
from ._registry import declare, registry_or_default
from ._requests import DEFAULT_BUCKETS, RequestMetrics
from ._runtime import RuntimeMetrics
from ._sampling import take_samples
from ._slo import SLO, buckets_for
from ._workers import workers_directory

_SAMPLE_EVERY_S = 5.0


class Monitoring:
    """What `setup_monitoring` switched on: request metrics to feed, and a lifecycle to start and stop."""

    def __init__(
        self,
        *,
        registry: CollectorRegistry,
        requests: RequestMetrics,
        runtime: RuntimeMetrics,
        event_loop: EventLoopMonitor,
    ) -> None:
        self.registry = registry
        self.requests = requests
        self._runtime = runtime
        self._event_loop = event_loop
        self._stopping = Event()

    def start(self) -> None:
        """Watch the runtime, and the event loop when called inside one; call it in each worker, after the fork."""
        self._runtime.start()
        with contextlib.suppress(RuntimeError):  # a service without a loop has none to watch
            self._event_loop.start(asyncio.get_running_loop())
        if workers_directory() is not None:
            self._stopping = Event()
            Thread(target=self._sample_regularly, args=(self._stopping,), name="metric-samples", daemon=True).start()

    def stop(self) -> None:
        """Stop watching; what was counted stays and can still be scraped."""
        self._stopping.set()
        self._event_loop.stop()
        self._runtime.stop()

    def exposition(self, accept: str | None) -> tuple[bytes, str]:
        """Render all metrics in the format that an Accept header asks for."""
        return exposition(accept, self.registry)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    def _sample_regularly(self, stopping: Event) -> None:
        # A scrape reaches one worker only; the others publish their readings by themselves.
        while not stopping.wait(_SAMPLE_EVERY_S):
            take_samples(self.registry)


def setup_monitoring(
    service: str,
    *,
    version: str = "",
    slos: Sequence[SLO] = (),
    registry: CollectorRegistry | None = None,
    namespace: str = "http",
    loop_threshold_s: float = 0.1,
    on_blocked: Callable[[BlockedLoop], None] | None = None,
) -> Monitoring:
    """Declare request, runtime and event-loop metrics, with a histogram bucket at every latency objective.

    Nothing runs until `start()` (or `async with`). Calling it again, as app factories do, is harmless.

    Raises:
        MetricConflictError: the service has metrics of its own under these names; pass another `namespace`.
    """
    registry = registry_or_default(registry)
    build = declare(
        Gauge,
        "service_build",
        "1, with the version that runs.",
        ("service", "version"),
        registry,
        multiprocess_mode="max",
    )
    build.labels(service, version).set(1)
    return Monitoring(
        registry=registry,
        requests=RequestMetrics(registry=registry, namespace=namespace, buckets=buckets_for(slos, DEFAULT_BUCKETS)),
        runtime=RuntimeMetrics(registry=registry),
        event_loop=EventLoopMonitor(threshold_s=loop_threshold_s, on_blocked=on_blocked, registry=registry),
    )
