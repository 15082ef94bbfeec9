"""The errors of this library."""

from __future__ import annotations


class LoggingError(Exception):
    """Base of this library's errors; ordinary log calls raise none of them."""


class AuditNotWrittenError(LoggingError):
    """An audit event could not be made durable."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"audit event not written to {path}: {reason}; refuse the action that it records")
        self.path = path
        self.reason = reason


class AuditChainBrokenError(LoggingError):
    """An audit file was changed after it was written."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"audit file {path} was changed at line {line}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason
