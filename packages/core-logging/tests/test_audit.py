"""Audit events are on the disk when the call returns, and show any later change."""

import json
import multiprocessing
import os
import stat

import pytest

from maestro_core_logging import AuditLog, get_logger, log_context
from maestro_core_logging.errors import AuditChainBrokenError, AuditNotWrittenError, LoggingError


@pytest.fixture
def audit(tmp_path):
    """An audit log of three events."""
    log = AuditLog(tmp_path / "audit.log")
    with log_context(request_id="r1"):
        for role in ("admin", "ops", "dev"):
            log.write("role_granted", actor="ann", target="bob", role=role)
    return log


def test_events_are_numbered_chained_and_carry_the_context(audit):
    """One line each, readable by anything that reads JSON."""
    lines = [json.loads(line) for line in audit.path.read_text().splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert [line["previous"] for line in lines] == ["0" * 64, lines[0]["digest"], lines[1]["digest"]]
    assert lines[0]["actor"] == "ann"
    assert lines[0]["request_id"] == "r1"
    assert audit.verify() == 3
    assert audit.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0].replace("ann", "eve"), *lines[1:]], 1),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: [*lines[:2], "not json\n"], 3),
        (lambda lines: [*lines[:2], "{}\n"], 3),
        (lambda lines: [lines[0].replace('"number":1,', '"number":1, '), *lines[1:]], 1),
    ],
)
def test_changes_are_found_with_their_line(audit, change, line):
    """Changed, removed, repeated, swapped, replaced, reformatted."""
    lines = audit.path.read_text().splitlines(keepends=True)
    audit.path.write_text("".join(change(lines)))
    with pytest.raises(AuditChainBrokenError) as broken:
        audit.verify()
    assert broken.value.line == line
    assert isinstance(broken.value, LoggingError)


def _write(path, name, count):
    for number in range(count):
        AuditLog(path).write("x", actor=name, n=number)


def test_processes_share_one_chain(tmp_path):
    """Workers of one service write to one file."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write, args=(tmp_path / "a", f"w{n}", 25)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert AuditLog(tmp_path / "a").verify() == 100


def test_what_cannot_be_written_is_an_error(tmp_path):
    """The one channel that raises: the action is to be refused."""
    with pytest.raises(AuditNotWrittenError, match="refuse the action"):
        AuditLog(tmp_path / "missing" / "a").write("x", actor="ann")


def test_a_half_written_line_is_taken_back(audit, monkeypatch):
    """A full disk leaves the chain whole."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: real(descriptor, line[:10]))
    with pytest.raises(AuditNotWrittenError):
        audit.write("x", actor="ann")
    monkeypatch.undo()
    assert audit.verify() == 3


def test_appending_to_a_spoilt_file_is_refused(audit):
    """Better an error now than a chain that cannot be checked later."""
    audit.path.write_text(audit.path.read_text() + "garbage\n")
    with pytest.raises(AuditNotWrittenError, match="verify"):
        audit.write("x", actor="ann")


def test_events_of_any_size(tmp_path):
    """Also one larger than what is read back for the chain."""
    log = AuditLog(tmp_path / "a")
    for size in (10, 200_000, 10):
        log.write("x", actor="ann", note="a b " * size)
    assert log.verify() == 3


def test_no_level_holds_it_back(audit):
    """Logging may be off altogether."""
    get_logger().setLevel(100)
    audit.write("x", actor="ann")
    assert audit.verify() == 4


def test_fields_called_like_the_chain_s_own_are_kept_beside_them(audit):
    """A field `number` must not break the numbering of the file."""
    with log_context(digest="d"):
        audit.write("paid", actor="ann", number=70, previous="p")
    audit.write("paid", actor="ann")
    assert audit.verify() == 5
    line = json.loads(audit.path.read_text().splitlines()[3])
    assert (line["number"], line["number_"], line["previous_"], line["digest_"]) == (4, 70, "p", "d")


def test_a_new_file_is_in_its_folder_on_the_disk(audit, monkeypatch):
    """A power failure after the first event would else take the file with it; later events need the file alone."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode)))
    new = AuditLog(audit.path.with_name("new.log"))
    new.write("first", actor="ann")
    new.write("second", actor="ann")
    assert synced == [False, True, False]
