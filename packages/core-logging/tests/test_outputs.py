"""Drills: what is lost, when, and what a broken output does to the application."""

import io
import json
import logging
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from maestro_core_logging import configure_logging, get_logger, lost_lines, reopen_files
from maestro_core_logging._queue import LineQueue


def run(code, *args, **options):
    """Run a program that logs, in a process of its own."""
    program = "import sys, os, signal, logging\nfrom maestro_core_logging import *\n" + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program, *map(str, args)], capture_output=True, timeout=60, **options)


def events_of(path):
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def test_a_sigkill_loses_nothing_that_was_logged(tmp_path):
    """The default delivery: what the call returned from is in the file."""
    path = tmp_path / "x.log"
    done = run(
        """
        configure_logging(filename=sys.argv[1])
        log = get_logger("svc")
        for n in range(500): log.info(f"line {n}")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        path,
    )
    assert done.returncode == -signal.SIGKILL
    assert events_of(path) == [f"line {n}" for n in range(500)]


@pytest.mark.parametrize(
    "ending", ["pass", "logging.shutdown()", "sys.exit(0)", "os.kill(os.getpid(), signal.SIGTERM)", "raise ValueError"]
)
def test_the_queue_is_written_at_exit_and_at_sigterm(tmp_path, ending):
    """However the program ends, short of SIGKILL; and SIGTERM still kills."""
    path = tmp_path / "x.log"
    done = run(
        f"""
        configure_logging(filename=sys.argv[1], delivery="queued")
        log = get_logger("svc")
        for n in range(500): log.info(f"line {{n}}")
        {ending}
        """,
        path,
    )
    assert done.returncode == {"raise ValueError": 1}.get(ending, -signal.SIGTERM if "TERM" in ending else 0)
    assert events_of(path) == [f"line {n}" for n in range(500)]


def test_an_application_s_own_sigterm_handler_stays(tmp_path):
    """It ends in an orderly exit, which writes the queue."""
    path = tmp_path / "x.log"
    done = run(
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        configure_logging(filename=sys.argv[1], delivery="queued")
        get_logger("svc").info("x")
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        path,
    )
    assert done.returncode == 7
    assert events_of(path) == ["x"]


def test_lines_of_exit_handlers_are_written(tmp_path):
    """Also after the queue was closed."""
    path = tmp_path / "x.log"
    run(
        """
        import atexit
        atexit.register(lambda: get_logger("svc").info("last words"))
        configure_logging(filename=sys.argv[1], delivery="queued")
        atexit.register(lambda: get_logger("svc").info("first words"))
        """,
        path,
    )
    assert events_of(path) == ["first words", "last words"]


def test_lines_are_written_by_the_call_where_no_thread_can_be_started(tmp_path, monkeypatch):
    """At a limit, and from 3.12 on at the end of the interpreter: the call raised, and its line waited for the end."""

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    path = tmp_path / "x.log"
    configure_logging(filename=path, delivery="queued")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    get_logger("svc").info("at the limit")
    assert events_of(path) == ["at the limit"]
    monkeypatch.undo()
    get_logger("svc").info("below it")
    logging.shutdown()
    assert events_of(path) == ["at the limit", "below it"]


@pytest.mark.parametrize("delivery", ["direct", "queued"])
def test_a_closed_pipe_raises_nothing(delivery):
    """The reader has gone: the service goes on and its exit code is its own."""
    reader, writer = os.pipe()
    os.close(reader)
    done = run(
        """
        out = os.fdopen(int(sys.argv[1]), "w")
        configure_logging(stream=out, delivery=sys.argv[2])
        for n in range(100): get_logger("svc").info("x")
        flush_queues()
        assert lost_lines() == 100, lost_lines()
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        """,
        writer,
        delivery,
        pass_fds=(writer,),
    )
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"cannot write to") == 1


def test_a_full_disk_raises_nothing_and_is_counted(capsys):
    """`/dev/full` answers every write with ENOSPC; one notice on standard error, not one a line."""
    configure_logging(filename="/dev/full")
    for _ in range(10):
        get_logger("svc").info("x")
    assert lost_lines() == 10
    assert capsys.readouterr().err.count("No space left on device") == 1
    (sink,) = logging.getLogger().handlers
    sink.close()


class Raw(io.FileIO):
    """A raw file of a kind that we do not know, which is written through its descriptor."""


def text_on(raw):
    """Open a text layer, as `open` does."""
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8")


def test_a_torn_line_does_not_swallow_the_next(tmp_path, monkeypatch):
    """A disk that filled up in the middle of a line: the next line begins on its own."""
    path = tmp_path / "x.log"
    real, calls = os.write, []

    def half(descriptor, line):
        calls.append(line)
        if len(calls) == 1:
            return real(descriptor, bytes(line[:10]))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(descriptor, line)

    monkeypatch.setattr(os, "write", half)
    with text_on(Raw(path, "a")) as stream:
        configure_logging(stream=stream)
        get_logger("svc").info("torn")
        get_logger("svc").info("whole")
    assert json.loads(path.read_text().splitlines()[1])["event"] == "whole"
    assert lost_lines() == 1


@pytest.mark.parametrize("raw", [io.FileIO, Raw])
def test_another_file_that_got_the_descriptor_of_a_closed_stream_is_not_written_to(tmp_path, raw):
    """Somebody closed the stream, and the next file that is opened has its descriptor: lines are counted and lost."""
    stream = text_on(raw(tmp_path / "x.log", "a"))
    configure_logging(stream=stream)
    get_logger("svc").info("written")
    descriptor = stream.fileno()
    stream.close()
    with (tmp_path / "data").open("w") as data:
        assert data.fileno() == descriptor
        for _ in range(3):
            get_logger("svc").info("lost")
    assert lost_lines() == 3
    assert (tmp_path / "data").read_text() == ""
    assert events_of(tmp_path / "x.log") == ["written"]


def test_another_file_that_got_the_descriptor_of_our_closed_file_is_not_written_to(tmp_path):
    """The same for a file that we opened, whose stream somebody closed behind our back; reopening it helps."""
    configure_logging(filename=tmp_path / "x.log")
    (sink,) = logging.getLogger().handlers
    get_logger("svc").info("written")
    descriptor = sink.stream.fileno()
    sink.stream.close()
    with (tmp_path / "data").open("w") as data:
        assert data.fileno() == descriptor
        get_logger("svc").info("lost")
        assert lost_lines() == 1
        reopen_files()
        get_logger("svc").info("after")
    assert (tmp_path / "data").read_text() == ""
    assert events_of(tmp_path / "x.log") == ["written", "after"]


def test_a_slow_pipe_stops_no_call_under_the_queue():
    """Nobody reads: calls return, the queue stays bounded, drops are counted and told."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as out:
        configure_logging(stream=out, delivery="queued", queue_lines=100)
        (sink,) = logging.getLogger().handlers
        log = get_logger("svc")
        for _ in range(5_000):
            log.info("x" * 200)
        assert len(sink.queue._lines) <= 100
        dropped = lost_lines()
        assert dropped > 0
        written = bytearray()
        reading = threading.Thread(target=lambda: written.extend(read_all(reader)))
        reading.start()
        assert sink.queue.flush(20)
        log.info("after")
        assert sink.queue.flush(20)
        sink.close()
        logging.getLogger().handlers.clear()
    reading.join()
    events = [json.loads(line) for line in written.splitlines()]
    told = sum(event["count"] for event in events if event["event"] == "log lines dropped")
    assert told == dropped
    assert sum(event["event"].startswith("xx") for event in events) == 5_000 - dropped


@pytest.mark.parametrize("patched", ["before", "after"])
def test_a_slow_pipe_stops_no_greenlet_under_the_queue(patched):
    """gevent makes threads green: on one of these, the first write that waited stopped the whole program."""
    program = """
        import sys, time
        from maestro_core_logging import configure_logging, get_logger
        from gevent import monkey
        if sys.argv[1] == "before": monkey.patch_all()
        configure_logging(stream="stdout", delivery="queued")
        log = get_logger("svc")
        if sys.argv[1] == "after": monkey.patch_all()
        for n in range(200):
            log.info("line", n=n, padding="x" * 1000)
            time.sleep(0)
        print("alive", file=sys.stderr, flush=True)
        """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), patched], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    ready, _, _ = select.select([child.stderr], [], [], 30)  # nobody reads what it logs
    if not ready:
        child.kill()
    out, err = child.communicate(timeout=30)
    assert (ready, err) == ([child.stderr], b"alive\n")
    assert [json.loads(line)["n"] for line in out.splitlines()] == list(range(200))


