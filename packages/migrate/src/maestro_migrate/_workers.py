"""
The same work on many files, over processes, with what is known from an earlier run left out.

Chunks hold about equal bytes and results are by path, so they are the same for any number of processes. A file that kills its process, or that the
work cannot cope with, has its own result and stops nothing else.
"""

import gc
import multiprocessing
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from ._cache import ResultCache

__all__ = ["Work", "run_over"]

CHUNK_BYTES = 400_000
READ_AT_ONCE = 512
INLINE_BYTES = 1_500_000
"""Less than this is worked on in this process: starting others would take longer."""


@dataclass(frozen=True)
class Work:
    """
    What is done with each file's bytes, and what tells its result from others in the cache.

    `failed` makes the result of a file that cannot be worked on from the reason.
    """

    stage: str
    each: Callable[[str, bytes], str]
    key: Callable[[str, bytes], str]
    failed: Callable[[str], str]


def run_over(
    root: Path,
    files: Sequence[str],
    work: Work,
    *,
    store: ResultCache,
    jobs: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Mapping[str, str]:
    """Return the work's result for every file; files that are known by content are not worked on again."""
    results = _Results()
    todo: list[tuple[str, int]] = []
    keys: dict[str, str] = {}
    for start in range(0, len(files), READ_AT_ONCE):
        for path, key, length in _unknown(root, files[start : start + READ_AT_ONCE], work, store, results):
            todo.append((path, length))
            keys[path] = key
    collects = gc.isenabled()
    gc.disable()  # trees hold no cycles, and a collection walks every node of the one at hand
    try:
        tell = progress or (lambda *_: None)
        for path, text in _spread(
            root, todo, work, jobs, lambda done: tell(work.stage, len(files) - len(todo) + done, len(files))
        ):
            results.add(path, text)
    finally:
        if collects:
            gc.enable()
    store.write((key, results[path]) for path, key in keys.items())
    return results


def _unknown(
    root: Path, files: Sequence[str], work: Work, store: ResultCache, results: "_Results"
) -> list[tuple[str, str, int]]:
    """Return the path, key and length of each file that is not known by content; the others' results are added."""
    fresh: list[tuple[str, str, int]] = []
    for path in files:
        try:
            raw = (root / path).read_bytes()
        except OSError as error:
            results.add(path, work.failed(f"cannot be read: {error.strerror}"))
        else:
            fresh.append((path, work.key(path, raw), len(raw)))
    known = store.read(key for _, key, _ in fresh)
    for path, key, _ in fresh:
        if key in known:
            results.add(path, known[key])
    return [row for row in fresh if row[1] not in known]


class _Results(Mapping[str, str]):
    """
    Texts by path, compressed in one piece of memory.

    As objects of their own they would lie scattered between the trees of the files that were worked on meanwhile, and keep that memory from being used again.
    """

    def __init__(self) -> None:
        self._texts = bytearray()
        self._starts: dict[str, int] = {}

    def add(self, path: str, text: str) -> None:
        self._starts[path] = len(self._texts)
        raw = zlib.compress(text.encode(), 1)
        self._texts += len(raw).to_bytes(8, "big") + raw

    def __getitem__(self, path: str) -> str:
        start = self._starts[path] + 8
        length = int.from_bytes(self._texts[start - 8 : start], "big")
        return zlib.decompress(self._texts[start : start + length]).decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self._starts)

    def __len__(self) -> int:
        return len(self._starts)


_WORK: Work | None = None
_ROOT = Path()


def _spread(
    root: Path, todo: Sequence[tuple[str, int]], work: Work, jobs: int, tell: Callable[[int], None]
) -> Iterable[tuple[str, str]]:
    global _WORK, _ROOT
    _WORK, _ROOT = work, root
    jobs = jobs or min(os.cpu_count() or 1, 8)
    if jobs == 1 or sum(length for _, length in todo) < INLINE_BYTES:
        for done, (path, _) in enumerate(todo, start=1):
            yield path, _guarded(path)
            tell(done)
        return
    broken: list[str] = []
    done = 0
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        futures = [(chunk, pool.submit(_work_chunk, chunk)) for chunk in _chunks(todo)]
        for chunk, future in futures:
            try:
                yield from future.result()
            except BrokenProcessPool:
                broken += chunk
            done += len(chunk)
            tell(done)
    for path in broken:
        try:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
                yield from pool.submit(_work_chunk, [path]).result()
        except BrokenProcessPool:
            yield path, work.failed("it killed the process that read it")


def _chunks(todo: Sequence[tuple[str, int]]) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    size = 0
    for path, length in todo:
        if size >= CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(path)
        size += length
    return chunks


def _work_chunk(paths: Sequence[str]) -> list[tuple[str, str]]:
    return [(path, _guarded(path)) for path in paths]


def _guarded(path: str) -> str:
    assert _WORK is not None
    try:
        return _WORK.each(path, (_ROOT / path).read_bytes())
    except (RecursionError, MemoryError, OSError) as error:
        return _WORK.failed(f"the engine gave up on it: {type(error).__name__}: {error}")
