"""Every error that this package raises."""

from __future__ import annotations


class CoreAPIError(Exception):
    """The base of every error raised by maestro_core_api."""


class ExtraNotInstalled(CoreAPIError, ImportError):
    """A name whose framework is an extra that is not installed."""

    def __init__(self, name: str, *, extra: str) -> None:
        self.extra = extra
        super().__init__(f'{name} needs {extra}; run: pip install "maestro-core-api[{extra}]"')


class NotInstrumentable(CoreAPIError, TypeError):
    """An object that is neither an ASGI application nor a Flask one."""

    def __init__(self, app: object) -> None:
        self.app_type = type(app)
        super().__init__(
            f"cannot instrument {type(app).__module__}.{type(app).__qualname__}; "
            "pass a Flask, Starlette or FastAPI application, or any ASGI application (async, three arguments)"
        )


class DuplicateCheck(CoreAPIError, ValueError):
    """A readiness check under a name that is already taken."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is already a readiness check called {name!r}; give each check a name of its own")
