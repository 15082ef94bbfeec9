"""Taking over the lines of the servers that run the service."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from maestro_core_logging._logger import standard_logger

SERVER_LOGGERS = (
    "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "gunicorn.error", "gunicorn.access", "_granian",
    "granian.access", "hypercorn.error", "hypercorn.access",
)  # fmt: skip
# What servers call the parts of a request; gunicorn and hypercorn use Apache's letters.
_APACHE = {"method": "m", "path": "U", "status": "s", "client": "h"}
_NAMES = {
    "gunicorn.access": {**_APACHE, "duration_ms": "M"},
    "hypercorn.access": {**_APACHE, "duration_s": "L"},
    "granian.access": {
        "method": "method",
        "path": "path",
        "status": "status",
        "client": "addr",
        "duration_ms": "dt_ms",
    },
}
_UVICORN = ("client", "method", "path", "http_version", "status")
_REQUEST_IDS = ("{x-request-id}o", "{x-request-id}i")  # the answer's header is the service's own word
_NOT_THERE = ("", "-", None)
_again_in_workers = False


def take_over_servers() -> None:
    """
    Let uvicorn, gunicorn, granian and hypercorn log through the root logger: their own handlers are removed.

    They set up their loggers before they import the application, so the application's start is the time to call it;
    hypercorn does it later and must be given its loggers, see the reference. Access lines get fields: `method`, `path`,
    `status`, `client`, `duration_ms`, and from gunicorn and hypercorn the request's id and trace. Levels stay; handlers
    are not closed, since gunicorn may hand them to others.
    """
    global _again_in_workers
    if not _again_in_workers:
        _again_in_workers = True
        os.register_at_fork(after_in_child=_take_over_in_worker)
    for name in SERVER_LOGGERS:
        logger = standard_logger(name)
        logger.handlers.clear()
        logger.propagate = True
        if name.endswith(".access") and add_access_fields not in logger.filters:
            logger.addFilter(add_access_fields)
        if name.startswith("uvicorn") and drop_colors not in logger.filters:
            logger.addFilter(drop_colors)


def _take_over_in_worker() -> None:
    """Take over again in a worker of gunicorn: with `--preload`, uvicorn's workers set up their loggers after the application."""
    if "gunicorn.arbiter" in sys.modules:
        take_over_servers()


def add_access_fields(record: logging.LogRecord) -> bool:
    """Put what an access line tells in its text on the record too, as fields; the text stays."""
    for name, value in _parts(record.name, record.args).items():
        if value not in _NOT_THERE and name not in record.__dict__:
            record.__dict__[name] = int(value) if name == "status" and str(value).isdigit() else value
    return True


def drop_colors(record: logging.LogRecord) -> bool:
    """Take off what uvicorn puts beside its messages for terminals: the same text with colors."""
    record.__dict__.pop("color_message", None)
    return True


def _parts(server: str, args: Any) -> Mapping[str, Any]:  # Any: what the server logs with
    if server == "uvicorn.access":
        return dict(zip(_UVICORN, args, strict=False)) if isinstance(args, tuple) else {}
    if not isinstance(args, Mapping):
        return {}
    parts = {name: args[key] for name, key in _NAMES.get(server, {}).items() if key in args}
    if server != "granian.access":  # which tells no headers
        ids = [args[key] for key in _REQUEST_IDS if key in args and args[key] not in _NOT_THERE]
        parts["request_id"] = ids[0] if ids else None
        trace = str(args["{traceparent}i"]).split("-") if "{traceparent}i" in args else []
        parts["trace_id"] = trace[1] if len(trace) == 4 and len(trace[1]) == 32 else None
    return parts
