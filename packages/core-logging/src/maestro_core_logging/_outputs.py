"""Writing bytes to a file, a pipe or any stream: whole lines, in order, and never an exception into the caller."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any


def descriptor_of(stream: Any) -> int | None:  # Any: whatever somebody installed as a stream
    """Give the descriptor that may be written past the text layer, if `stream` is UTF-8 text on a real descriptor."""
    if type(stream) is not io.TextIOWrapper or os.linesep != "\n":
        return None
    if stream.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def write_descriptor(descriptor: int, line: bytes) -> None:
    """
    Hand all of `line` to the kernel: after this returns a SIGKILL loses nothing of it.

    Raises:
        OSError: the disk is full, the pipe is closed, or the descriptor is.
    """
    # Almost always all of it, in one call, and then atomic among processes appending to the same file.
    try:
        written = os.write(descriptor, line)
    except BlockingIOError:
        written = 0
    if written != len(line):
        _write_rest(descriptor, line, written)


def _write_rest(descriptor: int, line: bytes, written: int) -> None:
    while written < len(line):
        try:
            written += os.write(descriptor, line[written:])
        except BlockingIOError:  # somebody made the pipe non-blocking: wait as a blocking one would
            select.select((), (descriptor,), ())
        except OSError as error:
            if written:
                raise TornLineError(error.errno, f"only a part of the line was written: {error.strerror}") from error
            raise


class TornLineError(OSError):
    """A part of a line is in the file: the next line must begin with a newline."""


def report_loss(what: str, error: BaseException) -> None:
    """Say once on standard error that lines are being lost, if there is anyone to say it to."""
    try:
        sys.stderr.write(f"maestro_core_logging: {what}: {error!r}; lines are counted and lost until it works again\n")
    except (OSError, ValueError, AttributeError):  # standard error is the stream that fails
        return
