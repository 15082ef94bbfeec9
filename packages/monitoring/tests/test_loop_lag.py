"""Promises of the event-loop monitor."""

import asyncio
import threading

import pytest

from maestro_monitoring import BlockedLoop, EventLoopMonitor

WHERE = "test_loop_lag.py:hog_the_loop"


def hog_the_loop(seen: threading.Event) -> None:
    assert seen.wait(30)


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # a metric has no event to await
            await asyncio.sleep(0.005)


async def test_the_code_that_blocks_is_named_with_its_stack(registry, caplog):
    """The metric has the function, the log line has the stack; both while the loop is still blocked."""
    seen, blocks = threading.Event(), []

    def note(blocked: BlockedLoop) -> None:
        blocks.append(blocked)
        seen.set()

    monitor = EventLoopMonitor(threshold_s=0.02, interval_s=0.001, on_blocked=note, registry=registry)
    monitor.start()
    try:
        hog_the_loop(seen)
        await until(lambda: registry.get_sample_value("event_loop_lag_seconds_bucket", {"le": "0.01"}))
    finally:
        monitor.stop()
    # A busy machine may make the loop late elsewhere too, so this is not the only block by right.
    assert any(blocked.where == WHERE and "hog_the_loop(seen)" in blocked.stack for blocked in blocks)
    assert registry.get_sample_value("event_loop_blocked_total", {"where": WHERE}) >= 1
    assert "hog_the_loop" in caplog.text
    slow = registry.get_sample_value("event_loop_lag_seconds_count") - registry.get_sample_value(
        "event_loop_lag_seconds_bucket", {"le": "0.01"}
    )
    assert slow >= 1


async def test_a_failing_callback_does_not_end_the_watch(registry, caplog):
    """The user's callback is a guest in the thread."""
    asked: list[threading.Event] = [threading.Event(), threading.Event()]
    waiting = iter(asked)

    def fail(blocked: BlockedLoop) -> None:
        next(waiting).set()
        raise ValueError("no")

    monitor = EventLoopMonitor(threshold_s=0.02, interval_s=0.001, on_blocked=fail, registry=registry)
    monitor.start()
    try:
        for seen in asked:
            lags = registry.get_sample_value("event_loop_lag_seconds_count")
            hog_the_loop(seen)
            await until(lambda before=lags: registry.get_sample_value("event_loop_lag_seconds_count") > before)
    finally:
        monitor.stop()
    assert "on_blocked failed" in caplog.text


async def test_started_twice_it_is_one_thread(registry):
    """A lifespan that runs twice does not watch twice."""
    monitor = EventLoopMonitor(registry=registry)
    monitor.start()
    thread = monitor._thread
    monitor.start()
    assert monitor._thread is thread
    monitor.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_closed_loop_ends_the_thread(registry):
    """A test's loop that is gone leaves no thread behind."""
    loop = asyncio.new_event_loop()
    loop.close()
    monitor = EventLoopMonitor(interval_s=0.001, registry=registry)
    monitor.start(loop)
    monitor._thread.join(10)
    assert not monitor._thread.is_alive()


def test_without_a_loop_it_says_so(registry):
    """`start()` outside a loop is a mistake that must not pass in silence."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        EventLoopMonitor(registry=registry).start()
