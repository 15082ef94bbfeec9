"""Environment variables for one test, with everything that remembers them told."""

from __future__ import annotations

from typing import Any, Protocol

import pytest


class Cached(Protocol):
    """What `functools.lru_cache` and `functools.cache` make of a function."""

    def cache_clear(self) -> None:
        """Forget all results."""


class Environment:
    """Sets and removes variables, and clears the caches of settings after each change and at the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._cached: list[Cached] = []

    def __call__(self, **variables: Any) -> None:
        """Set variables, each to the text of its value; None removes one. True and False become `true` and `false`."""
        for name, value in variables.items():
            if value is None:
                self._monkeypatch.delenv(name, raising=False)
            else:
                self._monkeypatch.setenv(name, str(value).lower() if isinstance(value, bool) else str(value))
        self._clear()

    def clears(self, *cached: Cached) -> None:
        """Clear these caches now, after every change and when the test is over.

        `cached` are functions under `functools.lru_cache`, such as the usual `get_settings`.

        Raises:
            TypeError: one of them has no `cache_clear`.
        """
        for function in cached:
            if not callable(getattr(function, "cache_clear", None)):
                raise TypeError(f"{function!r} has no cache_clear(); pass the function that lru_cache made")
        self._cached += cached
        self._clear()

    def restore(self) -> None:
        """Put the variables back and clear the caches; the fixture does it when the test is over."""
        self._monkeypatch.undo()
        self._clear()

    def _clear(self) -> None:
        for function in self._cached:
            function.cache_clear()