def read_all(descriptor):
    """Read until the other end closes."""
    with os.fdopen(descriptor, "rb") as source:
        return source.read()


@pytest.mark.parametrize("raw", [io.FileIO, Raw])
def test_a_pipe_made_non_blocking_by_somebody_loses_nothing(raw):
    """asyncio and node make shared pipes non-blocking; a full one means waiting, not losing."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    written = bytearray()
    reading = threading.Thread(target=lambda: written.extend(read_all(reader)))
    with text_on(raw(writer, "w")) as out:
        configure_logging(stream=out)
        reading.start()
        for n in range(2_000):
            get_logger("svc").info(f"{n} " + "x" * 500)
        assert lost_lines() == 0
        logging.getLogger().handlers.clear()
    reading.join()
    assert [int(json.loads(line)["event"].split()[0]) for line in written.splitlines()] == list(range(2_000))


def test_threads_write_whole_lines(tmp_path):
    """Eight threads, one file: every line is there and is JSON."""
    path = tmp_path / "x.log"
    configure_logging(filename=path)
    log = get_logger("svc")

    def work(name):
        for n in range(250):
            log.info("x", worker=name, n=n)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted((line["worker"], line["n"]) for line in lines) == [(w, n) for w in range(8) for n in range(250)]


@pytest.mark.parametrize("delivery", ["direct", "queued"])
def test_forked_children_log_and_repeat_nothing(tmp_path, delivery):
    """A fork with lines queued and another thread in the middle of logging: each line once."""
    path = tmp_path / "x.log"
    done = run(
        """
        import threading
        configure_logging(filename=sys.argv[1], delivery=sys.argv[2])
        log = get_logger("svc")
        stop = threading.Event()
        def chatter():
            n = 0
            while not stop.is_set():
                log.info(f"chatter {n}"); n += 1
        thread = threading.Thread(target=chatter); thread.start()
        for child in range(5):
            log.info(f"before {child}")
            pid = os.fork()
            if not pid:
                log.info(f"child {child}")
                flush_queues()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set(); thread.join()
        """,
        path,
        delivery,
    )
    assert done.returncode == 0, done.stderr
    events = events_of(path)
    assert len(events) == len(set(events))
    assert {f"child {n}" for n in range(5)} | {f"before {n}" for n in range(5)} <= set(events)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("delivery", ["direct", "queued"])
def test_children_of_multiprocessing_write_what_they_logged(tmp_path, delivery, method):
    """They end without what `atexit` knows; a queue is written all the same."""
    path = tmp_path / "x.log"
    program = tmp_path / "parent.py"
    program.write_text(textwrap.dedent("""
        import multiprocessing, sys
        from maestro_core_logging import configure_logging, get_logger

        def configure(): configure_logging(filename=sys.argv[1], delivery=sys.argv[2])

        def child(number):
            configure()
            for n in range(200): get_logger("svc").info(f"child {number} {n}")

        if __name__ == "__main__":
            configure()
            context = multiprocessing.get_context(sys.argv[3])
            children = [context.Process(target=child, args=(number,)) for number in range(2)]
            for each in children: each.start()
            for each in children: each.join()
        """))
    command = [sys.executable, str(program), str(path), delivery, method]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(events_of(path)) == sorted(f"child {number} {n}" for number in range(2) for n in range(200))


@pytest.mark.parametrize("delivery", ["direct", "queued"])
def test_a_file_that_may_not_grow_any_more_is_survived_and_resumed(tmp_path, delivery):
    """The kernel takes a part of a line and refuses the rest, as a disk that is full; later there is room again."""
    path = tmp_path / "x.log"
    done = run(
        """
        import resource
        configure_logging(filename=sys.argv[1], delivery=sys.argv[2])
        log = get_logger("svc")
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
        for n in range(100): log.info(f"line {n}")
        flush_queues()
        lost = lost_lines()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        log.info("after")
        print(lost)
        """,
        path,
        delivery,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"cannot write to") == 1
    *whole, torn, after = path.read_text().splitlines()
    written = [json.loads(line)["event"] for line in whole]
    if delivery == "direct":  # a queue writes many lines at once and loses them together
        assert 100 - len(written) == int(done.stdout) > 0
        assert written == [f"line {n}" for n in range(len(written))]
    with pytest.raises(ValueError):
        json.loads(torn)
    assert json.loads(after)["event"] == "after"


def test_a_full_disk_is_survived_and_resumed(tmp_path):
    """A file system of 64 KiB, where this machine lets one be mounted: lines are counted, and written when there is room."""
    program = """
        configure_logging(filename=sys.argv[1] + "/x.log")
        audit = AuditLog(sys.argv[1] + "/audit.log")
        audit.write("begun", actor="ann")
        for n in range(2000): get_logger("svc").info(f"line {n}")
        assert lost_lines() > 0
        try:
            for n in range(100): audit.write("big", actor="ann", note="x" * 5000)
        except errors.AuditNotWrittenError as error:
            print("refused", error.reason)
        os.truncate(sys.argv[1] + "/x.log", 0)
        lost = lost_lines()
        get_logger("svc").info("after")
        assert lost_lines() == lost
        audit.write("ended", actor="ann")
        assert audit.verify() >= 2
        print(open(sys.argv[1] + "/x.log").read().splitlines()[-1])
    """
    code = "import sys, os\nfrom maestro_core_logging import *\nfrom maestro_core_logging import errors\n"
    (tmp_path / "program.py").write_text(code + textwrap.dedent(program))
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = (
        f'mount -t tmpfs -o size=64k none "{disk}" || exit 77; exec "{sys.executable}" "{tmp_path}/program.py" "{disk}"'
    )
    try:
        done = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("util-linux's unshare is not installed")
    if done.returncode == 77 or b"unshare:" in done.stderr:
        pytest.skip("this machine lets nobody mount a file system of their own")
    assert done.returncode == 0, done.stderr
    refused, after = done.stdout.decode().splitlines()
    assert refused.startswith("refused")
    assert json.loads(after)["event"] == "after"


def test_rotation_by_another_program(tmp_path):
    """The file was moved: after `reopen_files` lines go to a new file of the old name."""
    path = tmp_path / "x.log"
    configure_logging(filename=path)
    get_logger("svc").info("old")
    path.rename(tmp_path / "x.log.1")
    get_logger("svc").info("still old")
    reopen_files()
    get_logger("svc").info("new")
    assert events_of(tmp_path / "x.log.1") == ["old", "still old"]
    assert events_of(path) == ["new"]


def test_rotation_by_signal(tmp_path):
    """`kill -HUP`, as logrotate sends it."""
    path = tmp_path / "x.log"
    done = run(
        """
        configure_logging(filename=sys.argv[1])
        reopen_on_signal()
        get_logger("svc").info("old")
        os.rename(sys.argv[1], sys.argv[1] + ".1")
        os.kill(os.getpid(), signal.SIGHUP)
        get_logger("svc").info("new")
        """,
        path,
    )
    assert done.returncode == 0, done.stderr
    assert events_of(path) == ["new"]


def test_printed_text_keeps_its_place_among_lines():
    """What was printed to the same stream before a line comes before it."""
    done = run("""
        configure_logging(stream=sys.stdout)
        print("first"); get_logger("svc").info("second"); print("third")
        """)
    first, second, third = done.stdout.decode().splitlines()
    assert (first, json.loads(second)["event"], third) == ("first", "second", "third")


def test_lines_printed_to_our_file_keep_their_place(tmp_path):
    """A header that somebody writes to the handler's stream, without flushing it."""
    configure_logging(filename=tmp_path / "x.log")
    (sink,) = logging.getLogger().handlers
    get_logger("svc").info("first")
    print("second", file=sink.stream)
    get_logger("svc").info("third")
    first, second, third = (tmp_path / "x.log").read_text().splitlines()
    assert (json.loads(first)["event"], second, json.loads(third)["event"]) == ("first", "second", "third")


