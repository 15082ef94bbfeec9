"""`capture_logs` gives tests the events of a block."""

import logging

from maestro_core_logging import get_logger, log_context
from maestro_core_logging.testing import capture_logs


def test_it_gives_events_as_values_and_leaves_no_trace():
    """Fields and context are in the event; handlers and levels are as before."""
    before = list(logging.getLogger().handlers), logging.getLogger().level
    with capture_logs() as events, log_context(request_id="r1"):
        get_logger("svc").debug("paid", order_id=1)
    assert events == [
        {"level": "debug", "logger": "svc", "event": "paid", "request_id": "r1", "order_id": 1},
    ]
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before
