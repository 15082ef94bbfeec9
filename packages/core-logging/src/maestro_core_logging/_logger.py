"""
`get_logger`: the logger that `logging.getLogger` gives, which also takes fields.

Nothing is wrapped. The logger object changes its class, in place, to a subclass of the class it had, so that
everything which already holds it, patches it or listens to it goes on as before. Only `_log` and `makeRecord` are
overridden; `info`, `handle`, `findCaller` and the rest stay the standard library's own.
"""

from __future__ import annotations

import inspect
import logging
import types
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from maestro_core_logging._fast import is_patched, write_directly
from maestro_core_logging._frames import in_logging_module

# Parameters of `Logger._log`: every other keyword of a call is a field.
_STDLIB_KEYWORDS = frozenset({"exc_info", "extra", "stack_info", "stacklevel"})
# Parameters of `Logger.log`, which cannot be given twice.
_PARAMETERS = frozenset({"level", "msg"})
_STDLIB_LOG = logging.Logger._log
_MARK = "_maestro_extends"  # in the dictionary of every class of ours
_UNSET: Any = object()  # Any: stands for each of three parameters of different types


class _ExtraWithFields(dict[str, object]):
    """The caller's `extra`, carrying the keyword fields beside it to `makeRecord`."""

    fields: Mapping[str, object]


class Logger(logging.Logger):
    """A `logging.Logger` whose calls also take fields as keywords: `log.info("paid", order_id=1)`."""

    if TYPE_CHECKING:

        def debug(self, msg: object, *args: object, **fields: Any) -> None: ...
        def info(self, msg: object, *args: object, **fields: Any) -> None: ...
        def warning(self, msg: object, *args: object, **fields: Any) -> None: ...
        def warn(self, msg: object, *args: object, **fields: Any) -> None: ...
        def error(self, msg: object, *args: object, **fields: Any) -> None: ...
        def exception(self, msg: object, *args: object, **fields: Any) -> None: ...
        def critical(self, msg: object, *args: object, **fields: Any) -> None: ...
        def fatal(self, msg: object, *args: object, **fields: Any) -> None: ...
        def log(self, level: int, msg: object, *args: object, **fields: Any) -> None: ...
        def _log(self, *args: Any, **kwargs: Any) -> None: ...

    def bind(self, **fields: object) -> BoundLogger:
        """Give a logger that writes `fields` on each of its lines; this one stays as it is."""
        return BoundLogger(self, fields)

    def getChild(self, suffix: str) -> Logger:  # noqa: N802  # overrides logging's
        """Give the logger below this one, which takes fields, too."""
        return extended(super().getChild(suffix))

    # Any: as `object` has it.
    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle as the standard library does, so that another process, which may never have asked for this logger, gets one that takes fields."""
        reduced = super().__reduce__()
        return (get_logger, *reduced[1:]) if reduced[0] is logging.getLogger else reduced

    # Any: the caller's arguments, whatever they are.
    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802  # overrides logging's
        """Make the record as the standard library does, then add the keyword fields to it."""
        extra = args[8] if len(args) > 8 else kwargs.get("extra")
        record = super().makeRecord(*args, **kwargs)
        if type(extra) is _ExtraWithFields:
            attributes = record.__dict__
            for key, value in extra.fields.items():
                attributes[f"{key}_" if key in attributes or key in ("message", "asctime", "taskName") else key] = value
        return record


def _log(
    self: Any, level: Any = _UNSET, msg: Any = _UNSET, args: Any = _UNSET, /, *positional: Any, **keywords: Any
) -> None:  # Any throughout: a pass-through of whatever callers give to the standard library's method
    if args is _UNSET:  # somebody named the parameters
        level = keywords.pop("level") if level is _UNSET else level
        msg = keywords.pop("msg") if msg is _UNSET else msg
        args = keywords.pop("args")
    if (
        not positional
        and type(self) in _DIRECT
        and not is_patched(self)
        and write_directly(self, level, msg, args, keywords)
    ):
        return
    log_record(self, level, msg, args, positional, keywords)


def log_record(
    self: Any, level: int, msg: object, args: Any, positional: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Let the standard library make a record of the call and hand it round."""
    if keywords and not _STDLIB_KEYWORDS.issuperset(keywords):
        keywords = _with_fields_in_extra(self, positional, keywords)
    super(Logger, self)._log(level, msg, args, *positional, **keywords)


def _with_fields_in_extra(
    logger: logging.Logger, positional: tuple[Any, ...], keywords: dict[str, Any]
) -> dict[str, Any]:
    """Move keywords that the standard library does not know to the record, unless the logger's own class takes them."""
    if _takes_any_keyword(type(logger)):
        return keywords
    known = {key: value for key, value in keywords.items() if key in _STDLIB_KEYWORDS}
    given = positional[1] if len(positional) > 1 else known.get("extra")
    extra = _ExtraWithFields(given or {})
    extra.fields = {key: value for key, value in keywords.items() if key not in _STDLIB_KEYWORDS}
    if len(positional) > 1:
        raise TypeError("pass extra by keyword when a call also has fields")
    known["extra"] = extra
    return known


