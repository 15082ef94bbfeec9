"""
The level methods of loggers whose class is the standard one: the shortest way to the line.

Each does what its namesake of `logging.Logger` does. It leaves the work to that namesake as soon as anything on the way
is patched, on the class or on the instance: what tests patch is an interface.
"""

from __future__ import annotations

import logging
from typing import Any

from maestro_core_logging._fast import USUAL_LOGGER_ATTRIBUTES, write_directly
from maestro_core_logging._frames import in_logging_module, unpatched
from maestro_core_logging._logger import Logger, extend_standard_classes, log_record

_LOGGER = logging.Logger
_IS_ENABLED = unpatched(logging.Logger.isEnabledFor)
_DEBUG = unpatched(logging.Logger.debug)
_INFO = unpatched(logging.Logger.info)
_WARNING = unpatched(logging.Logger.warning)
_ERROR = unpatched(logging.Logger.error)
_CRITICAL = unpatched(logging.Logger.critical)


class DirectLogger(Logger):
    """A logger of the standard class, or the root, with short ways."""

    _cache: dict[int, bool]

    # Any, as the standard library has it.
    def debug(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log with the level DEBUG, as `logging.Logger.debug` does."""
        if (
            Logger.isEnabledFor is _IS_ENABLED
            and _LOGGER.debug is _DEBUG
            and len(self.__dict__) == USUAL_LOGGER_ATTRIBUTES
        ):
            try:
                enabled = self._cache[10]
            except KeyError:
                enabled = self.isEnabledFor(10)
            if enabled and not write_directly(self, 10, msg, args, kwargs) and not self.disabled:
                log_record(self, 10, msg, args, (), kwargs)
            return
        super().debug(msg, *args, **kwargs)

    # Any, as the standard library has it.
    def info(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log with the level INFO, as `logging.Logger.info` does."""
        if (
            Logger.isEnabledFor is _IS_ENABLED
            and _LOGGER.info is _INFO
            and len(self.__dict__) == USUAL_LOGGER_ATTRIBUTES
        ):
            try:
                enabled = self._cache[20]
            except KeyError:
                enabled = self.isEnabledFor(20)
            if enabled and not write_directly(self, 20, msg, args, kwargs) and not self.disabled:
                log_record(self, 20, msg, args, (), kwargs)
            return
        super().info(msg, *args, **kwargs)

    # Any, as the standard library has it.
    def warning(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log with the level WARNING, as `logging.Logger.warning` does."""
        if (
            Logger.isEnabledFor is _IS_ENABLED
            and _LOGGER.warning is _WARNING
            and len(self.__dict__) == USUAL_LOGGER_ATTRIBUTES
        ):
            try:
                enabled = self._cache[30]
            except KeyError:
                enabled = self.isEnabledFor(30)
            if enabled and not write_directly(self, 30, msg, args, kwargs) and not self.disabled:
                log_record(self, 30, msg, args, (), kwargs)
            return
        super().warning(msg, *args, **kwargs)

    # Any, as the standard library has it.
    def error(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log with the level ERROR, as `logging.Logger.error` does."""
        if (
            Logger.isEnabledFor is _IS_ENABLED
            and _LOGGER.error is _ERROR
            and len(self.__dict__) == USUAL_LOGGER_ATTRIBUTES
        ):
            try:
                enabled = self._cache[40]
            except KeyError:
                enabled = self.isEnabledFor(40)
            if enabled and not write_directly(self, 40, msg, args, kwargs) and not self.disabled:
                log_record(self, 40, msg, args, (), kwargs)
            return
        super().error(msg, *args, **kwargs)

    # Any, as the standard library has it.
    def critical(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log with the level CRITICAL, as `logging.Logger.critical` does."""
        if (
            Logger.isEnabledFor is _IS_ENABLED
            and _LOGGER.critical is _CRITICAL
            and len(self.__dict__) == USUAL_LOGGER_ATTRIBUTES
        ):
            try:
                enabled = self._cache[50]
            except KeyError:
                enabled = self.isEnabledFor(50)
            if enabled and not write_directly(self, 50, msg, args, kwargs) and not self.disabled:
                log_record(self, 50, msg, args, (), kwargs)
            return
        super().critical(msg, *args, **kwargs)


for _name in ("debug", "info", "warning", "error", "critical"):
    in_logging_module(vars(DirectLogger)[_name])
extend_standard_classes(DirectLogger)
