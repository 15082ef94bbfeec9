"""What `logging.info(…)` and its like do, as methods of one object."""

from __future__ import annotations

import logging
from typing import Any

from maestro_core_logging._frames import in_logging_module
from maestro_core_logging._logger import Logger, extended


class RootLogger:
    """
    The root logger as the functions `logging.info(…)` use it: where it has no handlers yet, `logging.basicConfig()` comes first.

    Its methods do what those functions do, whenever they are called, and take fields besides.
    """

    def debug(self, msg: object, *args: object, **fields: Any) -> None:  # Any: as loggers have it
        """Log with the level DEBUG, as `logging.debug` does."""
        _ready().debug(msg, *args, **fields)

    def info(self, msg: object, *args: object, **fields: Any) -> None:  # Any: as loggers have it
        """Log with the level INFO, as `logging.info` does."""
        _ready().info(msg, *args, **fields)

    def warning(self, msg: object, *args: object, **fields: Any) -> None:  # Any: as loggers have it
        """Log with the level WARNING, as `logging.warning` does."""
        _ready().warning(msg, *args, **fields)

    def error(self, msg: object, *args: object, **fields: Any) -> None:  # Any: as loggers have it
        """Log with the level ERROR, as `logging.error` does."""
        _ready().error(msg, *args, **fields)

    def critical(self, msg: object, *args: object, **fields: Any) -> None:  # Any: as loggers have it
        """Log with the level CRITICAL, as `logging.critical` does."""
        _ready().critical(msg, *args, **fields)

    def exception(
        self, msg: object, *args: object, exc_info: Any = True, **fields: Any
    ) -> None:  # Any: as loggers have it
        """Log with the level ERROR and the exception at hand, as `logging.exception` does."""
        _ready().error(msg, *args, exc_info=exc_info, **fields)

    def log(self, level: int, msg: object, *args: object, **fields: Any) -> None:  # Any: as loggers have it
        """Log with a level given as a number, as `logging.log` does."""
        _ready().log(level, msg, *args, **fields)


def _ready() -> Logger:
    if not logging.root.handlers:
        logging.basicConfig()
    return extended(logging.root)


for _name in ("debug", "info", "warning", "error", "critical", "exception", "log"):
    in_logging_module(vars(RootLogger)[_name])

root_logger = RootLogger()
