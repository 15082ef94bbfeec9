"""Loguru for everything, including the libraries that use the standard logging module."""

import inspect
import logging
import sys

from loguru import logger

from app.core.config import Settings, get_settings

TEXT_FORMAT = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> | <level>{level: <8}</level> | "
    "{extra[request_id]} | <cyan>{name}</cyan>:{line} - <level>{message}</level>"
)


class InterceptHandler(logging.Handler):
    """Forward standard library records to loguru, keeping level and origin."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno

        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame = frame.f_back
            depth += 1

        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())


def setup_logging(settings: Settings | None = None, sink=None) -> None:
    settings = settings or get_settings()

    logging.basicConfig(handlers=[InterceptHandler()], level=0, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in settings.QUIET_LOGGERS.split(","):
        logging.getLogger(name.strip()).setLevel(logging.WARNING)

    logger.remove()
    logger.configure(extra={"request_id": "-"})
    logger.add(
        sink or sys.stderr,
        level=settings.LOG_LEVEL,
        format=TEXT_FORMAT,
        serialize=settings.LOG_JSON,
        backtrace=settings.DEBUG,
        diagnose=settings.DEBUG,
    )
    logger.debug("Logging configured", level=settings.LOG_LEVEL, json=settings.LOG_JSON)
