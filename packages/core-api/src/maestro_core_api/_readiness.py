"""Readiness checks: callables, sync or async, each with a time of its own."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from threading import Thread
from typing import Any

from .errors import DuplicateCheck

# None, True or any other value than False means ready; False or an exception means not ready.
ReadinessCheck = Callable[[], object | Awaitable[object]]

DEFAULT_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one readiness check said. `reason` is safe to show: never the text of an exception."""

    name: str
    ready: bool
    reason: str | None
    duration_ms: float


@dataclass(frozen=True, slots=True)
class _Check:
    name: str
    call: ReadinessCheck
    timeout_s: float


class Readiness:
    """The named checks of one application, and how they are run."""

    def __init__(self, checks: Mapping[str, ReadinessCheck] | None = None) -> None:
        self._checks: dict[str, _Check] = {}
        # A check that hangs is asked again only when its last run has ended: a dead database must not
        # cost one more thread at every poll.
        self._running: dict[str, Future[object]] = {}
        for name, check in (checks or {}).items():
            self.add(name, check)

    def add(self, name: str, check: ReadinessCheck, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Add a check.

        Raises:
            DuplicateCheck: another check has this name.
        """
        known = self._checks.get(name)
        if known is not None and known.call is not check:
            raise DuplicateCheck(name)
        self._checks[name] = _Check(name, check, timeout_s)

    async def results(self) -> Sequence[CheckResult]:
        """Run all checks at once on the running loop; coroutine checks run there, the others in threads."""
        return await asyncio.gather(*(self._result(check) for check in self._checks.values()))

    def results_blocking(self) -> Sequence[CheckResult]:
        """Run all checks at once in threads; coroutine checks get a loop of their own."""
        started = [(check, time.perf_counter(), self._submit(check)) for check in self._checks.values()]
        return [self._waited(check, begun, future) for check, begun, future in started]

    async def _result(self, check: _Check) -> CheckResult:
        begun = time.perf_counter()
        try:
            if inspect.iscoroutinefunction(check.call):
                answer = await asyncio.wait_for(check.call(), check.timeout_s)
            else:
                answer = await asyncio.wait_for(asyncio.wrap_future(self._submit(check)), check.timeout_s)
                if inspect.isawaitable(answer):
                    answer = await asyncio.wait_for(_awaited(answer), check.timeout_s)
        except Exception as failure:  # noqa: BLE001  # a check may fail with anything; that is its answer
            return _failed(check, begun, failure)
        return _answered(check, begun, answer)

    def _submit(self, check: _Check) -> Future[object]:
        running = self._running.get(check.name)
        if running is None or running.done():
            running = self._running[check.name] = _started(check)
        return running

    def _waited(self, check: _Check, begun: float, future: Future[object]) -> CheckResult:
        left_s = max(0.0, check.timeout_s - (time.perf_counter() - begun))
        try:
            answer = future.result(left_s)
        except Exception as failure:  # noqa: BLE001  # a check may fail with anything; that is its answer
            return _failed(check, begun, failure)
        return _answered(check, begun, answer)


def _started(check: _Check) -> Future[object]:
    """Run a check in a thread that nobody waits for: one that hangs must not hold up the end of the process."""
    future: Future[object] = Future()
    # A future that runs cannot be cancelled: giving up on the wait leaves it to be joined by the next poll.
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(_called(check.call))
        except BaseException as failure:  # noqa: BLE001  # a thread has nobody above it; whoever waits gets it
            future.set_exception(failure)

    Thread(target=run, name=f"readiness-{check.name}", daemon=True).start()
    return future


def _called(check: ReadinessCheck) -> object:
    if inspect.iscoroutinefunction(check):
        return asyncio.run(check())
    return check()


async def _awaited(answer: Awaitable[Any]) -> object:
    return await answer


def _answered(check: _Check, begun: float, answer: object) -> CheckResult:
    reason = "the check returned False" if answer is False else None
    return CheckResult(check.name, answer is not False, reason, _ms_since(begun))


def _failed(check: _Check, begun: float, failure: Exception) -> CheckResult:
    timed_out = isinstance(failure, TimeoutError | asyncio.TimeoutError | FutureTimeout)
    took_ms = _ms_since(begun)
    # The text of an exception may hold a password (a DSN); its class says enough to look further.
    ran_out = timed_out and took_ms >= check.timeout_s * 990
    reason = f"no answer within {check.timeout_s:g} s" if ran_out else type(failure).__name__
    return CheckResult(check.name, False, reason, took_ms)


def _ms_since(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 3)
