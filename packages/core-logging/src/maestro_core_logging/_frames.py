"""Whose a function is: the standard library's own, another's patch of it, or ours on the way of a call."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable
from typing import Any, Final

# Of a function that nobody patches: the file is spelled as in the tracebacks of `logging`.
_FILE: Final = logging.addLevelName.__code__.co_filename


def unpatched(method: Callable[..., Any]) -> object:  # Any: as the method has it
    """
    Give a method of `logging` if it is the standard library's own, else what is no method.

    Sentry, Datadog and others patch `logging`, and may have done so before this package was imported.
    """
    of_logging = type(method) is types.FunctionType and method.__code__.co_filename == _FILE
    return method if of_logging else object()


def in_logging_module(function: types.FunctionType) -> Callable[..., Any]:  # Any: the function's own arguments
    """
    Count `function` among the frames of `logging` itself.

    `findCaller`, and handlers that walk the stack up to the first frame outside `logging.__file__` (the usual bridge
    to loguru), then find the same caller and count the same stack levels as with an untouched logger.
    """
    function.__code__ = function.__code__.replace(co_filename=_FILE)
    return function
