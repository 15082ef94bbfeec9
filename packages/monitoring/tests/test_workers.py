"""Promises of the metrics of several workers."""

import json
import subprocess
import sys
import textwrap

import pytest
from prometheus_client import Gauge

from maestro_monitoring import WorkersCollector
from maestro_monitoring._exemplars import ExemplarFile, newest_exemplars
from maestro_monitoring._mmap import write_value

WORKERS = textwrap.dedent("""
    import os, sys
    from prometheus_client import Counter, Gauge, Histogram

    counter = Counter("jobs", "Jobs.", ["kind"])
    histogram = Histogram("seconds", "Seconds.", buckets=(1, 5))
    gauges = {mode: Gauge(mode, "A gauge.", multiprocess_mode=mode)
              for mode in {"livesum", "sum", "min", "max", "mostrecent", "all"} & Gauge._MULTIPROC_MODES}
    first, last = int(sys.argv[1]), int(sys.argv[2])
    for number in range(first, last):
        if (child := os.fork()) == 0:
            counter.labels("a").inc(2)
            histogram.observe(number % 10)
            for gauge in gauges.values():
                gauge.set(number)
            os._exit(0)
        os.waitpid(child, 0)
    """)


def run_workers(directory, first: int, last: int) -> None:
    subprocess.run(
        [sys.executable, "-c", WORKERS, str(first), str(last)],
        env={"PROMETHEUS_MULTIPROC_DIR": str(directory), "PATH": ""},
        check=True,
        timeout=120,
    )


def values(collector: WorkersCollector) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for m in collector.collect() for s in m.samples}


def files(directory) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_a_hundred_restarts_leave_as_many_files_as_ten_and_lose_nothing(tmp_path):
    """The client leaves five files a worker for ever (client_python #275, #568); here the number is constant."""
    collector = WorkersCollector(tmp_path)
    run_workers(tmp_path, 0, 10)
    collector.collect()
    after_ten = len(files(tmp_path))
    for first in range(10, 110, 20):
        run_workers(tmp_path, first, first + 20)
        seen = values(collector)
    assert len(files(tmp_path)) == after_ten
    assert seen["jobs_total", (("kind", "a"),)] == 220
    assert seen["seconds_count", ()] == 110
    assert seen["seconds_sum", ()] == sum(number % 10 for number in range(110))
    assert seen["seconds_bucket", (("le", "1.0"),)] == 22
    assert seen["seconds_bucket", (("le", "5.0"),)] == 66
    assert (seen["sum", ()], seen["min", ()], seen["max", ()]) == (sum(range(110)), 0, 109)
    if "mostrecent" in Gauge._MULTIPROC_MODES:
        assert seen["mostrecent", ()] == 109


@pytest.mark.parametrize("is_alive", [True, False])
def test_a_file_that_was_made_and_not_filled_spoils_no_scrape(tmp_path, is_alive):
    """prometheus-client makes a file and gives it a size in two steps; a worker killed between them broke every scrape after it."""
    run_workers(tmp_path, 0, 3)
    for kind in ("counter", "histogram", "gauge_sum"):
        (tmp_path / f"{kind}_999999.db").touch()
    collector = WorkersCollector(tmp_path, is_alive=lambda process_id: process_id == 999999 and is_alive)
    for _ in range(2):
        assert values(collector)["jobs_total", (("kind", "a"),)] == 6
    assert (tmp_path / "counter_999999.db").exists() is is_alive


def test_scraping_twice_gives_the_same_numbers(tmp_path):
    """A fold is not counted again."""
    run_workers(tmp_path, 0, 3)
    collector = WorkersCollector(tmp_path)
    assert values(collector) == values(collector)


def test_gauges_of_ended_workers_are_gone(tmp_path):
    """In-progress requests of a killed worker are in progress no more; a series with its pid is not kept either."""
    run_workers(tmp_path, 0, 3)
    names = {name for name, _ in values(WorkersCollector(tmp_path))}
    assert names.isdisjoint({"livesum", "all"})


def test_live_workers_keep_their_files(tmp_path):
    """What a live worker writes is read where it writes it."""
    run_workers(tmp_path, 0, 2)
    before = files(tmp_path)
    seen = values(WorkersCollector(tmp_path, is_alive=lambda process_id: True))
    assert seen["jobs_total", (("kind", "a"),)] == 4
    assert set(before) <= set(files(tmp_path))


def test_a_process_id_given_to_a_new_worker_stops_the_fold(tmp_path):
    """When the id comes alive between the first look and the last, its file is left alone."""
    run_workers(tmp_path, 0, 1)
    answers = iter([False] * len(list(tmp_path.glob("*.db"))))
    collector = WorkersCollector(tmp_path, is_alive=lambda process_id: next(answers, True))
    before = [path.name for path in sorted(tmp_path.glob("*.db"))]
    assert values(collector)["jobs_total", (("kind", "a"),)] == 2
    assert [path.name for path in sorted(tmp_path.glob("*.db"))] == before
    assert not list(tmp_path.glob("folded-*"))


