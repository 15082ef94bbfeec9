"""Every error that this package raises."""

from __future__ import annotations


class MaestroTestingError(Exception):
    """The base of every error raised by maestro_testing."""


class LibraryMissing(MaestroTestingError, ImportError):
    """A fixture that looks at a library which is not installed."""

    def __init__(self, fixture: str, *, extra: str) -> None:
        self.extra = extra
        super().__init__(f'{fixture} needs maestro-core-{extra}; run: pip install "maestro-testing[{extra}]"')
