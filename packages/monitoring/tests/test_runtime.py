"""Promises of the runtime metrics."""

import gc
import os
import threading

from maestro_monitoring import RuntimeMetrics, exposition


def test_collections_memory_threads_and_files_are_shown(registry):
    """A scrape reads them; nothing has to be called between."""
    runtime = RuntimeMetrics(registry=registry)
    runtime.start()
    try:
        gc.collect()
        exposition(None, registry)
    finally:
        runtime.stop()
    assert registry.get_sample_value("python_gc_pause_seconds_count", {"generation": "2"}) >= 1
    assert registry.get_sample_value("runtime_resident_memory_bytes") > 1_000_000
    assert registry.get_sample_value("runtime_threads") == threading.active_count()
    assert registry.get_sample_value("runtime_open_fds") >= 3
    assert registry.get_sample_value("runtime_cpu_seconds_total") > 0


def test_started_twice_it_counts_once(registry):
    """Two starts leave one callback, one stop leaves none."""
    before = list(gc.callbacks)
    runtime = RuntimeMetrics(registry=registry)
    runtime.start()
    runtime.start()
    assert len(gc.callbacks) == len(before) + 1
    runtime.stop()
    runtime.stop()
    assert gc.callbacks == before


def test_a_second_application_does_not_count_the_process_again(registry):
    """An app factory called twice shares the counters; the CPU seconds are still those of one process."""
    for _ in range(3):
        runtime = RuntimeMetrics(registry=registry)
        runtime.start()
        exposition(None, registry)
        runtime.stop()
    assert 0 < registry.get_sample_value("runtime_cpu_seconds_total") <= sum(os.times()[:2])


def test_a_collection_inside_the_clients_lock_does_not_deadlock(registry):
    """The collector can run while this thread holds a metric's lock; the callback must not take it."""
    runtime = RuntimeMetrics(registry=registry)
    runtime.start()
    try:
        child = runtime._gc_pause.labels(2)
        done = threading.Event()

        def collect_under_the_lock() -> None:
            with child._sum._lock, runtime._gc_pause._lock:
                gc.collect()
            done.set()

        threading.Thread(target=collect_under_the_lock, daemon=True).start()
        assert done.wait(10)
    finally:
        runtime.stop()


def test_pauses_between_scrapes_are_bounded(registry):
    """A service that nobody scrapes does not collect pauses for ever."""
    runtime = RuntimeMetrics(registry=registry)
    for _ in range(20_000):
        runtime._on_gc("start", {})
        runtime._on_gc("stop", {"generation": 0})
    runtime.sample()
    assert registry.get_sample_value("python_gc_pause_seconds_count", {"generation": "0"}) == 10_000
