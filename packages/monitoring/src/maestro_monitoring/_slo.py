"""Service level objectives, declared in code beside the route they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import SLOError

_NAME = re.compile(r"[a-z][a-z0-9-]*")
# It names files, so it has no slashes.
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_WINDOW_DAYS = (28, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SLO:
    """An objective over a service's requests.

    `objective` is the percentage of good requests, such as 99.9. A request is good when its status is below
    500 or, with `latency_s`, when it took at most so many seconds. `route` limits the objective to one
    template, `method` to one method. `team` becomes a label of the alerts, `runbook` their link.
    `job` is the service's job label in Prometheus when it is not its name.

    Raises:
        SLOError: a value makes no sense; the message says which and what would.
    """

    name: str
    service: str
    objective: float
    route: str | None = None
    method: str | None = None
    latency_s: float | None = None
    window_days: int = 30
    team: str = ""
    runbook: str = ""
    description: str = ""
    namespace: str = "http"
    job: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SLOError(self.name, "name must be lower-case letters, digits and hyphens")
        if not _SERVICE.fullmatch(self.service):
            raise SLOError(
                self.name, f"service must be letters, digits, dots, hyphens and underscores, not {self.service!r}"
            )
        if not 0 < self.objective < 100:
            raise SLOError(self.name, f"objective must lie between 0 and 100 percent, not {self.objective}")
        if 1 - self.objective / 100 <= 1e-6:
            raise SLOError(self.name, f"an objective of {self.objective} leaves no error budget; use at most 99.999")
        if self.window_days not in _WINDOW_DAYS:
            raise SLOError(self.name, f"window_days must be one of {_WINDOW_DAYS}, not {self.window_days}")
        if self.latency_s is not None and self.latency_s <= 0:
            raise SLOError(self.name, f"latency_s must be positive, not {self.latency_s}")

    @property
    def id(self) -> str:
        """The name by which recording rules and dashboards know it: service and name."""
        return f"{self.service}-{self.name}"

    @property
    def error_budget(self) -> float:
        """The share of requests that may be bad."""
        return round(1 - self.objective / 100, 10)


def buckets_for(slos: Iterable[SLO], buckets: tuple[float, ...]) -> tuple[float, ...]:
    """Give `buckets` with a boundary at every latency objective: without one, no rule could count its requests."""
    return tuple(sorted({*buckets, *(slo.latency_s for slo in slos if slo.latency_s is not None)}))
