"""`configure_logging`: what `logging.basicConfig` does, writing structured lines."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import TextIO

from maestro_core_logging._formats import Format
from maestro_core_logging._handlers import EventFormatter, FileSink, StreamSink


def configure_logging(
    *,
    service_name: str | None = None,
    level: int | str | None = "INFO",
    format: Format = "json",  # noqa: A002  # the word that basicConfig uses
    template: str | None = None,
    datefmt: str | None = None,
    style: str = "%",
    stream: TextIO | None = None,
    filename: str | os.PathLike[str] | None = None,
    filemode: str = "a",
    encoding: str | None = None,
    errors: str | None = "backslashreplace",
    handlers: Iterable[logging.Handler] | None = None,
    force: bool = False,
    capture_warnings: bool = False,
) -> None:
    """
    Put one handler that writes structured lines on the root logger, and set the root's level.

    It follows `logging.basicConfig`: where the root logger already has handlers (pytest's, a server's, an earlier
    call's) nothing happens, unless `force` asks to remove and close those first; lines go to standard error unless
    `stream` or `filename` says otherwise; `handlers` are installed as they are and get our lines only when they have
    no formatter; no level but the root's changes, and `level=None` leaves that one too.

    `template` (with `datefmt` and `style`) writes plain text exactly as `basicConfig(format=template)` would, for
    command-line tools whose output people read. `capture_warnings` sends `warnings` to the logger `py.warnings`.

    Raises:
        ValueError: the level or the format is unknown, or `stream`, `filename` and `handlers` are combined.
        TypeError: the level is neither a number nor a name.
    """
    root = logging.getLogger()
    if root.handlers and not force:
        return
    wanted_level = None if level is None else logging.Handler(level).level
    _refuse_combinations(stream, filename, handlers)
    formatter: logging.Formatter
    if template is not None:
        formatter = _text_formatter(template, datefmt, style)
    else:
        formatter = EventFormatter(format, service_name=service_name)
    if force:
        _remove_handlers(root)
    chosen = list(handlers) if handlers is not None else [_sink(stream, filename, filemode, encoding, errors)]
    for handler in chosen:
        if handler.formatter is None:
            handler.setFormatter(formatter)
        root.addHandler(handler)
    if wanted_level is not None:
        root.setLevel(wanted_level)
    if capture_warnings:
        logging.captureWarnings(True)


def _refuse_combinations(stream: object, filename: object, handlers: object) -> None:
    if handlers is None and stream is not None and filename is not None:
        raise ValueError("'stream' and 'filename' should not be specified together")
    if handlers is not None and (stream is not None or filename is not None):
        raise ValueError("'stream' or 'filename' should not be specified together with 'handlers'")


def _text_formatter(template: str, datefmt: str | None, style: str) -> logging.Formatter:
    if style not in ("%", "{", "$"):
        raise ValueError("Style must be one of: %,{,$")
    return logging.Formatter(template, datefmt, style)  # type: ignore[arg-type]  # narrowed by the line above


def _remove_handlers(root: logging.Logger) -> None:
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()


def _sink(
    stream: TextIO | None, filename: str | os.PathLike[str] | None, mode: str, encoding: str | None, errors: str | None
) -> logging.Handler:
    if filename is None:
        return StreamSink(stream)
    binary = "b" in mode
    return FileSink(filename, mode, encoding=None if binary else encoding or "utf-8", errors=None if binary else errors)
