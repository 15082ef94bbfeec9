"""Work over processes: the same results however it is spread, one bad file is one bad result, and what is known is not done again."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from maestro_migrate import _workers
from maestro_migrate._cache import ResultCache
from maestro_migrate._workers import Work, run_over


def work(each: Callable[[str, bytes], str]) -> Work:
    """Make work whose results are kept by the bytes that they were made from."""
    return Work("test", each, lambda path, raw: f"{path} {raw!r}", lambda reason: f"failed: {reason}")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write some files and have even those few spread over processes, each in a chunk of its own."""
    monkeypatch.setattr(_workers, "INLINE_BYTES", 0)
    monkeypatch.setattr(_workers, "CHUNK_BYTES", 1)
    names = [f"{number}.py" for number in range(5)]
    for name in names:
        (tmp_path / name).write_text(name)
    return names


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_file_has_its_result(tmp_path: Path, files: list[str], jobs: int) -> None:
    """One process or two, and a file that is not there is a result like any other."""
    done = run_over(
        tmp_path, [*files, "gone.py"], work(lambda path, raw: raw.decode() * 2), store=ResultCache(None), jobs=jobs
    )
    assert {path: text for path, text in done.items() if path != "gone.py"} == {path: path * 2 for path in files}
    assert done["gone.py"].startswith("failed: cannot be read: No such file")


def _kill(path: str, raw: bytes) -> str:
    if path == "3.py":
        os._exit(9)
    return raw.decode()


def test_a_file_that_kills_its_process_is_named_and_the_rest_goes_on(tmp_path: Path, files: list[str]) -> None:
    """The others are worked on again, each by itself where need be."""
    done = run_over(tmp_path, files, work(_kill), store=ResultCache(None), jobs=2)
    assert done == {path: path for path in files} | {"3.py": "failed: it killed the process that read it"}


def test_a_file_that_is_too_much_is_named(tmp_path: Path, files: list[str]) -> None:
    """Recursion and memory have limits, which are no reason to stop."""

    def deep(path: str, raw: bytes) -> str:
        if path == "1.py":
            raise RecursionError("too deep")
        return raw.decode()

    done = run_over(tmp_path, files, work(deep), store=ResultCache(None), jobs=1)
    assert done["1.py"] == "failed: the engine gave up on it: RecursionError: too deep"
    assert done["2.py"] == "2.py"


def test_what_is_known_is_not_done_again(tmp_path: Path, files: list[str]) -> None:
    """Only a file whose bytes changed is worked on, and progress counts the others as done."""
    store = ResultCache(tmp_path / "cache.sqlite")
    run_over(tmp_path, files, work(lambda _path, _raw: "first"), store=store, jobs=1)
    (tmp_path / "2.py").write_text("changed")
    told: list[tuple[str, int, int]] = []
    done = run_over(
        tmp_path, files, work(lambda _path, _raw: "second"), store=store, jobs=1, progress=lambda *row: told.append(row)
    )
    store.close()
    assert sorted(path for path, text in done.items() if text == "second") == ["2.py"]
    assert told == [("test", 5, 5)]
