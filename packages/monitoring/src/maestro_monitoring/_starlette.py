"""Route templates of Starlette applications: the only module that looks at its routers.

It needs `scope["endpoint"]` and `scope["router"]`, which Starlette has set since before 0.27, and a route's `path`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

_Way = tuple[re.Pattern[str], str]
# An application that adds routes while it serves has its table rebuilt, but not for ever.
_MOST_REBUILDS = 16


class StarletteRoutes:
    """Gives the template of a served request, mounts included; None when nothing matched.

    Since FastAPI 0.137 an included router is not a route with a path. For FastAPI use `MaestroAPI` or
    `instrument()` of maestro_core_api, which resolve templates over all supported versions.
    """

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
    for route in routes:
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


def _path(scope: MutableMapping[str, Any]) -> str:
    # Old Starlette shortens `path` on the way through mounts; `raw_path` stays what was asked for.
    raw: bytes = scope.get("raw_path") or b""
    path = raw.decode("latin-1") or str(scope.get("path", ""))
    return path.removeprefix(scope.get("app_root_path", ""))
