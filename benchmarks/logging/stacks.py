"""
Each stack writes the same event to a file of its own: time, level, logger, event and four fields, one JSON object a line.

A stack is set up as its own documentation advises for speed. Every one flushes every line, as services need.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVENT = "request handled"
FIELDS = {"method": "GET", "path": "/v1/items/3", "status": 200, "user": "u-123"}
CONTEXT = {"request_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "tenant": "acme"}


@dataclass(frozen=True)
class Stack:
    """A way to log: one call that is written, one that is below the level, and where the lines go."""

    name: str
    call: Callable[[], Any]
    disabled: Callable[[], Any]
    path: Path


def ours(folder: Path) -> Stack:
    """The direct path, redaction on."""
    from maestro_core_logging import configure_logging, get_logger

    path = folder / "ours.log"
    configure_logging(filename=path, force=True)
    log = get_logger("bench.direct")
    return Stack(
        "maestro",
        lambda: log.info(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        lambda: log.debug(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        path,
    )


def ours_record(folder: Path) -> Stack:
    """The record path: another handler listens too."""
    from maestro_core_logging import get_logger

    log = get_logger("bench.record")
    log.addHandler(logging.NullHandler())
    return Stack(
        "maestro, record path",
        lambda: log.info(EVENT, extra=FIELDS),
        lambda: log.debug(EVENT, extra=FIELDS),
        folder / "ours.log",
    )


def structlog_best(folder: Path) -> Stack:
    """What structlog's page on performance advises: few processors, orjson, a bytes logger, the logger cached."""
    import orjson
    import structlog

    path = folder / "structlog.log"
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(path.open("ab")),
    )
    log = structlog.get_logger(logger_name="bench.structlog")
    return Stack(
        "structlog",
        lambda: log.info(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        lambda: log.debug(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        path,
    )


def structlog_bound(folder: Path) -> Stack:
    """The same, with a logger that was bound beforehand, which structlog's page advises for hot loops."""
    import structlog

    log = structlog.get_logger().bind(logger_name="bench.structlog")
    return Stack(
        "structlog, bound beforehand",
        lambda: log.info(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        lambda: log.debug(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        folder / "structlog.log",
    )


def stdlib_json(folder: Path) -> Stack:
    """The standard library with python-json-logger, as its quick start has it."""
    from pythonjsonlogger.json import JsonFormatter

    path = folder / "stdlib.log"
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    log = logging.getLogger("bench_stdlib")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    return Stack(
        "stdlib + python-json-logger",
        lambda: log.info(EVENT, extra=FIELDS),
        lambda: log.debug(EVENT, extra=FIELDS),
        path,
    )


def loguru_serialize(folder: Path) -> Stack:
    """loguru with `serialize=True`."""
    from loguru import logger

    path = folder / "loguru.log"
    logger.remove()
    logger.add(path, serialize=True, level="INFO", diagnose=False, backtrace=False)
    return Stack(
        "loguru, serialize",
        lambda: logger.info(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        lambda: logger.debug(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        path,
    )


def all_stacks(folder: Path) -> list[Stack]:
    """Set up every stack, ours first."""
    return [
        make(folder) for make in (ours, ours_record, structlog_best, structlog_bound, stdlib_json, loguru_serialize)
    ]
