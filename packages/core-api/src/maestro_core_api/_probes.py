"""The four addresses that a platform asks: `/livez`, `/readyz`, `/startupz`, `/metrics`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from . import _metrics
from ._lifecycle import Lifecycle, Phase
from ._readiness import CheckResult

LIVEZ, READYZ, STARTUPZ, METRICS = "/livez", "/readyz", "/startupz", "/metrics"


@dataclass(frozen=True, slots=True)
class Answer:
    """A small response, for ASGI and WSGI alike."""

    status: int
    body: bytes
    content_type: str = "application/json"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The response headers; a probe's answer is true now only, so nothing may keep it."""
        return [
            ("content-type", self.content_type),
            ("content-length", str(len(self.body))),
            ("cache-control", "no-store"),
        ]


def liveness() -> Answer:
    """Say that the process answers. Nothing else: a restart does not mend a database."""
    return _json(200, {"status": "ok"})


def startup(lifecycle: Lifecycle) -> Answer:
    """Say whether start-up is over."""
    return _json(200, {"status": "ok"}) if lifecycle.has_started else _json(503, {"status": "starting"})


def readiness(lifecycle: Lifecycle, results: Sequence[CheckResult]) -> Answer:
    """Say whether requests should be sent here, and which check says no."""
    checks = {
        result.name: (
            {"status": "ok", "duration_ms": result.duration_ms}
            if result.ready
            else {"status": "failed", "reason": result.reason, "duration_ms": result.duration_ms}
        )
        for result in results
    }
    failing = [result.name for result in results if not result.ready]
    if lifecycle.accepts_traffic and not failing:
        return _json(200, {"status": "ok", "checks": checks})
    status = "unavailable" if lifecycle.accepts_traffic else lifecycle.phase.value
    return _json(503, {"status": status, "failing": failing, "checks": checks})


def metrics(accept: str | None) -> Answer:
    """Show all metrics of the process."""
    body, content_type = _metrics.rendered(accept)
    return Answer(200, body, content_type)


def needs_checks(path: str, lifecycle: Lifecycle) -> bool:
    """Whether the answer for this path depends on the readiness checks: while draining, nobody need be asked."""
    return path == READYZ and lifecycle.phase is not Phase.DRAINING


def is_an_answer(status: int) -> bool:
    """Whether an application that answers a probe path so has it: 404, or a 401 for every path, is none."""
    return 200 <= status < 300 or status == 405 or is_for_now(status)


def is_for_now(status: int) -> bool:
    """Whether the answer says nothing of the next one, as a readiness of its own that says no."""
    return status == 503


def answer(path: str, *, lifecycle: Lifecycle, results: Sequence[CheckResult], accept: str | None) -> Answer:
    """Answer one of the probe paths."""
    if path == LIVEZ:
        return liveness()
    if path == STARTUPZ:
        return startup(lifecycle)
    if path == READYZ:
        return readiness(lifecycle, results)
    return metrics(accept)


def _json(status: int, content: dict[str, object]) -> Answer:
    return Answer(status, json.dumps(content, separators=(",", ":")).encode())
