"""Route templates of Starlette and FastAPI applications: the only module that looks at their routers.

It needs `scope["endpoint"]` and `scope["router"]`, which Starlette has set since before 0.27, and a route's `path`. Since FastAPI
0.137 an included router is one entry of `routes` that knows its prefix, and `fastapi.routing` has a walk over what it includes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

_Way = tuple[re.Pattern[str], str]
# An application that adds routes while it serves has its table rebuilt, but not for ever.
_MOST_REBUILDS = 16


class StarletteRoutes:
    """Gives the template of a served request, mounts and included routers included; None when nothing matched."""

    def __init__(self) -> None:
        # By the router's id, with the router itself so that the id stays its own: routers cannot be hashed.
        self._tables: dict[int, tuple[object, dict[int, list[_Way]]]] = {}
        self._rebuilds_left = _MOST_REBUILDS

    def __call__(self, scope: MutableMapping[str, Any]) -> str | None:
        """Look a scope up after the application has served it."""
        endpoint, router = scope.get("endpoint"), scope.get("router")
        if endpoint is None or router is None:
            return None
        ways = self._ways(router, endpoint)
        if not ways:
            # Something else dispatched, such as an included router: its route may know at least its own part.
            template = getattr(scope.get("route"), "path_format", None)
            return None if template is None else str(template)
        if len(ways) > 1:
            path = _path(scope)
            ways = [way for way in ways if way[0].fullmatch(path)] or ways
        return ways[0][1]

    def _ways(self, router: Any, endpoint: object) -> list[_Way]:
        _, table = self._tables.get(id(router), (None, {}))
        if id(endpoint) not in table and self._rebuilds_left:
            self._rebuilds_left -= 1
            table = _table(router.routes)
            self._tables[id(router)] = (router, table)
        return table.get(id(endpoint), [])


def _table(routes: Iterable[Any]) -> dict[int, list[_Way]]:
    from starlette.routing import compile_path

    table: dict[int, list[_Way]] = {}
    for endpoint, path in _leaves(routes, ""):
        pattern, template, _ = compile_path(path)
        table.setdefault(id(endpoint), []).append((pattern, template))
    return table


def _leaves(routes: Iterable[Any], prefix: str) -> Iterator[tuple[object, str]]:
    for route in _reached(routes):
        path = prefix + getattr(route, "path", "")
        inner = getattr(route, "routes", None)
        if inner is not None:
            yield from _leaves(inner, path)
            # What answers when no inner route matches is the mounted application itself.
            yield route.app, path + "/{path:path}"
        elif hasattr(route, "endpoint"):
            yield route.endpoint, path
        elif hasattr(route, "app"):
            yield route.app, path + "/{path:path}"


def _reached(routes: Iterable[Any]) -> Iterator[Any]:
    """Give each route with the path under which it is reached, those of included routers too."""
    walk = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    for route in routes if walk is None else walk(list(routes)):
        # FastAPI 0.137.0 and 0.137.1 have no walk, only this method of what stands for an included router.
        included = getattr(route, "effective_route_contexts", None) if walk is None else None
        for reached in (route,) if included is None else included():
            # The path of what is no APIRoute, such as a WebSocket, was one attribute further in at first.
            yield getattr(reached, "starlette_route", None) or reached


def _path(scope: MutableMapping[str, Any]) -> str:
    # Old Starlette shortens `path` on the way through mounts; `raw_path` stays what was asked for.
    raw: bytes = scope.get("raw_path") or b""
    path = raw.decode("latin-1") or str(scope.get("path", ""))
    return path.removeprefix(scope.get("app_root_path", ""))
