"""A file that logrotate moves away while processes write to it: nothing is lost, nothing is torn."""

import json
import os
import signal
import subprocess
import sys

import pytest

WRITER = """
import sys, threading
from maestro_core_logging import configure_logging, get_logger, reopen_on_signal

configure_logging(filename=sys.argv[1], delivery=sys.argv[2], queue_lines=20_000)
reopen_on_signal()
log = get_logger("svc")
print("ready", flush=True)


def write(thread, burst):
    for number in range(750 * burst, 750 * (burst + 1)):
        log.info("line", thread=thread, number=number, filler="x" * 100)


for burst in range(4):
    sys.stdin.readline()
    threads = [threading.Thread(target=write, args=(thread, burst)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
sys.stdin.read()  # a process that is ending has no signal handlers any more
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("delivery", ["direct", "queued"])
def test_rotation_under_load_loses_no_line(delivery, tmp_path):
    """Rename and signal, as logrotate does, again and again: each line is whole, in one file, once."""
    path = tmp_path / "service.log"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), delivery], **pipes)
    assert writer.stdout.readline() == b"ready\n"
    for rotated in range(1, 5):
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        # A tenth of what the burst writes.
        while writer.poll() is None and not (path.exists() and path.stat().st_size > 50_000):
            pass
        path.rename(tmp_path / f"service.log.{rotated}")
        os.kill(writer.pid, signal.SIGHUP)
    _out, complaints = writer.communicate()
    assert (writer.returncode, complaints) == (0, b"")
    files = sorted(tmp_path.glob("service.log*"))
    assert len(files) >= 4
    lines = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
    assert sorted((line["thread"], line["number"]) for line in lines if line["event"] == "line") == [
        (thread, number) for thread in range(4) for number in range(3000)
    ]
