"""The debug ring writes what led to a failure, and nothing of what went well."""

import asyncio
import io
import json
import logging
import subprocess
import sys

import pytest

from maestro_core_logging import _ring, configure_logging, debug_ring, get_logger, log_context


@pytest.fixture
def stream():
    """The sink's stream, at level INFO."""
    stream = io.StringIO()
    configure_logging(stream=stream, service_name="orders")
    return stream


def events_of(stream):
    return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]


def test_debug_lines_are_written_when_the_block_raises(stream):
    """After the lines that were written at once, with their own times, context, fields and a mark."""
    log = get_logger("svc")

    def request():
        with debug_ring(), log_context(request_id="r1"):
            log.debug("cart %s", "full", items=3)
            log.info("paying")
            raise ValueError

    with pytest.raises(ValueError):
        request()
    info, debug = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (info["event"], debug["event"], debug["level"]) == ("paying", "cart full", "debug")
    assert (debug["items"], debug["request_id"], debug["service"], debug["ring"]) == (3, "r1", "orders", True)
    assert debug["timestamp"] < info["timestamp"]


def test_nothing_is_written_when_it_ends_well(stream):
    """And afterwards debug lines are off as before."""
    log = get_logger("svc")
    with debug_ring():
        assert log.isEnabledFor(logging.DEBUG)
        log.debug("x")
    assert not log.isEnabledFor(logging.DEBUG)
    log.debug("y")
    assert stream.getvalue() == ""


def test_slow_blocks_and_those_that_ask_are_written(stream):
    """Slower than wanted, or `keep()`."""
    times = iter([0.0, 2.0])
    with debug_ring(slower_than_s=1, clock=lambda: next(times)):
        get_logger("svc").debug("slow")
    with debug_ring() as ring:
        get_logger("svc").debug("asked for")
        ring.keep()
    assert events_of(stream) == ["slow", "asked for"]


def test_it_is_bounded_and_keeps_the_latest(stream):
    """The oldest are forgotten and counted."""
    with debug_ring(lines=2) as ring:
        for number in range(5):
            get_logger("svc").debug(f"x{number}")
        ring.keep()
    assert events_of(stream) == ["x3", "x4"]
    assert ring.dropped == 3


def test_other_handlers_see_no_kept_line(stream, caplog):
    """A ring is between the service and its own sink."""
    logging.getLogger().addHandler(caplog.handler)
    with debug_ring() as ring:
        get_logger("svc").debug("kept")
        get_logger("svc").info("written")
        ring.keep()
    assert caplog.messages == ["written"]
    assert events_of(stream) == ["written", "kept"]


async def test_each_task_has_its_own(stream):
    """Two requests at once: only the one that fails is written."""

    async def request(name):
        with debug_ring():
            get_logger("svc").debug(name)
            await asyncio.sleep(0)
            if name == "bad":
                raise ValueError

    await asyncio.gather(request("good"), request("bad"), return_exceptions=True)
    assert events_of(stream) == ["bad"]


def test_secrets_in_kept_lines_are_masked(stream):
    """Redaction is on the way to the sink."""
    with debug_ring() as ring:
        get_logger("svc").debug("x", password="hunter2")
        ring.keep()
    assert "hunter2" not in stream.getvalue()


def test_the_caller_is_still_found_with_rings_in_place(caplog):
    """Frames of ours count as frames of `logging`."""
    with debug_ring():
        pass
    logging.getLogger().addHandler(caplog.handler)
    get_logger("svc").warning("x", order_id=1)
    assert caplog.records[0].funcName == "test_the_caller_is_still_found_with_rings_in_place"


def test_fields_of_any_name_are_taken_with_rings_in_place(stream):
    """Written or kept, `args` and `level` are names like others."""
    with debug_ring() as ring:
        get_logger("svc").debug("kept", args=1, level=3)
        get_logger("svc").info("written", args=1, level=3)
        get_logger("svc")._log(level=logging.INFO, msg="by name", args=())
        ring.keep()
    written, by_name, kept = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (kept["args"], kept["level_"]) == (written["args"], written["level_"]) == (1, 3)
    assert by_name["event"] == "by name"


def test_what_is_disabled_for_all_loggers_is_not_kept(stream):
    """`logging.disable` is how tests and tools silence a program."""
    logging.disable(logging.INFO)
    try:
        with debug_ring() as ring:
            get_logger("svc").info("x")
            ring.keep()
    finally:
        logging.disable(logging.NOTSET)
    assert stream.getvalue() == ""


def test_its_level_may_be_a_name(stream):
    """As everywhere else; an unknown one is refused where the ring is opened and not in a log call."""
    get_logger().setLevel("WARNING")
    with debug_ring(level="INFO") as ring:
        get_logger("svc").debug("too low")
        get_logger("svc").info("kept")
        ring.keep()
    assert events_of(stream) == ["kept"]
    with pytest.raises(ValueError, match="LOUD"), debug_ring(level="LOUD"):
        pass


def test_a_kept_line_is_the_line_that_would_have_been_written(stream):
    """Also where a field replaces what is constant; but for its mark."""
    log = get_logger("svc")
    with debug_ring() as ring:
        log.debug("x", service="other", item=1)
        ring.keep()
    log.setLevel("DEBUG")
    log.debug("x", service="other", item=1)
    kept, written = (json.loads(line) for line in stream.getvalue().splitlines())
    assert kept.pop("ring") is True
    assert list(kept.items())[1:] == list(written.items())[1:]


def test_a_ring_of_nothing_is_refused():
    """It would keep no line."""
    with pytest.raises(ValueError), debug_ring(lines=0):
        pass


def test_without_rings_loggers_are_as_they_were():
    """Importing the library puts nothing before `isEnabledFor`."""
    code = "import maestro_core_logging as m, logging; assert m.Logger.isEnabledFor is logging.Logger.isEnabledFor"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert _ring._RING.get() is None


class Unprintable:
    """A message that cannot be turned into text, nor shown."""

    def __repr__(self):
        raise ValueError("no")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("%d items", "three"), "'%d items' % ('three',) (TypeError: "),
        (("only %s", 1, 2), "'only %s' % (1, 2) (TypeError: "),
        ((Unprintable(),), "<Unprintable whose repr raised ValueError> % () (ValueError: no)"),
        (("%s", Unprintable()), "(ValueError: no)"),
    ],
)
def test_a_mistake_in_a_kept_call_does_not_break_the_request(stream, call, told):
    """Its line tells of the mistake, as that of an enabled level does."""
    with debug_ring() as ring:
        get_logger("svc").debug(*call, item=1)
        get_logger("svc").debug("x", extra=7)
        ring.keep()
    kept, without_extra = (json.loads(line) for line in stream.getvalue().splitlines())
    assert told in kept["event"]
    assert (kept["item"], without_extra["event"]) == (1, "x")
    get_logger("svc").info(*call)
    assert told in events_of(stream)[-1]


def test_a_kept_line_says_what_was_there_when_it_was_logged(stream):
    """Not what the code has put into its lists since; a list within itself is no reason to fail."""
    items = [1]
    cart = {"items": items, "tags": {"new"}, "raw": bytearray(b"a")}
    items.append(items)
    with debug_ring() as ring:
        get_logger("svc").debug("cart", cart=cart, extra={"count": cart})
        items.append(2)
        cart["late"] = True
        ring.keep()
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert line["cart"]["items"][0] == 1
    assert (len(line["cart"]["items"]), len(line["count"]), len(line["cart"])) == (2, 3, 3)
