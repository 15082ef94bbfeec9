"""What a request leaves besides its answer: log records, SQL statements, calls that were tried; and the metric series of the process."""

import logging
import sys
from typing import Any

from ._isolation import Isolation


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[list[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception as error:  # noqa: BLE001  # a record whose arguments do not fit is still a record
            text = f"{record.msg!r} ({type(error).__name__})"
        self.taken.append([record.name, record.levelname, text[:500]])


class Observer:
    """Listens from now on; what was seen since the last time is taken after each request."""

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self._records = _Records()
        self._statements: list[str] = []
        logging.getLogger().addHandler(self._records)
        if "sqlalchemy" in sys.modules:
            from sqlalchemy import event
            from sqlalchemy.engine import Engine

            event.listen(Engine, "before_cursor_execute", self._executed)
        isolation.taken()

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self._statements.append(" ".join(statement.split())[:500])

    def taken(self) -> dict[str, Any]:
        """Return what was seen since the last time."""
        seen = {"logs": self._records.taken, "sql": self._statements, "calls": self._isolation.taken()}
        self._records.taken, self._statements = [], []
        return seen


def metric_series() -> list[str]:
    """Return the names and labels of every series in prometheus_client's registry, if the service has one."""
    if "prometheus_client" not in sys.modules:
        return []
    from prometheus_client import REGISTRY

    return sorted(
        {
            f"{sample.name}{dict(sorted(sample.labels.items()))}"
            for family in REGISTRY.collect()
            for sample in family.samples
        }
    )
