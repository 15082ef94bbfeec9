"""The sinks: `logging` handlers that write lines of ours, from records and from events that never were records."""

from __future__ import annotations

import io
import logging
import signal as signals
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from maestro_core_logging._formatter import EventFormatter
from maestro_core_logging._outputs import TornLineError, descriptor_of, report_loss, write_rest, writer_of
from maestro_core_logging._queue import LineQueue

if TYPE_CHECKING:
    _Handler = logging.StreamHandler[Any]  # Any: a stream of whatever kind somebody sets
else:
    _Handler = object


class LineWriter(_Handler):
    """
    What both sinks share: how a line reaches its stream.

    A line is with the kernel when the call returns (unless a queue was asked for), so a SIGKILL loses nothing.
    A stream that fails raises nothing: its lines are counted in `lost`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: whatever the handler takes
        # On the instance, all of it: CPython reads what only the class has several times as slowly.
        self.is_patched = False
        self.lost = 0
        self.queue: LineQueue | None = None
        self._learned: Any = None  # Any: as the stream
        self._descriptor = -1
        # Writes to the descriptor of the stream that was learned, while a line may simply be written: the last one was
        # whole, and nobody wants the file opened again.
        self._write_whole: Callable[[bytes], int | None] | None = None
        # The stream that we opened, and whether others may have something waiting in the one at hand.
        self._opened: Any = None  # Any: as the stream
        self._shared = True
        self._torn = False
        self._reopen_wanted = False
        super().__init__(*args, **kwargs)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, and notice a method that is somebody's patch: it wants to see records."""
        super().__setattr__(name, value)
        if name in ("emit", "handle"):
            self.is_patched = True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line; with a formatter that is not ours, do what `logging` does."""
        formatter = self.formatter
        if not isinstance(formatter, EventFormatter):
            super().emit(record)
            return
        try:
            line = formatter.line(formatter.event(record))
        except Exception:  # noqa: BLE001  # a processor's mistake is reported as `logging` reports a formatter's
            self.handleError(record)
            return
        self.write_line(line)

    def write_line(self, line: bytes) -> None:
        """Write a whole line, now or through the queue; an empty one is none."""
        if self.queue is not None:
            if line:
                self.queue.put(line)
        elif line:
            self.write_now(line)

    def write_now(self, line: bytes) -> None:
        """Write whole lines to the stream before returning, whatever becomes of it."""
        lock = self.lock
        assert lock is not None
        lock.acquire()  # `with` costs twice as much
        try:
            write = self._write_whole
            if write is None or self.stream is not self._learned:
                self._write(line)
                return
            if self._shared:
                self.stream.flush()  # what was printed before comes first; and a closed stream says so
            # Almost always all of it, in one call, and then atomic among processes appending to the same file.
            written = write(line)
            if written != len(line):
                write_rest(self._descriptor, line, written or 0)
        except TornLineError as error:
            self._torn = True
            self._write_whole = None
            self._lose(line, error)
        except Exception as error:  # noqa: BLE001  # whatever a stream raises, the application goes on
            self._lose(line, error)
        finally:
            lock.release()

    def _write(self, line: bytes) -> None:
        """Write after finding out what has changed since the last line."""
        if self._reopen_wanted:
            self._reopen_wanted = False
            self.close_stream()
        stream = self.stream
        if stream is None or stream is not self._learned:
            stream = self._learn(stream)
        if self._torn:
            line = b"\n" + line
        if self._descriptor < 0:
            _write_text(stream, line)
            self.flush()
            self._torn = False
            return
        stream.flush()
        write = writer_of(stream, self._descriptor)
        written = write(line)
        if written != len(line):
            write_rest(self._descriptor, line, written or 0)
        self._torn = False
        self._write_whole = write
        if self._reopen_wanted:  # by a signal meanwhile
            self._write_whole = None

    def _learn(self, stream: Any) -> Any:  # Any: as above
        self._write_whole = None
        if stream is None and isinstance(self, logging.FileHandler):
            stream = self.stream = self._open()
        self._learned = stream
        self._descriptor = descriptor_of(stream)
        self._shared = stream is not self._opened
        return stream

    def _lose(self, line: bytes, error: BaseException) -> None:
        if not self.lost:
            report_loss(f"cannot write to {self._name_of_stream()}", error)
        self.lost += line.count(b"\n")

    def _name_of_stream(self) -> str:
        return str(getattr(self, "baseFilename", None) or getattr(self.stream, "name", "the stream"))

    def close_stream(self) -> None:
        """Close a file, to be opened again by the next line; a stream of somebody else's stays open."""

    def close(self) -> None:
        """Write what is queued, then close as `logging` does."""
        if self.queue is not None:
            # `logging.shutdown` calls with the lock held, which the queue's thread needs to write.
            if getattr(self.lock, "_is_owned", bool)():
                self.queue.write_here()
            else:
                self.queue.close()
        super().close()


class StreamSink(LineWriter, logging.StreamHandler):  # type: ignore[type-arg]  # generic in typeshed only
    """The handler that `configure_logging` puts on the root logger for a stream."""


class FileSink(LineWriter, logging.FileHandler):
    """The handler that `configure_logging` puts on the root logger for a file."""

    def reopen(self) -> None:
        """Open the file by its name again, before the next line: what rotation by another program needs."""
        self._reopen_wanted = True  # flags only: signal handlers may interrupt a write
        self._write_whole = None

    def close_stream(self) -> None:
        """Close the file; the next line opens it again."""
        if self.stream is not None:
            self.stream.close()
        self.stream = self._learned = self._write_whole = None

    def _open(self) -> Any:  # Any: as above
        """Open the file so that lines printed to its stream are with the kernel before ours come, which need not look."""
        stream = super()._open()
        if type(stream) is io.TextIOWrapper:
            stream.reconfigure(line_buffering=True)
            self._opened = stream
        return stream


def _write_text(stream: Any, line: bytes) -> None:
    text = line.decode("utf-8")
    try:
        stream.write(text)
    except UnicodeEncodeError:  # a stream in an old encoding gets escapes instead of nothing
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def sinks_of_root() -> list[StreamSink | FileSink]:
    """Give the sinks that `configure_logging` put on the root logger and that are still there."""
    return [handler for handler in logging.root.handlers if isinstance(handler, StreamSink | FileSink)]


def lost_lines() -> int:
    """Count the lines that the sinks on the root logger could not write or had no room for."""
    return sum(sink.lost + (sink.queue.dropped if sink.queue is not None else 0) for sink in sinks_of_root())


def reopen_files() -> None:
    """Let every log file be opened by its name again before its next line, after another program moved it away."""
    for sink in sinks_of_root():
        if isinstance(sink, FileSink):
            sink.reopen()


def reopen_on_signal(signal: signals.Signals = signals.SIGHUP) -> None:
    """
    Call `reopen_files` on a signal: what logrotate's `postrotate` sends.

    Raises:
        ValueError: called outside the main thread, which alone may install signal handlers.
    """
    signals.signal(signal, lambda _number, _frame: reopen_files())
