"""What Starlette and FastAPI know about routes: the only module that looks there, for core-api too.

Template and claim of a request are found by names that have been public and unchanged since Starlette 0.27 and
FastAPI 0.100: `scope["endpoint"]`, `scope["router"]`, `route.matches(scope)`, `path`, `path_format`, `routes`. `scope["route"].path` is
not among them: since FastAPI 0.137 it lacks the prefixes of `include_router`, and Starlette 0.27 has no such key.
The contract tests are `tests/test_starlette.py` and core-api's `test_routes.py`, run at both ends of the supported versions.
Starlette is imported when a request of it is looked at: applications of other frameworks need none.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import unquote

Scope = MutableMapping[str, Any]

_log = logging.getLogger("maestro_monitoring")
_PARAMETER = re.compile(r"{[a-zA-Z_][a-zA-Z0-9_]*(?::([a-zA-Z_][a-zA-Z0-9_]*))?}")
# An application that makes endpoints while it serves gets its index rebuilt this often, then is matched by path.
_MOST_REBUILDS = 16
# Middleware around middleware around an application; one that contains itself ends here.
_MOST_WRAPPERS = 100


class StarletteLike(Protocol):
    """What is needed of an application: Starlette, FastAPI and their subclasses have it."""

    router: Any


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One way to reach an endpoint."""

    endpoint: object
    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    is_websocket: bool


@dataclass(slots=True)
class RouteTable:
    """The routes of one application: which template a request took, and whether any route claims a path."""

    app: StarletteLike
    _leaves: list[_Leaf] | None = None
    _by_endpoint: dict[int, list[_Leaf]] = field(default_factory=dict)
    _rebuilds_left: int = _MOST_REBUILDS

    def template(self, scope: Scope, path: str) -> str | None:
        """Give the full template of the route that served this scope, or None if there was none.

        `path` is the request's path as it arrived: mounts rewrite the scope on the way.
        """
        if self._leaves is None:
            self._build()
        endpoint = scope.get("endpoint")
        if endpoint is None:
            # Nothing matched, or a middleware answered first, or one handed a copy of the scope down.
            return self._by_path(self._leaves or (), scope, path)
        leaves = self._by_endpoint.get(id(endpoint))
        if leaves is None and self._rebuilds_left:
            self._rebuilds_left -= 1
            self._build()
            leaves = self._by_endpoint.get(id(endpoint))
        if leaves is None:
            return self._by_path(self._leaves or (), scope, path)
        if len(leaves) == 1:
            return leaves[0].template
        return self._by_path(leaves, scope, path) or leaves[0].template

    def claims(self, scope: Scope) -> bool:
        """Whether the application has a route, mount, catch-all or redirect of its own for this path."""
        router = self.app.router
        # Bound methods compare by what they are bound to: another default is a catch-all of the application.
        if router.default != router.not_found:
            return True
        root_path = getattr(self.app, "root_path", "") or scope.get("root_path", "")
        path: str = scope["path"]
        for candidate in (path, path + "/") if router.redirect_slashes else (path,):
            # `matches` writes into the scope of included routers.
            trial = {**scope, "path": candidate, "root_path": root_path, "app": self.app, "router": router}
            if any(_claims(route, trial) for route in router.routes):
                return True
            # `app.frontend()` (FastAPI 0.140 and later) keeps its routes apart from `routes`.
            low_priority = getattr(router, "_match_low_priority", None)
            if low_priority is not None and low_priority(dict(trial))[0].value:
                return True
        return False

    def _build(self) -> None:
        self._leaves = list(_leaves(self.app.router.routes))
        self._by_endpoint = {}
        for leaf in self._leaves:
            self._by_endpoint.setdefault(id(leaf.endpoint), []).append(leaf)

    def _by_path(self, leaves: Iterable[_Leaf], scope: Scope, path: str) -> str | None:
        root_path = getattr(self.app, "root_path", "") or scope.get("app_root_path", scope.get("root_path", ""))
        inner = path[len(root_path) :] if root_path and path.startswith(root_path) else path
        is_websocket = scope["type"] == "websocket"
        method = scope.get("method", "")
        partial: str | None = None
        for leaf in leaves:
            if leaf.is_websocket is not is_websocket or not leaf.pattern.fullmatch(inner):
                continue
            if not leaf.methods or method in leaf.methods:
                return leaf.template
            partial = partial or leaf.template
        return partial


