"""Writing the client's memory-mapped files, whose entries have had a timestamp since prometheus-client 0.18."""

from __future__ import annotations

import inspect

from prometheus_client.mmap_dict import MmapedDict

_HAS_TIMESTAMPS = "timestamp" in inspect.signature(MmapedDict.write_value).parameters


def write_value(file: MmapedDict, key: str, value: float, timestamp: float = 0.0) -> None:
    """Write one entry, without its timestamp where the client knows none."""
    file.write_value(key, value, *([timestamp] if _HAS_TIMESTAMPS else []))  # type: ignore[no-untyped-call]  # the client left it untyped
