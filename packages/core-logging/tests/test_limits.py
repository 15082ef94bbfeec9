"""Lines held back are counted, and the next one written says how many."""

import io
import logging
import os
import signal
import threading

import pytest

from maestro_core_logging import configure_logging, get_logger, limited, once, sampled
from maestro_core_logging.testing import capture_logs


def test_once_writes_each_message_once():
    """Messages are told apart by level and template, not by their arguments."""
    with capture_logs() as events:
        log = once(get_logger("svc"))
        for number in range(3):
            log.warning("field %s is deprecated", number)
            log.info("other", number=number)
    assert [(event["event"], event.get("number")) for event in events] == [
        ("field 0 is deprecated", None),
        ("other", 0),
    ]
    assert log.held_back() == 4


def test_a_rate_limit_says_how_many_it_held_back():
    """Two a period; the first line of the next period tells of the rest."""
    now = [0.0]
    with capture_logs() as events:
        log = limited(get_logger("svc"), lines=2, per_s=10, clock=lambda: now[0])
        for second in range(12):
            now[0] = float(second)
            log.error("down", second=second)
    assert [(event["second"], event.get("held_back")) for event in events] == [
        (0, None),
        (1, None),
        (10, 8),
        (11, None),
    ]


def test_a_sample_is_a_share():
    """The chance is asked for each line."""
    chances = iter([0.05, 0.5, 0.5, 0.05])
    with capture_logs() as events:
        log = sampled(get_logger("svc"), share=0.1, chance=lambda: next(chances))
        for number in range(4):
            log.info("x", number=number)
    assert [(event["number"], event.get("held_back")) for event in events] == [(0, None), (3, 2)]


def test_a_disabled_line_is_neither_written_nor_held_back():
    """The level comes first."""
    configure_logging(stream=io.StringIO())
    log = once(get_logger("svc"))
    log.debug("x")
    assert log.held_back() == 0


def test_bound_fields_and_the_caller_s_place_are_kept(caplog):
    """A limited logger wraps a bound one; records name the function that logged."""
    logging.getLogger().addHandler(caplog.handler)
    once(get_logger("svc").bind(order_id=1)).warning("x %s", 1, step="pay")
    (record,) = caplog.records
    assert (record.order_id, record.step, record.getMessage()) == (1, "pay", "x 1")
    assert record.funcName == "test_bound_fields_and_the_caller_s_place_are_kept"


def test_what_is_remembered_is_bounded(monkeypatch):
    """A million different messages do not fill the memory."""
    from maestro_core_logging import _limits

    monkeypatch.setattr(_limits, "_MOST_MESSAGES", 10)
    with capture_logs():
        log = once(get_logger("svc"))
        for number in range(100):
            log.info(f"message {number}")
    assert len(log._messages) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        lambda log: limited(log, lines=0, per_s=1),
        lambda log: limited(log, lines=1, per_s=0),
        lambda log: sampled(log, share=1.5),
    ],
)
def test_wrong_numbers_are_refused(wrong):
    """With a ValueError that names them."""
    with pytest.raises(ValueError):
        wrong(get_logger("svc"))


def test_a_signal_handler_may_log_where_it_interrupts_a_decision():
    """With the very logger that is deciding; both lines are written."""
    ticks = iter(range(10))

    def clock():
        tick = next(ticks)
        if tick == 0:
            signal.raise_signal(signal.SIGUSR2)
        return float(tick)

    before = signal.signal(signal.SIGUSR2, lambda _number, _frame: log.info("asked to end"))
    try:
        with capture_logs() as events:
            log = limited(get_logger("svc"), lines=1, per_s=60, clock=clock)
            log.info("working")
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert [event["event"] for event in events] == ["asked to end", "working"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_during_a_decision_logs_on():
    """The thread that was deciding is not there to end it."""
    log = once(get_logger("svc"))
    deciding, forked = threading.Event(), threading.Event()

    def decide():
        with log._deciding:
            deciding.set()
            forked.wait(30)

    thread = threading.Thread(target=decide)
    thread.start()
    deciding.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        log.error("in the child")
        os._exit(0 if log.held_back() == 0 else 1)
    status = os.waitpid(child, 0)[1]
    forked.set()
    thread.join()
    assert status == 0