def _takes_any_keyword(cls: type) -> bool:
    """Tell whether a user's logger class has a `_log` of its own that accepts every keyword."""
    method = next(c.__dict__["_log"] for c in cls.__mro__ if c is not Logger and "_log" in c.__dict__)
    if method is _STDLIB_LOG or not inspect.isfunction(method):
        return False
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(method).parameters.values())


if not TYPE_CHECKING:
    Logger._log = in_logging_module(_log)
    in_logging_module(log_record)


def log_fields_of_any_name(logger: Any, level: int, msg: object, args: Any, fields: Mapping[str, object]) -> None:
    """Log on a logger or an adapter, also with fields called like the parameters of `Logger.log`."""
    if isinstance(logger, Logger) and not _PARAMETERS.isdisjoint(fields):
        logger._log(level, msg, args, **fields)
    else:
        logger.log(level, msg, *args, **fields)


class BoundLogger(logging.LoggerAdapter[Logger]):
    """A logger with fields of its own, as structlog's; a `logging.LoggerAdapter` to everything that looks."""

    if TYPE_CHECKING:

        def debug(self, msg: object, *args: object, **fields: Any) -> None: ...
        def info(self, msg: object, *args: object, **fields: Any) -> None: ...
        def warning(self, msg: object, *args: object, **fields: Any) -> None: ...
        def error(self, msg: object, *args: object, **fields: Any) -> None: ...
        def exception(self, msg: object, *args: object, **fields: Any) -> None: ...
        def critical(self, msg: object, *args: object, **fields: Any) -> None: ...
        def log(self, level: int, msg: object, *args: object, **fields: Any) -> None: ...

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the bound fields to a call; fields of the call itself win."""
        return msg, {**(self.extra or {}), **kwargs}

    def bind(self, **fields: object) -> BoundLogger:
        """Give a logger with these fields too."""
        return BoundLogger(self.logger, {**(self.extra or {}), **fields})

    def unbind(self, *names: str) -> BoundLogger:
        """Give a logger without these fields; a name that is not bound is no error."""
        return BoundLogger(self.logger, {key: value for key, value in (self.extra or {}).items() if key not in names})


def _log_bound(self: BoundLogger, *call: Any, **fields: Any) -> None:  # Any: as the adapter's method has it
    if len(call) < 2 or (_PARAMETERS.isdisjoint(fields) and _PARAMETERS.isdisjoint(self.extra or ())):
        logging.LoggerAdapter.log(self, *call, **fields)
    elif self.isEnabledFor(call[0]):
        msg, with_bound = self.process(call[1], fields)
        log_fields_of_any_name(self.logger, call[0], msg, call[2:], with_bound)


if not TYPE_CHECKING:
    BoundLogger.log = in_logging_module(_log_bound)
    in_logging_module(log_fields_of_any_name)


def get_logger(name: str | None = None) -> Logger:
    """
    Give the logger called `name`, the very object that `logging.getLogger(name)` gives, and let it take fields.

    Whatever `logging.getLogger` returns that is no `logging.Logger` (a test's mock) is returned untouched, and so is
    a logger whose class cannot be extended.

    Raises:
        TypeError: the name is not a string, as `logging.getLogger` says.
    """
    return extended(logging.getLogger(name))


def standard_logger(name: str = "") -> logging.Logger:
    """Give the logger called `name`, the root without one, also while a test has put something in the place of `logging.getLogger`."""
    root = logging.root
    return root if name in ("", root.name) else root.manager.getLogger(name)


def extended(logger: logging.Logger) -> Logger:
    """Let a logger take fields, if its class can be extended."""
    cls = type(logger)
    if not issubclass(cls, Logger) and isinstance(logger, logging.Logger):
        _extend_class(logger, cls)
    return cast("Logger", logger)


# What a class is extended with, and to: the two standard classes get short ways to the line, see `_direct`.
_EXTENSIONS: dict[type, type[Logger]] = {}
_EXTENDED: dict[type, type] = {}
# Classes whose records have no other way than the standard one.
_DIRECT: set[type] = set()


def extend_standard_classes(extension: type[Logger]) -> None:
    """Extend the standard library's own two classes with `extension`."""
    setattr(extension, _MARK, True)
    _EXTENSIONS.update(dict.fromkeys((logging.Logger, logging.RootLogger), extension))


def _extend_class(logger: logging.Logger, cls: type[logging.Logger]) -> None:
    # A class made by an earlier import of this module (tests reload packages) is replaced, not stacked upon.
    base = next(c for c in cls.__mro__ if _MARK not in c.__dict__)
    try:
        extended = _EXTENDED.get(base)
        if extended is None:
            extension = _EXTENSIONS.get(base, Logger)
            extended = types.new_class(
                base.__name__, (extension, base), exec_body=lambda body: body.update(_names(base))
            )
            _EXTENDED[base] = extended
            if extension is not Logger:
                _DIRECT.add(extended)
        logger.__class__ = extended
        # CPython reads attributes of an object whose class has changed five times as slowly, unless its dictionary is a
        # plain one that no class shares. A display and an assignment: no other thread runs in between.
        logger.__dict__ = {**logger.__dict__}
    except TypeError:  # slots, a conflicting metaclass or a final class: the logger stays what it is
        return


def _names(base: type) -> dict[str, object]:
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__, _MARK: True}
    return names | ({"bind": base.bind} if hasattr(base, "bind") else {})


setattr(Logger, _MARK, True)
