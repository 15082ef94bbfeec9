"""Structured events as values, beside whatever else listens."""

from __future__ import annotations

import logging
import sys

import pytest

from maestro_core_logging import emit_event, get_logger, log_context
from maestro_testing import CapturedEvents, LibraryMissing, capturing_events


def test_log_lines_and_emitted_events_are_captured_in_order(captured_events: CapturedEvents) -> None:
    """Records of any logger, and events that never become records, with their context."""
    with log_context(request_id="r-1"):
        logging.getLogger("svc").info("read %s", "orders")
        get_logger("svc").debug("fields", order_id=7)
        emit_event("http.request", status=200)
    assert [event["event"] for event in captured_events] == ["read orders", "fields", "http.request"]
    assert {event["request_id"] for event in captured_events} == {"r-1"}
    assert captured_events[1]["order_id"] == 7
    assert captured_events.named("http.request")[0]["status"] == 200
    assert "http.request" in repr(captured_events[-1:])
    captured_events.clear()
    assert len(captured_events) == 0


def test_other_handlers_and_the_level_are_as_before() -> None:
    """`caplog` and handlers of the service go on; afterwards the root logger is what it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with capturing_events() as events:
        assert root.handlers[: len(handlers)] == handlers
        root.info("seen")
    assert (root.handlers, root.level) == (handlers, level)
    root.warning("not seen")
    assert [event["event"] for event in events] == ["seen"]


def test_caplog_sees_what_it_saw(captured_events: CapturedEvents, caplog: pytest.LogCaptureFixture) -> None:
    """Both can be used in one test; emitted events are in one only."""
    logging.getLogger("svc").warning("both")
    emit_event("one")
    assert caplog.messages == ["both"]
    assert [event["event"] for event in captured_events] == ["both", "one"]


def test_a_level_can_be_asked_for() -> None:
    """Only events of that level and above are captured."""
    with capturing_events("WARNING") as events:
        logging.getLogger("svc").info("low")
        logging.getLogger("svc").warning("high")
    assert [event["event"] for event in events] == ["high"]


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin is harmless where core-logging is missing; the fixture says what it needs."""
    monkeypatch.setitem(sys.modules, "maestro_core_logging", None)
    with pytest.raises(LibraryMissing, match=r'pip install "maestro-testing\[logging\]"'), capturing_events():
        pass


def test_separators_inside_a_text_end_no_event() -> None:
    """What Unicode calls the end of a line is a character like any other in a JSON string."""
    with capturing_events() as events:
        logging.getLogger("svc").warning("a\u2028b\x85c")
    assert [event["event"] for event in events] == ["a\u2028b\x85c"]
