"""Errors of this package: one base, and a subclass for each way in which configuration can be wrong."""

from __future__ import annotations


class ConfigError(Exception):
    """The base of every error that this package raises by itself."""


class MissingVariable(ConfigError, KeyError):
    """A required environment variable that is not set.

    It is a `KeyError` whose only argument is the variable's name, because that is what `os.environ[name]` raises
    and code that moved here may catch it.
    """

    def __init__(self, variable: str, *, read_by: str = "") -> None:
        super().__init__(variable)
        self.variable = variable
        if read_by:
            self.add_note(f"{read_by} needs it: set {variable} in the environment, or give the field a default")


class FieldDefinitionError(ConfigError, TypeError):
    """A settings class that cannot work as it is written."""
