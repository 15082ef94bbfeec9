"""FastAPI with the production middleware already in place, and the same around any Flask or Starlette app."""

from typing import TYPE_CHECKING, Any

from ._instrument import instrument
from ._middleware import RequestId, ResponseHeaders, ResponseTime
from ._readiness import CheckResult, ReadinessCheck
from .errors import CoreAPIError, DuplicateCheck, ExtraNotInstalled, NotInstrumentable

if TYPE_CHECKING:
    from ._fastapi import MaestroAPI

__all__ = [
    "CheckResult",
    "CoreAPIError",
    "DuplicateCheck",
    "ExtraNotInstalled",
    "MaestroAPI",
    "NotInstrumentable",
    "ReadinessCheck",
    "RequestId",
    "ResponseHeaders",
    "ResponseTime",
    "instrument",
]


def __getattr__(name: str) -> Any:
    """Load `MaestroAPI` on first use, so that a Flask service needs no FastAPI."""
    if name != "MaestroAPI":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import fastapi  # noqa: F401  # only to tell a missing extra from a failure inside FastAPI
    except ModuleNotFoundError as missing:
        raise ExtraNotInstalled("MaestroAPI", extra="fastapi") from missing
    from ._fastapi import MaestroAPI

    return MaestroAPI
