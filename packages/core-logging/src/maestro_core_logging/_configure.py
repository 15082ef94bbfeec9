"""`configure_logging`: what `logging.basicConfig` does, writing structured lines."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Literal, TextIO

from maestro_core_logging._formats import Format
from maestro_core_logging._formatter import Consumer, EventFormatter, Processor
from maestro_core_logging._handlers import FileSink, StreamSink
from maestro_core_logging._logger import standard_logger
from maestro_core_logging._queue import LineQueue
from maestro_core_logging._redaction import Redaction
from maestro_core_logging._servers import take_over_servers
from maestro_core_logging._structlog import configure_structlog
from maestro_core_logging._threads import RealRLock

Filter = logging.Filter | Callable[[logging.LogRecord], bool]
_NO_LEVELS: Mapping[str, int | str | None] = MappingProxyType({})


def configure_logging(
    *,
    service_name: str | None = None,
    level: int | str | None = "INFO",
    levels: Mapping[str, int | str | None] = _NO_LEVELS,
    format: Format | Literal["auto"] = "json",  # noqa: A002  # the word that basicConfig uses
    template: str | None = None,
    datefmt: str | None = None,
    style: str = "%",
    stream: TextIO | Literal["stdout", "stderr"] | None = None,
    filename: str | os.PathLike[str] | None = None,
    filemode: str = "a",
    encoding: str | None = None,
    errors: str | None = "backslashreplace",
    handlers: Iterable[logging.Handler] | None = None,
    handler_level: int | str | None = None,
    filters: Iterable[Filter] = (),
    fields: Mapping[str, object] | None = None,
    record_fields: Iterable[str] = (),
    force: bool = False,
    capture_warnings: bool = False,
    capture_servers: bool = False,
    processors: Iterable[Processor] = (),
    redact: Redaction | None = None,
    consumers: Iterable[Consumer] = (),
    delivery: Literal["direct", "queued"] = "direct",
    queue_lines: int = 10_000,
) -> None:
    """
    Put one handler that writes structured lines on the root logger, and set the root's level.

    It follows `logging.basicConfig`: where the root logger already has handlers (pytest's, a server's, an earlier
    call's) nothing happens, unless `force` asks to remove and close those first; lines go to standard error unless
    `stream` or `filename` says otherwise; `handlers` are installed as they are and get our lines only when they have
    no formatter; no level but the root's changes, and `level=None` leaves that one too.

    `levels` are those of other loggers by name (`None` leaves one as it is). What `logging.config.dictConfig` does with loggers, `force`
    does as well: loggers that an earlier set-up disabled are enabled, those in `levels` lose handlers of their own, and those below them
    handlers and levels. `stream="stdout"` is `sys.stdout` at the time of the call.
    `filters` and `handler_level` are put on each handler, as `addFilter` and `setLevel` do: what a filter sets on a record is on its line.
    `fields` are on every line; `record_fields` name attributes of records that lines carry besides, such as `lineno` or `threadName`.

    `format="auto"` is `console` on a terminal and `json` anywhere else. On a terminal `console` is in colors, unless the variable
    `NO_COLOR` is set or `TERM` is `dumb`; `FORCE_COLOR` asks for them on any stream.

    `template` (with `datefmt` and `style`) writes plain text exactly as `basicConfig(format=template)` would, for
    command-line tools whose output people read; nothing is redacted there unless `redact` is given.

    `capture_warnings` sends `warnings` to the logger `py.warnings`; `capture_servers` lets uvicorn, gunicorn, granian
    and hypercorn log through the root. `processors` are structlog's and see every event before it is redacted;
    `consumers` are called with every redacted event, which is how OTLP export hangs on. structlog's own loggers end
    in the same sink, unless the application has configured structlog itself.

    With `delivery="direct"` a line is with the kernel when the call returns. With `"queued"` no call waits for the
    output: `queue_lines` wait at most, what finds no room is counted, and exit and SIGTERM write what is queued.

    Raises:
        ValueError: the level, the format, the delivery or one of `record_fields` is unknown, or `stream`, `filename` and `handlers` are
            combined.
        TypeError: the level is neither a number nor a name.
    """
    root = logging.root
    if root.handlers and not force:
        return
    wanted = {name: logging.Handler(each).level for name, each in {**levels, "": level}.items() if each is not None}
    _refuse_combinations(stream, filename, handlers)
    if delivery not in ("direct", "queued") or queue_lines < 1:
        raise ValueError(f"unknown delivery {delivery!r} of {queue_lines} lines: choose 'direct' or 'queued'")
    formatter: logging.Formatter
    if template is not None:
        formatter = _text_formatter(template, datefmt, style, redact)
    else:
        output = _output_of(stream) if filename is None and handlers is None else None
        formatter = EventFormatter(
            format if format != "auto" else "console" if _is_terminal(output) else "json",
            colors=_takes_colors(output),
            service_name=service_name,
            fields=fields,
            record_fields=record_fields,
            processors=processors,
            redact=redact or Redaction(),
            consumers=consumers,
        )
    threshold = logging.NOTSET if handler_level is None else logging.Handler(handler_level).level
    if force:
        _start_afresh(root, levels)
    filters = list(filters)
    chosen: list[logging.Handler]
    if handlers is not None:
        chosen = list(handlers)
    else:
        sink = _sink(stream, filename, filemode, encoding, errors)
        if delivery == "queued":
            sink.lock = RealRLock()  # the queue's thread takes it, which is a real one
            sink.queue = LineQueue(sink.write_now, capacity=queue_lines)
        chosen = [sink]
    for handler in chosen:
        if handler.formatter is None:
            handler.setFormatter(formatter)
        if threshold:
            handler.setLevel(threshold)
        for each in filters:
            handler.addFilter(each)
        root.addHandler(handler)
    for name, number in wanted.items():
        standard_logger(name).setLevel(number)
    if capture_warnings:
        logging.captureWarnings(True)
    if capture_servers:
        take_over_servers()
    if template is None:
        configure_structlog()


def _refuse_combinations(stream: object, filename: object, handlers: object) -> None:
    if handlers is None and stream is not None and filename is not None:
        raise ValueError("'stream' and 'filename' should not be specified together")
    if handlers is not None and (stream is not None or filename is not None):
        raise ValueError("'stream' or 'filename' should not be specified together with 'handlers'")


class _RedactingFormatter(logging.Formatter):
    """The standard formatter, whose text is redacted at the end."""

    redact: Redaction | None = None

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's text."""
        text = super().format(record)
        return text if self.redact is None else self.redact.text(text)


def _text_formatter(template: str, datefmt: str | None, style: str, redact: Redaction | None) -> logging.Formatter:
    if style not in ("%", "{", "$"):
        raise ValueError("Style must be one of: %,{,$")
    formatter = _RedactingFormatter(template, datefmt, style)  # type: ignore[arg-type]  # narrowed by the line above
    formatter.redact = redact
    return formatter


def _start_afresh(root: logging.Logger, named: Collection[str]) -> None:
    _remove_handlers(root)
    loggers = {
        name: each for name, each in logging.Logger.manager.loggerDict.items() if isinstance(each, logging.Logger)
    }
    below = {other for name in named for other in loggers if other.startswith(f"{name}.")} - set(named)
    for name, logger in loggers.items():
        if name in below:
            logger.setLevel(logging.NOTSET)
            logger.propagate = True
            _remove_handlers(logger)
        else:
            logger.disabled = False
    for name in named:
        _remove_handlers(standard_logger(name))


def _remove_handlers(logger: logging.Logger) -> None:
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


def _is_terminal(stream: object) -> bool:
    isatty = getattr(stream, "isatty", bool)
    try:
        return bool(isatty())
    except ValueError:  # a closed one
        return False


def _takes_colors(stream: object) -> bool:
    """Tell whether a stream wants colors, by the conventions of no-color.org and force-color.org."""
    if stream is None or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (_is_terminal(stream) and os.environ.get("TERM") != "dumb")


def _sink(
    stream: TextIO | str | None,
    filename: str | os.PathLike[str] | None,
    mode: str,
    encoding: str | None,
    errors: str | None,
) -> StreamSink | FileSink:
    if filename is None:
        return StreamSink(_output_of(stream))
    binary = "b" in mode
    return FileSink(filename, mode, encoding=None if binary else encoding or "utf-8", errors=None if binary else errors)


def _output_of(stream: TextIO | str | None) -> TextIO:
    if stream is not None and not isinstance(stream, str):
        return stream
    if stream not in (None, "stdout", "stderr"):
        raise ValueError(f"unknown stream {stream!r}: choose 'stdout' or 'stderr', or pass an open file")
    return sys.stdout if stream == "stdout" else sys.stderr
