"""Promises of the event-loop monitor."""

import asyncio
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from maestro_monitoring import BlockedLoop, EventLoopMonitor
from maestro_monitoring.asgi import ObservedApp
from maestro_monitoring.tracing import setup_tracing

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


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def observed(exporter):
    """Two endpoints that block the loop until seen, one of them in a task of its own, and the events of their spans."""
    tracing = setup_tracing("orders", exporter=exporter, make_global=False)

    async def blocked_until(seen: threading.Event) -> None:
        hog_the_loop(seen)

    async def endpoint(scope, receive, send) -> None:
        if scope["path"] == "/task":
            await asyncio.create_task(blocked_until(scope["seen"]))
        else:
            await blocked_until(scope["seen"])
        await send({"type": "http.response.start", "status": 200})

    yield ObservedApp(endpoint, tracing=tracing)
    tracing.shutdown()


@pytest.mark.parametrize("path", ["/", "/task"])
async def test_the_request_that_blocks_is_known(registry, caplog, observed, exporter, path):
    """Its span has an event with the stack; the log line and the callback have its trace id."""
    seen, blocks = threading.Event(), []

    def note(blocked: BlockedLoop) -> None:
        if blocked.where == WHERE:
            blocks.append((blocked.trace_id, f"{trace.get_current_span().get_span_context().trace_id:032x}"))
            seen.set()

    async def send(_message) -> None:
        """Forget the answer."""

    monitor = EventLoopMonitor(threshold_s=0.02, interval_s=0.001, on_blocked=note, registry=registry)
    monitor.start()
    try:
        await observed({"type": "http", "path": path, "method": "GET", "headers": [], "seen": seen}, None, send)
    finally:
        monitor.stop()
    observed._tracing.provider.force_flush()
    (span,) = exporter.get_finished_spans()
    trace_id = f"{span.context.trace_id:032x}"
    assert blocks[0] == (trace_id, trace_id)
    (event,) = [e for e in span.events if e.attributes["code.function.name"] == WHERE]
    assert event.name == "event_loop.blocked"
    assert "hog_the_loop(" in event.attributes["code.stacktrace"]
    assert event.attributes["event_loop.waited_s"] >= 0.02
    assert f"in {WHERE} (trace {trace_id})" in caplog.text


async def test_a_callback_that_blocks_belongs_to_no_request(registry, exporter, observed):
    """What the loop runs outside every task is told without a trace."""
    seen, blocks = threading.Event(), []

    def note(blocked: BlockedLoop) -> None:
        if blocked.where == WHERE:
            blocks.append(blocked.trace_id)
            seen.set()

    monitor = EventLoopMonitor(threshold_s=0.02, interval_s=0.001, on_blocked=note, registry=registry)
    monitor.start()
    asyncio.get_running_loop().call_soon(hog_the_loop, seen)
    try:
        await until(lambda: blocks)
    finally:
        monitor.stop()
    assert blocks == [None]


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
