"""What a person may do about a middleware or a hook that stays, told by what stands in it."""

import re

__all__ = ["advice"]

_COUNTS = re.compile(r"\.(?:labels|inc|observe|dec)\(")
_LOGS = re.compile(r"\b_?log(?:ger|ging)?\w*\.(?:debug|info|warning|error|exception|log)\(", re.IGNORECASE)
_SPLIT = "add `RequestId`, `ResponseTime` or `ResponseHeaders` of maestro_core_api in its place, one `add_middleware` for each thing that it does and in its order, then delete it"
_COUNTED = "the library counts and times every request by route, in the series `http_*` of /metrics: where it does no more than that, move dashboards and alerts there, then delete it; else leave it"
_LOGGED = "the library writes one access event for every request, with method, route, status and duration: where it does no more than write a line for each, move what reads these lines there, then delete it; else leave it, and `access_log=False` keeps its lines alone"
_DEFAULTS = "put `ResponseHeaders` of maestro_core_api in its place where no route sets the header itself: it sets, and does not leave, what is there"
_ELSE = "leave it, or remove what the library's request ids, access events, metrics and headers replace"


def advice(text: str, *, several: bool = False) -> str:
    """Return what to do about code that stays; `several` says that the library has a class for each thing that it does."""
    if several:
        return _SPLIT
    if _COUNTS.search(text):
        return _COUNTED
    if _LOGS.search(text):
        return _LOGGED
    return _DEFAULTS if "headers.setdefault(" in text else _ELSE
