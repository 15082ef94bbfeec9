"""
Circles of imports that a plan would close: a module that gains an import of another module of the project, which in turn imports it.

Only imports that run while a module is imported count. A package is loaded before its modules, so that it names them closes no circle.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ._plan import FileWrite
from ._project import Project
from ._semantics import Module
from ._source import UnreadableSource, read_source
from ._spans import Finding

__all__ = ["closed_circles", "imported_from"]


def closed_circles(root: Path, files: Sequence[str], writes: Sequence[FileWrite]) -> dict[tuple[str, str], Finding]:
    """Return a finding for each recipe and file whose changes would make a module import one that imports it."""
    after = {write.path: write.after or b"" for write in writes if write.path.endswith(".py")}
    graph = _Graph(root, Project({}, files=[*files, *after]), after)
    found: dict[tuple[str, str], Finding] = {}
    for write in writes:
        for change in write.changes:
            for name in change.requires:
                home = name.rpartition(".")[0]
                target = graph.project.path_of(home)
                if target is None or (change.recipe, write.path) in found:
                    continue
                way = graph.way(target, write.path)
                if way and target in _gained(graph, write):
                    reason = f"import-circle: importing {home} here would close a circle, since {' imports '.join(way)}"
                    action = f"break the circle, or import {name} inside the functions that use it"
                    key = (change.recipe, write.path)
                    found[key] = Finding(write.path, change.line, change.recipe, reason, action, "warning")
    return found


def imported_from(root: Path, files: Sequence[str], writes: Sequence[FileWrite], starts: Sequence[str]) -> set[str]:
    """Return the project's files that some files come to import, at once or later on, themselves included."""
    after = {write.path: write.after or b"" for write in writes if write.path.endswith(".py")}
    graph = _Graph(root, Project({}, files=[*files, *after]), after, lazily=True)
    found: set[str] = set()
    pending = list(starts)
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += [target for target, _ in graph.edges(path, graph.held(path))]
    return found


def _gained(graph: "_Graph", write: FileWrite) -> set[str]:
    """Return the project's files that a module imports after its changes and did not before."""
    if write.path not in graph.after:
        return set()
    new = {target for target, _ in graph.edges(write.path, graph.after[write.path])}
    old = {target for target, _ in graph.edges(write.path, write.before or b"")}
    return new - old


@dataclass
class _Graph:
    """What runs when a module of the project is imported, read as far as it is asked for."""

    root: Path
    project: Project
    after: Mapping[str, bytes]
    lazily: bool = False
    known: dict[str, tuple[tuple[str, bool], ...]] = field(default_factory=dict)

    def way(self, start: str, goal: str) -> list[str]:
        """Return the files by which importing `start` comes to import `goal`, both included; nothing where it does not."""
        packages = _packages(goal)
        before: dict[str, str] = {start: ""}
        pending = [start]
        while pending:
            path = pending.pop()
            if path == goal:
                return _steps(before, goal)
            if path not in self.known:
                self.known[path] = tuple(self.edges(path, self.held(path)))
            for target, is_named in self.known[path]:
                if target not in before and (is_named or (target != goal and target not in packages)):
                    before[target] = path
                    pending.append(target)
        return []

    def edges(self, path: str, raw: bytes) -> Iterator[tuple[str, bool]]:
        """Yield the project's files that importing a file imports, and whether they are named or only loaded on the way."""
        try:
            module = Module(read_source(raw, path), self.project)
        except UnreadableSource:
            return
        for node, scope in module.tables.imports:
            if (scope.kind not in {"module", "class"} and not self.lazily) or module.is_typing_only(node):
                continue
            for name in _targets(module, node, self.project):
                target = self.project.path_of(name)
                if target is not None:
                    yield target, True
                parts = name.split(".")
                for end in range(1, len(parts)):
                    parent = self.project.path_of(".".join(parts[:end]))
                    if parent is not None:
                        yield parent, False

    def held(self, path: str) -> bytes:
        """Return what a file holds after the plan."""
        if path in self.after:
            return self.after[path]
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return b""


def _targets(module: Module, node: ast.Import | ast.ImportFrom, project: Project) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    home = module.absolute("." * node.level + (node.module or ""))
    for alias in node.names:
        yield f"{home}.{alias.name}" if project.path_of(f"{home}.{alias.name}") else home


def _packages(path: str) -> set[str]:
    """Return the `__init__.py` files that are loaded before a module is."""
    folders = path.split("/")[:-1]
    return {"/".join([*folders[:end], "__init__.py"]) for end in range(1, len(folders) + 1)} - {path}


def _steps(before: Mapping[str, str], goal: str) -> list[str]:
    steps = [goal]
    while before[steps[-1]]:
        steps.append(before[steps[-1]])
    return steps[::-1]
