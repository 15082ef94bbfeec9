"""The sinks: `logging` handlers that write lines of ours, from records and from events that never were records."""

from __future__ import annotations

import logging
import signal as signals
from typing import TYPE_CHECKING, Any

from maestro_core_logging._formatter import EventFormatter
from maestro_core_logging._outputs import TornLineError, descriptor_of, report_loss, write_descriptor
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

    lost = 0
    queue: LineQueue | None = None
    _learned: Any = None
    _descriptor: int | None = None
    _torn = False
    _reopen_wanted = False

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
        with lock:
            try:
                stream = self.stream
                if (
                    stream is self._learned
                    and self._descriptor is not None
                    and not self._torn
                    and not self._reopen_wanted
                ):
                    stream.flush()  # what was printed before comes first; and a closed stream says so
                    write_descriptor(self._descriptor, line)
                else:
                    self._write(line)
            except TornLineError as error:
                self._torn = True
                self._lose(line, error)
            except Exception as error:  # noqa: BLE001  # whatever a stream raises, the application goes on
                self._lose(line, error)

    def _write(self, line: bytes) -> None:
        if self._reopen_wanted:
            self._reopen_wanted = False
            self.close_stream()
        stream = self.stream
        if stream is None or stream is not self._learned:
            stream = self._learn(stream)
        if self._torn:
            line = b"\n" + line
        if self._descriptor is not None:
            stream.flush()  # what was printed before comes first; and a closed stream says so
            write_descriptor(self._descriptor, line)
        else:
            _write_text(stream, line)
            self.flush()
        self._torn = False

    def _learn(self, stream: Any) -> Any:  # Any: as above
        if stream is None and isinstance(self, logging.FileHandler):
            stream = self.stream = self._open()
        self._learned = stream
        self._descriptor = descriptor_of(stream)
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
        self._reopen_wanted = True  # a flag only: signal handlers may interrupt a write

    def close_stream(self) -> None:
        """Close the file; the next line opens it again."""
        if self.stream is not None:
            self.stream.close()
        self.stream = self._learned = None


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