class StarletteRoutes:
    """Gives the template of a served request, mounts and included routers included; None when nothing matched.

    With the application it also knows the template of what a middleware answered; it may be wrapped in others.
    """

    def __init__(self, app: object = None) -> None:
        found = starlette_within(app)
        self._table = None if found is None else RouteTable(found)
        # Else by the id of the router that the scope names; the table keeps the router, so that the id stays its own.
        self._by_router: dict[int, RouteTable] = {}
        self._has_told = False

    def __call__(self, scope: Scope) -> str | None:
        """Look a scope up after the application has served it."""
        # Old Starlette shortens `path` on the way through mounts; `raw_path` stays what was asked for.
        raw: bytes = scope.get("raw_path") or b""
        return self.template(scope, unquote(raw.decode("latin-1")) or str(scope.get("path", "")))

    def template(self, scope: Scope, path: str) -> str | None:
        """Look a scope up whose path was this when it arrived. Routes that cannot be read match nothing."""
        try:
            table = self._table or self._table_of(scope.get("router"))
            return None if table is None else table.template(scope, path)
        except Exception:  # noqa: BLE001  # the request has been served: what looks on must not spoil it
            self._tell()
            return None

    def claims(self, scope: Scope) -> bool:
        """Whether the application would answer, or redirect, this path itself. Routes that cannot be read claim every path."""
        try:
            return self._table is not None and self._table.claims(scope)
        except Exception:  # noqa: BLE001  # as above, and a path in doubt is the application's
            self._tell()
            return True

    def _table_of(self, router: object) -> RouteTable | None:
        if router is None or not hasattr(router, "routes"):
            return None
        table = self._by_router.get(id(router))
        if table is None:
            table = RouteTable(SimpleNamespace(router=router))
            if len(self._by_router) < _MOST_REBUILDS:
                self._by_router[id(router)] = table
        return table

    def _tell(self) -> None:
        if not self._has_told:
            self._has_told = True
            _log.warning("the application's routes cannot be read; requests may show as unmatched", exc_info=True)


def _claims(route: Any, scope: Scope) -> bool:
    """Whether a route takes a path, whatever the method; where only a middleware's scope could tell, by its pattern.

    A mount of routes at the root takes every path and answers what one of its routes takes.
    """
    try:
        match, child = route.matches(dict(scope))
        if match.value and getattr(route, "path", None) == "" and getattr(route, "routes", None):
            return any(_claims(inner, {**scope, **child}) for inner in route.routes)
        return bool(match.value)
    except Exception:
        pattern = getattr(route, "path_regex", None)
        if pattern is None:
            raise
        path, root_path = scope["path"], scope["root_path"]
        return any(map(pattern.match, (path, path.removeprefix(root_path))))


def starlette_within(app: Any) -> StarletteLike | None:
    """Give the Starlette application that an ASGI application is, or that it wraps as ASGI middleware does; or None."""
    for _ in range(_MOST_WRAPPERS):
        if app is None or hasattr(app, "router"):
            break
        app = getattr(app, "app", None)
    router = getattr(app, "router", None)
    is_one = all(hasattr(router, name) for name in ("routes", "default", "redirect_slashes"))
    found: StarletteLike | None = app if is_one else None
    return found


def _leaves(routes: Iterable[Any], template: str = "", pattern: str = "") -> Iterator[_Leaf]:
    from starlette.routing import Host, Mount, WebSocketRoute

    for original, route in _with_full_paths(routes):
        if isinstance(original, Host):
            yield from _leaves(route.routes, template, pattern)
            yield from _both_kinds(route.app, template + "/{path}", pattern + "/.*")
            continue
        path = getattr(route, "path", None)
        if path is None:
            continue
        format_ = getattr(route, "path_format", None) or path
        if isinstance(original, Mount):
            prefix = template + format_.removesuffix("/{path}")
            inside = pattern + _regex(path)
            yield from _leaves(getattr(route, "routes", None) or (), prefix, inside)
            yield from _both_kinds(route.app, prefix + "/{path}", inside + "/.*")
            continue
        endpoint = getattr(route, "endpoint", None)
        if endpoint is None:
            continue
        methods = frozenset(getattr(route, "methods", None) or ())
        compiled = re.compile(pattern + _regex(path))
        yield _Leaf(endpoint, template + format_, compiled, methods, isinstance(original, WebSocketRoute))


def _both_kinds(endpoint: object, template: str, pattern: str) -> Iterator[_Leaf]:
    for is_websocket in (False, True):
        yield _Leaf(endpoint, template, re.compile(pattern, re.DOTALL), frozenset(), is_websocket)


def _with_full_paths(routes: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Give each route as it was declared and as it is reached: FastAPI 0.137 stopped copying included routes."""
    walk = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    for route in walk(list(routes)) if walk is not None else routes:
        # 0.137.0 and 0.137.1 have no public walk, only this method of what stands for an included router.
        included = getattr(route, "effective_route_contexts", None) if walk is None else None
        for reached in included() if included is not None else (route,):
            # Until 0.14x the full path of what is no APIRoute (WebSockets, mounts) is one attribute further in.
            yield getattr(reached, "original_route", reached), getattr(reached, "starlette_route", None) or reached


def _regex(path: str) -> str:
    from starlette.convertors import CONVERTOR_TYPES

    parts: list[str] = []
    at = 0
    for found in _PARAMETER.finditer(path):
        parts += [re.escape(path[at : found.start()]), f"(?:{CONVERTOR_TYPES[found.group(1) or 'str'].regex})"]
        at = found.end()
    return "".join([*parts, re.escape(path[at:])])
