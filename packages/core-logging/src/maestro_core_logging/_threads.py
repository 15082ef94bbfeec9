"""
Threads and locks of the operating system, also where gevent or eventlet have put green ones in their place.

A green thread that writes to a slow pipe stops all others; a real one stops nobody.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

RealRLock: Final = _thread.RLock  # which nobody patches here, other than in `threading`


def real(name: str) -> Any:  # Any: whatever `_thread` calls so
    """Give `_thread`'s function of that name as it was before anybody replaced it."""
    gevent: Any = sys.modules.get("gevent.monkey")
    if gevent is not None:
        return gevent.get_original("_thread", name)
    eventlet: Any = sys.modules.get("eventlet.patcher")
    return getattr(_thread if eventlet is None else eventlet.original("_thread"), name)


def start_real_thread(start: Callable[..., int], target: Callable[[], None], *, name: str) -> object:
    """Run `target` on a thread that `start` starts, a function that `real` gave; under `name` where threads are unpatched."""
    if start is not _thread.start_new_thread:  # `threading` knows only green threads here
        return start(target, ())
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
