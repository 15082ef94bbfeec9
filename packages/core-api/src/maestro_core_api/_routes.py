"""What Starlette and FastAPI know about routes: the only module that looks there.

Template and claim of a request are found by names that have been public and unchanged since Starlette 0.27 and
FastAPI 0.100: `scope["endpoint"]`, `route.matches(scope)`, `path`, `path_format`, `routes`. `scope["route"].path` is
not among them: since FastAPI 0.137 it lacks the prefixes of `include_router`, and Starlette 0.27 has no such key.
The contract test is `tests/test_routes.py`, run at both ends of the supported versions.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.convertors import CONVERTOR_TYPES
from starlette.routing import Host, Match, Mount, WebSocketRoute

Scope = MutableMapping[str, Any]

_PARAMETER = re.compile(r"{[a-zA-Z_][a-zA-Z0-9_]*(?::([a-zA-Z_][a-zA-Z0-9_]*))?}")
# An application that makes endpoints while it serves gets its index rebuilt this often, then is matched by path.
_REBUILDS = 16


class StarletteLike(Protocol):
    """What is needed of an application: Starlette, FastAPI and their subclasses have it."""

    router: Any
    user_middleware: list[Any]


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
    _rebuilds_left: int = _REBUILDS

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
            if any(route.matches(dict(trial))[0] is not Match.NONE for route in router.routes):
                return True
            # `app.frontend()` (FastAPI 0.140 and later) keeps its routes apart from `routes`.
            low_priority = getattr(router, "_match_low_priority", None)
            if low_priority is not None and low_priority(dict(trial))[0] is not Match.NONE:
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


def _leaves(routes: Iterable[Any], template: str = "", pattern: str = "") -> Iterator[_Leaf]:
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
        methods = frozenset(getattr(route, "methods", None) or ())
        compiled = re.compile(pattern + _regex(path))
        yield _Leaf(route.endpoint, template + format_, compiled, methods, isinstance(original, WebSocketRoute))


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
    parts: list[str] = []
    at = 0
    for found in _PARAMETER.finditer(path):
        parts += [re.escape(path[at : found.start()]), f"(?:{CONVERTOR_TYPES[found.group(1) or 'str'].regex})"]
        at = found.end()
    return "".join([*parts, re.escape(path[at:])])
