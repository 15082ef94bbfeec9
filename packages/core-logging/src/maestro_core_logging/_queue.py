"""A bounded queue in front of a slow output: calls never wait, what finds no room is counted."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from types import FrameType

from maestro_core_logging._encode import json_line
from maestro_core_logging._event import rfc3339
from maestro_core_logging._threads import RealRLock, real, start_real_thread

_MOST_AT_ONCE_BYTES = 64 * 1024
_BETWEEN_LOOKS_S = 0.05


class LineQueue:
    """
    Lines waiting for a thread that writes them.

    `capacity` lines wait at most; the next one is dropped and counted, and a line says how many when there is room
    again. Exit and SIGTERM wait up to `flush_timeout_s` for the queue to empty. A SIGKILL loses what is queued.
    """

    def __init__(self, write: Callable[[bytes], None], *, capacity: int, flush_timeout_s: float = 2.0) -> None:
        self.dropped = 0
        self._write = write
        self._capacity = capacity
        self._flush_timeout_s = flush_timeout_s
        self._told = 0
        self._closed = False
        self._new_lock: Callable[[], threading.Lock] = real("allocate_lock")
        self._start: Callable[..., int] = real("start_new_thread")
        self._start_afresh()
        _ALL.add(self)
        _flush_at_exit_and_sigterm()

    def put(self, line: bytes) -> None:
        """Queue a line, or count it as dropped; never waits for the output."""
        if self._closed:
            self._write(line)
            return
        if len(self._lines) >= self._capacity:
            with self._counting:
                self.dropped += 1
            return
        self._lines.append(line)
        if self._asleep.locked():
            _release(self._asleep)
        if self._thread is None:
            self._start_thread()

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything queued is written; tell whether it was."""
        until = time.monotonic() + (self._flush_timeout_s if timeout_s is None else timeout_s)
        while self._lines or self._writing:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            self._busy.acquire(timeout=min(left_s, _BETWEEN_LOOKS_S))  # another one may wait for the same release
        return True

    def close(self) -> None:
        """Flush, then write later lines directly."""
        self.flush()
        self._closed = True
        _release(self._asleep)

    def write_here(self) -> None:
        """Write what is queued on this thread, which holds what the other one would wait for."""
        self._closed = True
        self._write_all()
        _release(self._asleep)

    def _start_afresh(self) -> None:
        """Begin with nothing queued: at first, and in a forked child, whose parent writes what was queued."""
        self._lines: deque[bytes] = deque()
        # Two locks that one thread takes and another releases: whoever has lines wakes the thread, which tells who flushes.
        self._asleep = self._new_lock()
        self._busy = self._new_lock()
        self._asleep.acquire()
        self._busy.acquire()
        self._counting = RealRLock()  # reentrant: a signal handler may log where it interrupts a count
        self._thread: object = None
        self._writing = False

    def _start_thread(self) -> None:
        with self._counting:
            if self._thread is None:
                try:
                    self._thread = start_real_thread(self._start, self._run, name="maestro-log-queue")
                except RuntimeError:  # too many of them; or the interpreter ends, and 3.12 starts none any more
                    self._write_all()

    def _write_all(self) -> None:
        while self._lines:
            self._write(self._take())

    def _run(self) -> None:
        while not (self._closed and not self._lines):
            self._asleep.acquire()
            while self._lines:
                self._writing = True
                self._write(self._take())
                self._tell_drops()
                self._writing = False
            _release(self._busy)

    def _take(self) -> bytes:
        taken, size = [], 0
        while size < _MOST_AT_ONCE_BYTES:
            try:
                taken.append(self._lines.popleft())
            except IndexError:  # empty, or emptied by another thread meanwhile
                break
            size += len(taken[-1])
        return b"".join(taken)

    def _tell_drops(self) -> None:
        dropped = self.dropped
        if dropped > self._told:
            event = {"timestamp": rfc3339(time.time()), "level": "warning", "logger": "maestro_core_logging"}
            self._write(json_line(event | {"event": "log lines dropped", "count": dropped - self._told}))
            self._told = dropped


def _release(lock: threading.Lock) -> None:
    try:
        lock.release()
    except RuntimeError:  # another thread has just released it
        return


_ALL: weakref.WeakSet[LineQueue] = weakref.WeakSet()
_watching = False


def flush_queues() -> None:
    """Write what any queue holds, waiting no longer than each queue says."""
    for queue in list(_ALL):
        queue.flush()


def _flush_at_exit_and_sigterm() -> None:
    global _watching
    if _watching:
        return
    _watching = True
    atexit.register(_close_all)
    _close_all_at_multiprocessing_s_exit()
    os.register_at_fork(after_in_child=_forget_the_parent_s_lines)
    # A handler of the application's own ends in an orderly exit; only the default one would kill us with lines queued.
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _flush_and_die)


def _flush_and_die(number: int, _frame: FrameType | None) -> None:
    flush_queues()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _close_all() -> None:
    for queue in list(_ALL):
        queue.close()


def _forget_the_parent_s_lines() -> None:
    for queue in list(_ALL):
        queue._start_afresh()
    util = sys.modules.get("multiprocessing.util")
    if (
        util is not None
    ):  # its children forget what is registered for the exit when they start, and ask this register then
        util.register_after_fork(_ALL, lambda _all: _close_all_at_multiprocessing_s_exit())


def _close_all_at_multiprocessing_s_exit() -> None:
    """Write what is queued when a child of `multiprocessing` ends, which leaves out what `atexit` knows."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, _close_all, exitpriority=0)