@pytest.mark.parametrize("killed_at", ["mkdir", "_commit", "_tidied"])
def test_a_scrape_killed_in_the_middle_of_a_fold_costs_nothing(tmp_path, monkeypatch, killed_at):
    """Before the commit nothing has happened, after it the next scrape finishes: same numbers, same files."""
    run_workers(tmp_path, 0, 2)
    collector = WorkersCollector(tmp_path)
    calls = []

    class KilledError(BaseException):
        pass

    def killed(*args, **kwargs):
        calls.append(args)
        raise KilledError

    real_tidied = WorkersCollector._tidied
    with monkeypatch.context() as patched:
        if killed_at == "mkdir":
            patched.setattr("maestro_monitoring._workers._write_sums", killed)
        elif killed_at == "_commit":
            patched.setattr(WorkersCollector, "_commit", killed)
        else:
            patched.setattr(
                WorkersCollector,
                "_tidied",
                lambda self, folded: killed() if folded.absorbed else real_tidied(self, folded),
            )
        with pytest.raises(KilledError):
            collector.collect()
    assert calls
    seen = values(collector)
    assert seen["jobs_total", (("kind", "a"),)] == 4
    assert seen["seconds_count", ()] == 2
    assert not list(tmp_path.glob("*.db"))
    assert len(list(tmp_path.glob("folded-*"))) == 1
    assert json.loads((tmp_path / "folded.json").read_text())["absorbed"] == []


def test_the_exposition_is_that_of_all_workers(tmp_path):
    """With the client's own switch set, `exposition()` adds the workers up without another setting."""
    run_workers(tmp_path, 0, 4)
    shown = subprocess.run(
        [sys.executable, "-c", "import maestro_monitoring as m; print(m.exposition(None)[0].decode())"],
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert 'jobs_total{kind="a"} 8.0' in shown


OBSERVED = textwrap.dedent("""
    import os
    from maestro_monitoring import RequestMetrics, exposition

    metrics = RequestMetrics()
    for worker in ("a", "b"):
        gate, done = os.pipe(), os.pipe()
        if (child := os.fork()) == 0:
            os.close(gate[1])
            metrics.observe(method="GET", route="/", status=200, duration_s=0.3, trace_id=worker * 32)
            metrics.observe(method="GET", route="/", status=200, duration_s=0.3, trace_id="f" * 32)
            os.write(done[1], b".")
            os.read(gate[0], 1)
            os._exit(0)
        os.read(done[0], 1)
        print(exposition("application/openmetrics-text")[0].decode())
        os.close(gate[1])
        os.waitpid(child, 0)
    print("ENDED", exposition("application/openmetrics-text")[0].decode())
    print("FILES", [name for name in os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]) if "exemplars" in name])
    """)


def test_exemplars_of_live_workers_are_kept(tmp_path):
    """The client's multi-process mode has none; here each live worker's last trace is shown, and no file stays."""
    shown = subprocess.run(
        [sys.executable, "-c", OBSERVED],
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    live, _, ended = shown.partition("ENDED")
    lines = [line for line in live.splitlines() if "# {" in line]
    assert len(lines) == 2
    for worker, line in zip("ab", lines, strict=True):
        assert line.startswith('http_request_duration_seconds_bucket{le="0.5",method="GET",route="/"}')
        assert f'# {{trace_id="{worker * 32}"}} 0.3 ' in line
    assert "# {" not in ended
    assert 'http_requests_total{method="GET",route="/",status="200"} 4.0' in ended
    assert "FILES []" in ended


def test_an_exemplar_that_is_being_written_is_not_shown(tmp_path):
    """A reader in the middle of a write goes without rather than showing a trace that never was."""
    file = ExemplarFile(tmp_path)
    file.note("seconds_bucket", {"le": "1.0"}, trace_id="ab" * 16, value=0.5)
    place, exemplar = next(iter(newest_exemplars(tmp_path.glob("*.exemplars")).items()))
    assert place == ("seconds_bucket", frozenset({("le", "1.0")}))
    assert (exemplar.labels, exemplar.value) == ({"trace_id": "ab" * 16}, 0.5)
    write_value(file._file, '0["seconds_bucket", {"le": "1.0"}]', 7.0)
    assert newest_exemplars(tmp_path.glob("*.exemplars")) == {}
    file.close()


KILLED = textwrap.dedent("""
    import os, random, signal
    from maestro_monitoring import RequestMetrics, exposition

    metrics, chosen, expected = RequestMetrics(), random.Random(7), 0

    def child(work):
        if (process_id := os.fork()) == 0:
            work()
            os._exit(1)
        return process_id

    def scrape_for_ever():
        while True:
            exposition(None)

    def end(process_id):
        os.kill(process_id, signal.SIGKILL)
        os.waitpid(process_id, 0)

    scrapers = [child(scrape_for_ever) for _ in range(2)]
    for _ in range(25):
        reading, writing = os.pipe()
        requests = [chosen.randrange(1, 100) for _ in range(4)]
        expected += sum(requests)

        def serve(count):
            for _ in range(count):
                metrics.observe(method="GET", route="/", status=200, duration_s=0.01, trace_id="a" * 32)
            os.write(writing, b".")
            signal.pause()

        workers = [child(lambda count=count: serve(count)) for count in requests]
        for _ in workers:
            os.read(reading, 1)
        for worker in workers:
            end(worker)
        os.close(reading)
        os.close(writing)
    for scraper in scrapers:
        end(scraper)
    lines = exposition(None)[0].decode().splitlines()
    print(expected, [float(line.split()[-1]) for line in lines if line.startswith(("http_requests_total{", "http_request_duration_seconds_count{"))])
    print(sorted(name.partition("-")[0] for name in os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"])))
    """)


def test_a_hundred_killed_workers_lose_nothing_while_two_scrapers_fold(tmp_path):
    """SIGKILL in the middle of serving, folds at any moment and two at once: every request is counted exactly once."""
    ran = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
        timeout=240,
    )
    counted, left = ran.stdout.splitlines()
    expected, _, found = counted.partition(" ")
    assert json.loads(found) == [float(expected)] * 2
    assert left == "['fold.lock', 'folded', 'folded.json']"