def test_text_printed_to_a_stream_put_into_the_file_s_sink_keeps_its_place(tmp_path):
    """`setStream` with a file of somebody's own, whose buffer we know nothing of."""
    configure_logging(filename=tmp_path / "x.log")
    (sink,) = logging.getLogger().handlers
    get_logger("svc").info("elsewhere")
    with (tmp_path / "y.log").open("w") as other:
        sink.setStream(other).close()
        for text in ("first", "third"):
            print(text, file=other)
            get_logger("svc").info("line")
        first, _line, third, _other = (tmp_path / "y.log").read_text().splitlines()
        assert (first, third) == ("first", "third")
        logging.getLogger().handlers.clear()
    assert events_of(tmp_path / "x.log") == ["elsewhere"]


def test_a_signal_while_the_file_is_opened_has_it_opened_again(tmp_path, monkeypatch):
    """A second rotation may begin before the first is over; the wish for it is not forgotten."""
    path = tmp_path / "x.log"
    configure_logging(filename=path)
    (sink,) = logging.getLogger().handlers
    opened = []
    original = type(sink)._open

    def interrupted(self):
        opened.append(original(self))
        if len(opened) == 1:
            path.rename(tmp_path / "x.log.1")
            reopen_files()
        return opened[-1]

    monkeypatch.setattr(type(sink), "_open", interrupted)
    reopen_files()
    for event in ("one", "two", "three"):
        get_logger("svc").info(event)
    assert events_of(tmp_path / "x.log.1") == ["one"]
    assert events_of(path) == ["two", "three"]


