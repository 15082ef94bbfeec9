"""Exemplars of several workers, which the client's shared files have no room for.

Each worker keeps the last trace of each bucket in a memory-mapped file of its own, written at most once a second a
bucket. A file holds doubles, so a trace id is four of them, with a checksum: a reader that comes in the
middle of a write sees that it did and goes without. What an ended worker kept is thrown away with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from time import time

from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.samples import Exemplar

from ._mmap import write_value

SUFFIX = ".exemplars"
Place = tuple[str, frozenset[tuple[str, str]]]
_EVERY_S = 1.0


class ExemplarFile:
    """The exemplars of this process, kept where the process that is scraped can read them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = Lock()
        self._process_id = 0
        self._file: MmapedDict | None = None
        self._noted_at: dict[str, float] = {}

    def note(self, sample: str, labels: dict[str, str], *, trace_id: str, value: float) -> None:
        """Remember a trace as the example of a sample, unless the last one is younger than a second."""
        key = json.dumps([sample, labels], sort_keys=True)
        now = time()
        with self._lock:
            file = self._of_this_process()
            if now - self._noted_at.get(key, 0.0) < _EVERY_S:
                return
            self._noted_at[key] = now
            parts = [float(int(trace_id[at : at + 8], 16)) for at in range(0, 32, 8)]
            for number, part in enumerate([*parts, value, now, sum(parts)]):
                write_value(file, f"{number}{key}", part)

    def close(self) -> None:
        """Close the file; the next note opens it again."""
        if self._file is not None:
            self._file.close()  # type: ignore[no-untyped-call]  # the client left it untyped
            self._file = None

    def _of_this_process(self) -> MmapedDict:
        # After a fork the file is still the parent's.
        if self._file is None or self._process_id != os.getpid():
            self.close()
            self._process_id = os.getpid()
            self._noted_at = {}
            self._file = MmapedDict(str(self._directory / f"worker_{self._process_id}{SUFFIX}"))  # type: ignore[no-untyped-call]  # the client left it untyped
        return self._file


def newest_exemplars(files: Iterable[Path]) -> dict[Place, Exemplar]:
    """Give the newest exemplar of each sample in the files of all workers."""
    newest: dict[Place, Exemplar] = {}
    for path in files:
        parts: dict[str, dict[int, float]] = {}
        for key, value, *_ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]  # as above
            parts.setdefault(key[1:], {})[int(key[0])] = value
        for key, numbers in parts.items():
            exemplar = _exemplar(numbers)
            if exemplar is None:
                continue
            sample, labels = json.loads(key)
            place = (sample, frozenset(labels.items()))
            known = newest.get(place)
            if known is None or _when(known) < _when(exemplar):
                newest[place] = exemplar
    return newest


def _exemplar(numbers: dict[int, float]) -> Exemplar | None:
    if len(numbers) != 7 or sum(numbers[number] for number in range(4)) != numbers[6]:
        return None
    trace_id = "".join(f"{int(numbers[number]):08x}" for number in range(4))
    return Exemplar({"trace_id": trace_id}, numbers[4], numbers[5])


def _when(exemplar: Exemplar) -> float:
    return float(exemplar.timestamp or 0.0)
