"""What a type checker must accept, and say, about the public names."""

import logging
from typing import assert_type

from maestro_core_logging import (
    BoundLogger,
    DebugRing,
    LimitedLogger,
    Logger,
    configure_logging,
    debug_ring,
    emit_event,
    get_logger,
    log_context,
    once,
    set_level,
)
from maestro_core_logging.testing import capture_logs

log = get_logger(__name__)
assert_type(log, Logger)
as_standard: logging.Logger = log
log.info("paid %s", 1, order_id=1, extra={"k": 1}, exc_info=ValueError(), stacklevel=2)
log.log(logging.INFO, "x", anything=object())
assert_type(log.bind(a=1), BoundLogger)
assert_type(log.bind(a=1).bind(b=2).unbind("a"), BoundLogger)
assert_type(once(log), LimitedLogger)
once(log.bind(a=1)).warning("x", k=1)
adapter = logging.LoggerAdapter(log, {"k": 1})

with log_context(request_id="r"), debug_ring() as ring, capture_logs() as events:
    assert_type(ring, DebugRing)
    assert_type(events, list[dict[str, object]])


@log_context(job="nightly")
def run(depth: int) -> str:
    return str(depth)


assert_type(run(1), str)
emit_event("x", level=logging.INFO, logger="maestro.access", status=200)
set_level(None, "DEBUG", for_s=600)

configure_logging(format="xml")  # type: ignore[arg-type]  # no such format
configure_logging("orders")  # type: ignore[call-arg]  # keywords only
set_level("svc", "DEBUG", 600)  # type: ignore[call-arg]  # keywords only
