"""Several worker processes behind one port, with files that do not grow in number.

prometheus-client's multi-process mode gives every worker memory-mapped files named for its process id and
never removes those of counters, since a counter must not go back when a worker ends (client_python #275,
#568). Here a scrape folds the files of ended workers into one set and removes them: the numbers stay, the
files go. The switch is the client's own, `PROMETHEUS_MULTIPROC_DIR`, so that a service's own metrics
take part without a change.

A fold is one `os.replace` of `folded.json`, which names the folder with the new sums and the files that
they contain. Killed before it, nothing has happened; killed after it, the next scrape ignores and removes
the named files. Nothing is counted twice and nothing is lost in either case.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

from ._exemplars import SUFFIX, newest_exemplars
from ._mmap import write_value

_MANIFEST = "folded.json"
_ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"
# Their series speak of one live process: summed or shown after its end they would be wrong.
_GONE_WITH_THE_WORKER = ("gauge_live", "gauge_all_")


@dataclass(frozen=True, slots=True)
class _Folded:
    """The folder of sums, and the files in them by name and inode: a new worker may get an old one's name."""

    folder: str | None
    absorbed: tuple[tuple[str, int], ...] = ()


class WorkersCollector:
    """A collector of the metrics of all workers, live and ended, that share a folder."""

    def __init__(self, directory: Path, *, is_alive: Callable[[int], bool] | None = None) -> None:
        self._directory = directory
        self._is_alive = is_alive or _is_alive

    def register(self, registry: CollectorRegistry) -> None:
        """Add this collector to a registry."""
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Fold what ended workers left, then add up all files."""
        with self._exclusively():
            folded = self._tidied(self._read_manifest())
            ended = [path for path in self._worker_files() if not self._is_alive(_process_id(path))]
            if ended:
                folded = self._fold(folded, ended)
            files = [*self._folded_files(folded), *(str(path) for path in self._worker_files() if _has_content(path))]
            metrics = list(MultiProcessCollector.merge(files, accumulate=True))  # type: ignore[no-untyped-call]  # the client left it untyped
            self._attach_exemplars(metrics)
            return metrics

    def _attach_exemplars(self, metrics: list[Metric]) -> None:
        kept = []
        for path in sorted(self._directory.glob(f"*{SUFFIX}")):
            if self._is_alive(_process_id(path)):
                kept.append(path)
            else:
                path.unlink()
        exemplars = newest_exemplars(kept)
        if not exemplars:
            return
        for metric in metrics:
            if metric.type == "histogram":
                metric.samples = [
                    Sample(s.name, s.labels, s.value, s.timestamp, exemplars.get((s.name, frozenset(s.labels.items()))))
                    for s in metric.samples
                ]

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        with (self._directory / "fold.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _worker_files(self) -> list[Path]:
        return sorted(self._directory.glob("*.db"))

    def _folded_files(self, folded: _Folded) -> list[str]:
        return [] if folded.folder is None else [str(p) for p in sorted((self._directory / folded.folder).glob("*.db"))]

    def _read_manifest(self) -> _Folded:
        try:
            text = (self._directory / _MANIFEST).read_text()
        except FileNotFoundError:
            return _Folded(None)
        content = json.loads(text)
        return _Folded(content["folder"], tuple((name, inode) for name, inode in content["absorbed"]))

    def _tidied(self, folded: _Folded) -> _Folded:
        """Remove what the sums contain; also what a killed fold left behind."""
        for name, inode in folded.absorbed:
            path = self._directory / name
            if path.exists() and path.stat().st_ino == inode:
                path.unlink()
        for folder in self._directory.glob("folded-*"):
            if folder.name != folded.folder:
                shutil.rmtree(folder)
        rest = _Folded(folded.folder)
        if folded.absorbed:
            self._commit(rest)
        return rest

    def _fold(self, folded: _Folded, ended: list[Path]) -> _Folded:
        generation = 1 + int(folded.folder.partition("-")[2]) if folded.folder else 1
        target = self._directory / f"folded-{generation}"
        target.mkdir()
        kept = [path for path in ended if not path.name.startswith(_GONE_WITH_THE_WORKER) and _has_content(path)]
        by_kind: dict[str, list[str]] = defaultdict(list)
        for path in [*map(Path, self._folded_files(folded)), *kept]:
            by_kind[path.name.rpartition("_")[0]].append(str(path))
        for kind, files in by_kind.items():
            _write_sums(target / f"{kind}_0.db", files)
        # A process id can be given to a new worker at any time; a file that has an owner again is left alone.
        if any(self._is_alive(_process_id(path)) for path in ended):
            shutil.rmtree(target)
            return folded
        done = _Folded(target.name, tuple((path.name, path.stat().st_ino) for path in ended))
        self._commit(done)
        return self._tidied(done)

    def _commit(self, folded: _Folded) -> None:
        draft = self._directory / f"{_MANIFEST}.new"
        draft.write_text(json.dumps({"folder": folded.folder, "absorbed": folded.absorbed}))
        draft.replace(self._directory / _MANIFEST)


def workers_directory() -> Path | None:
    """Give the folder that the workers share, or None when there is one process only."""
    directory = os.environ.get(_ENVIRONMENT)
    return Path(directory) if directory else None


def _write_sums(target: Path, files: list[str]) -> None:
    sums = MmapedDict(str(target))  # type: ignore[no-untyped-call]  # the client left it untyped
    try:
        if "mostrecent" in target.name:
            _write_newest(sums, files)
            return
        for metric in MultiProcessCollector.merge(files, accumulate=False):  # type: ignore[no-untyped-call]  # as above
            for sample in metric.samples:
                names, values = list(sample.labels), list(sample.labels.values())
                key = mmap_key(metric.name, sample.name, names, values, metric.documentation)
                write_value(sums, key, sample.value, sample.timestamp or 0.0)
    finally:
        sums.close()  # type: ignore[no-untyped-call]  # as above


def _write_newest(sums: MmapedDict, files: list[str]) -> None:
    # The client's merge forgets the timestamps by which it chose, so these are chosen here.
    newest: dict[str, tuple[float, float]] = {}
    for file in files:
        for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(file):  # type: ignore[no-untyped-call]  # as above
            if timestamp >= newest.get(key, (0.0, 0.0))[1]:
                newest[key] = (value, timestamp)
    for key, (value, timestamp) in newest.items():
        write_value(sums, key, value, timestamp)


def _has_content(path: Path) -> bool:
    """Whether anything was counted: a worker may be killed, or looked at, between making its file and giving it a size."""
    return path.stat().st_size > 0


def _process_id(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
