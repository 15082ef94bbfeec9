"""
Each stack writes the same event to a file of its own: time, level, logger, event and four fields, one JSON object a line.

A stack is set up as its own documentation advises for speed. Every one flushes every line, as services need.

Peers redact nothing by themselves. Those called "redacting" get what a careful user writes: one set of field names and one regular
expression over texts. It finds less than ours does (no checksums, no nested values), which is in the peers' favour.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import time
from typing import Any

EVENT = "request handled"
FIELDS = {"method": "GET", "path": "/v1/items/3", "status": 200, "user": "u-123"}
# More values than ours remembers, so that each is new to it.
USERS = cycle([f"u-{number}" for number in range(30_011)])
SECRET_NAMES = frozenset(
    {"password", "passwd", "secret", "token", "api_key", "authorization", "cookie", "credential", "private_key"}
)
SECRET_TEXTS = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----|(?:AKIA|ASIA)[A-Z2-7]{16}|gh[pousr]_\w{30,}"
    r"|(?<=://)[^\s:/@]*:[^\s/@]+(?=@)|(?i:\b(?:password|secret|token|api_?key)\b\s?[=:]\s?)\S{3,}|\b(?:\d[ -]?){13,19}\b"
)
CONTEXT = {"request_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "tenant": "acme"}


def redact(fields: MutableMapping[str, Any]) -> None:
    """Mask secrets in place, as a careful user of a peer would."""
    for name, value in fields.items():
        if name in SECRET_NAMES:
            fields[name] = "[redacted]"
        elif isinstance(value, str) and SECRET_TEXTS.search(value):
            fields[name] = SECRET_TEXTS.sub("[redacted]", value)


@dataclass(frozen=True)
class Stack:
    """A way to log: one call that is written, one that is below the level, where the lines go, what comes first."""

    name: str
    call: Callable[[], Any]
    disabled: Callable[[], Any]
    path: Path
    prepare: Callable[[], Any] = bool


def ours(folder: Path) -> list[Stack]:
    """The direct path with redaction, with values that change, without redaction; and the record path, when others listen too."""
    from maestro_core_logging import EventFormatter, NoRedaction, configure_logging, get_logger

    path = folder / "ours.log"
    configure_logging(filename=path, force=True)
    (sink,) = logging.getLogger().handlers
    formatter, plain = sink.formatter, EventFormatter(redact=NoRedaction())
    log, recorded = get_logger("bench.direct"), get_logger("bench.record")
    recorded.addHandler(logging.NullHandler())

    def call() -> None:
        log.info(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123")

    def disabled() -> None:
        log.debug(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123")

    def changing() -> None:
        log.info(EVENT, method="GET", path="/v1/items/3", status=200, user=next(USERS))

    return [
        Stack("maestro", call, disabled, path, lambda: sink.setFormatter(formatter)),
        Stack("maestro, new values", changing, disabled, path, lambda: sink.setFormatter(formatter)),
        Stack("maestro, no redaction", call, disabled, path, lambda: sink.setFormatter(plain)),
        Stack(
            "maestro, record path",
            lambda: recorded.info(EVENT, extra=FIELDS),
            lambda: recorded.debug(EVENT, extra=FIELDS),
            path,
            lambda: sink.setFormatter(formatter),
        ),
    ]


def structlogs(folder: Path) -> list[Stack]:
    """What structlog's page on performance advises (few processors, orjson, a bytes logger, caching), bound beforehand, and redacting."""
    import orjson
    import structlog

    def redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        redact(event)
        return event

    path = folder / "structlog.log"
    factory = structlog.BytesLoggerFactory(path.open("ab"))
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(serializer=orjson.dumps),
    ]
    wrapper = structlog.make_filtering_bound_logger(logging.INFO)
    structlog.configure(
        cache_logger_on_first_use=True, wrapper_class=wrapper, processors=processors, logger_factory=factory
    )
    plain = structlog.get_logger(logger_name="bench.structlog")
    bound = structlog.get_logger().bind(logger_name="bench.structlog")
    redacting = structlog.wrap_logger(
        factory(),
        processors=[*processors[:3], redacted, *processors[3:]],
        wrapper_class=wrapper,
        cache_logger_on_first_use=True,
        logger_name="bench.structlog",
    )
    return [
        *(_calls(name, log, path) for name, log in (("structlog", plain), ("structlog, bound beforehand", bound))),
        _calls("structlog, redacting", redacting, path),
    ]


def _calls(name: str, log: Any, path: Path) -> Stack:
    return Stack(
        name,
        lambda: log.info(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        lambda: log.debug(EVENT, method="GET", path="/v1/items/3", status=200, user="u-123"),
        path,
    )


def stdlib_json(folder: Path) -> list[Stack]:
    """The standard library with python-json-logger, as its quick start has it, and redacting in its hook for that."""
    from pythonjsonlogger.json import JsonFormatter

    class Redacting(JsonFormatter):
        def process_log_record(self, log_data: Any) -> Any:
            redact(log_data)
            return super().process_log_record(log_data)

    path = folder / "stdlib.log"
    stacks = []
    for name, made in (
        ("stdlib + python-json-logger", JsonFormatter),
        ("stdlib + python-json-logger, redacting", Redacting),
    ):
        handler = logging.FileHandler(path)
        handler.setFormatter(made("%(asctime)s %(levelname)s %(name)s %(message)s"))
        log = logging.getLogger(f"bench_{made.__name__}")
        log.propagate = False
        log.setLevel(logging.INFO)
        log.addHandler(handler)
        stacks.append(_extra_calls(name, log, path))
    return stacks


def _extra_calls(name: str, log: logging.Logger, path: Path) -> Stack:
    return Stack(name, lambda: log.info(EVENT, extra=FIELDS), lambda: log.debug(EVENT, extra=FIELDS), path)


def loguru_serialize(folder: Path) -> list[Stack]:
    """loguru with `serialize=True`, and redacting in a patcher."""
    from loguru import logger

    path = folder / "loguru.log"
    logger.remove()
    logger.add(path, serialize=True, level="INFO", diagnose=False, backtrace=False)
    redacting = logger.patch(lambda record: redact(record["extra"]))
    return [_calls("loguru, serialize", logger, path), _calls("loguru, serialize, redacting", redacting, path)]


def floor(folder: Path) -> list[Stack]:
    """What no logger goes below that loses nothing: a dictionary, its JSON, one system call."""
    import orjson

    path = folder / "floor.log"
    out = path.open("ab", buffering=0)
    head = {"level": "info", "logger": "bench.floor", "event": EVENT}

    def call() -> None:
        fields = {"method": "GET", "path": "/v1/items/3", "status": 200, "user": "u-123"}
        out.write(orjson.dumps({"timestamp": time(), **head, **fields}, option=orjson.OPT_APPEND_NEWLINE))

    return [Stack("no logger: a dictionary, orjson, one write", call, bool, path)]


def all_stacks(folder: Path) -> list[Stack]:
    """Set up every stack, ours first."""
    return [stack for make in (ours, structlogs, stdlib_json, loguru_serialize, floor) for stack in make(folder)]
