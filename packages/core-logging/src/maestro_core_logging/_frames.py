"""Keeping the caller findable: functions of ours on the way of a call count as frames of `logging`."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable
from typing import Any


def in_logging_module(function: types.FunctionType) -> Callable[..., Any]:  # Any: the function's own arguments
    """
    Count `function` among the frames of `logging` itself.

    `findCaller`, and handlers that walk the stack up to the first frame outside `logging.__file__` (the usual bridge
    to loguru), then find the same caller and count the same stack levels as with an untouched logger.
    """
    function.__code__ = function.__code__.replace(co_filename=logging.Logger.info.__code__.co_filename)
    return function
