"""Taking over the lines of the servers that run the service."""

from __future__ import annotations

import logging

SERVER_LOGGERS = (
    "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "gunicorn.error", "gunicorn.access", "_granian",
    "granian.access", "hypercorn.error", "hypercorn.access",
)  # fmt: skip


def take_over_servers() -> None:
    """
    Let uvicorn, gunicorn, granian and hypercorn log through the root logger: their own handlers are removed.

    They set up their loggers before they import the application, so the application's start is the time to call it.
    Their levels stay; handlers are not closed, since gunicorn may hand them to others.
    """
    for name in SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
