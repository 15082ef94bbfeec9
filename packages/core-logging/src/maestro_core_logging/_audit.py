"""The audit channel: events that are on the disk, in a chain that shows any later change, before the call returns."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import orjson

from maestro_core_logging._context import current_context
from maestro_core_logging._encode import json_line
from maestro_core_logging._event import Event, add_fields, rfc3339, trace_ids
from maestro_core_logging._redaction import Redaction
from maestro_core_logging.errors import AuditChainBrokenError, AuditNotWrittenError

_BEGINNING = "0" * 64
_OF_THE_CHAIN = frozenset({"number", "previous", "digest"})
_TAIL_BYTES = 64 * 1024


class AuditLog:
    """
    An append-only file of audit events, each with its number and the digest of the one before it.

    Several processes may write to one file. The level of no logger and no sampling holds an audit event back.
    """

    def __init__(self, path: str | os.PathLike[str], *, redact: Redaction | None = None) -> None:
        self.path = Path(path)
        self._redact = redact or Redaction()

    def write(self, event: str, *, actor: str, **fields: object) -> None:
        """
        Write what `actor` did; when this returns the event is on the disk.

        Raises:
            AuditNotWrittenError: it is not; the action should then be refused.
        """
        made: Event = {"timestamp": rfc3339(time.time()), "event": event, "actor": actor}
        made.update(trace_ids())
        add_fields(made, current_context())
        add_fields(made, fields)
        made["actor"] = actor
        for name in _OF_THE_CHAIN & made.keys():
            made[f"{name}_"] = made.pop(name)
        try:
            self._append(self._redact.event(made))
        except OSError as error:
            raise AuditNotWrittenError(str(self.path), error.strerror or str(error)) from error

    def _append(self, event: Mapping[str, object]) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # released by close
            size = os.fstat(descriptor).st_size
            number, digest = _last(descriptor, size)
            body = json_line({"number": number + 1, "previous": digest, **event})
            line = _sealed(body)
            written = os.write(descriptor, line)
            if written != len(line):
                os.ftruncate(descriptor, size)  # a half line would look like tampering
                raise OSError(28, "no space left for the whole line")
            os.fsync(descriptor)
            if size == 0:
                _sync_folder(self.path.parent)  # in which a new file's name has yet to be on the disk
        finally:
            os.close(descriptor)

    def verify(self) -> int:
        """
        Check the chain from the first line to the last and count the events.

        Raises:
            AuditChainBrokenError: a line was changed, removed or inserted. Lines cut off at the end show only
                against a count or digest kept elsewhere.
            OSError: the file cannot be read.
        """
        digest, number = _BEGINNING, 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    event = orjson.loads(line)
                    intact = _sealed(_unsealed(line)) == line
                except (ValueError, KeyError) as error:
                    raise AuditChainBrokenError(str(self.path), number, "it is no audit event") from error
                if not intact:
                    raise AuditChainBrokenError(str(self.path), number, "its digest does not fit its content")
                if event["number"] != number or event["previous"] != digest:
                    raise AuditChainBrokenError(str(self.path), number, "it does not follow the line before it")
                digest = event["digest"]
        return number


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sealed(body: bytes) -> bytes:
    """Add the digest of a line to its end."""
    return body[:-2] + b',"digest":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


def _unsealed(line: bytes) -> bytes:
    body, found, _digest = line.rpartition(b',"digest":"')
    if not found:
        raise ValueError("no digest")
    return body + b"}\n"


def _last(descriptor: int, size: int) -> tuple[int, str]:
    """Give number and digest of the last event in the file."""
    if size == 0:
        return 0, _BEGINNING
    tail = os.pread(descriptor, min(size, _TAIL_BYTES), max(0, size - _TAIL_BYTES))
    start = tail.rstrip(b"\n").rfind(b"\n") + 1
    if start == 0 and size > _TAIL_BYTES:  # one event of more than 64 KiB: rare enough to read it all
        tail = os.pread(descriptor, size, 0)
        start = tail.rstrip(b"\n").rfind(b"\n") + 1
    try:
        event = orjson.loads(tail[start:])
        return int(event["number"]), str(event["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(5, "its last line is no audit event; verify() says more") from error