def test_a_stream_in_an_old_encoding_gets_escapes():
    """Better `\\\\u20ac` than nothing."""
    raw = io.BytesIO()
    configure_logging(stream=io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    get_logger("svc").info("5 €")
    assert b"5 \\u20ac" in raw.getvalue()
    assert lost_lines() == 0


def test_a_replaced_stream_is_written_to():
    """`handler.setStream` and pytest's capture replace streams."""
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    get_logger("svc").info("one")
    logging.getLogger().handlers[0].setStream(second)
    get_logger("svc").info("two")
    assert '"one"' in first.getvalue()
    assert '"two"' in second.getvalue()


def test_a_processor_that_raises_does_not_reach_the_application(capsys):
    """It is reported as `logging` reports a formatter that raises."""

    def broken(_logger, _name, _event):
        raise RuntimeError("no")

    configure_logging(stream=io.StringIO(), processors=[broken])
    get_logger("svc").info("x")
    assert "RuntimeError: no" in capsys.readouterr().err


def test_a_signal_handler_may_log_where_it_interrupts_a_queue_that_counts():
    """Under a flood the queue counts all the time; the call that the handler interrupts could never go on."""
    writing, room = threading.Event(), threading.Event()
    queue = LineQueue(lambda _line: (writing.set(), room.wait(30)), capacity=1)
    before = signal.signal(signal.SIGUSR2, lambda _number, _frame: queue.put(b"asked to end\n"))
    try:
        queue.put(b"on its way\n")
        assert writing.wait(30)
        queue.put(b"waiting\n")
        with queue._counting:
            signal.raise_signal(signal.SIGUSR2)
        assert queue.dropped == 1
    finally:
        signal.signal(signal.SIGUSR2, before)
        room.set()
        queue.close()
