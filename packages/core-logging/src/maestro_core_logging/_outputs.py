"""Writing bytes to a file, a pipe or any stream: whole lines, in order, and never an exception into the caller."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable
from typing import Any


def descriptor_of(stream: Any) -> int:  # Any: whatever somebody installed as a stream
    """Give the descriptor that may be written past the text layer, if `stream` is UTF-8 text on a real one; else -1."""
    if type(stream) is not io.TextIOWrapper or os.linesep != "\n":
        return -1
    if stream.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        return -1
    try:
        return int(stream.fileno())
    except (OSError, ValueError):
        return -1


def writer_of(stream: Any, descriptor: int) -> Callable[[bytes], int | None]:  # Any: as above
    """Give what writes to the stream's descriptor in one call and says how much it took: None where it would block."""
    raw = getattr(stream.buffer, "raw", stream.buffer)  # `python -u` has no buffer between
    if type(raw) is io.FileIO:
        return raw.write  # knows besides whether somebody has closed it, and its descriptor is another file's by now

    def write(line: bytes) -> int | None:
        try:
            return os.write(descriptor, line)
        except BlockingIOError:
            return None

    return write


def write_rest(descriptor: int, line: bytes, written: int) -> None:
    """
    Hand what is left of `line` to the kernel, of which it took `written` bytes.

    Raises:
        OSError: the disk is full, the pipe is closed, or the descriptor is.
    """
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
