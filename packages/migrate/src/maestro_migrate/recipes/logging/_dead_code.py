"""Code that nothing uses any more once a set-up is replaced: classes and constants at the top of a module, and only where nobody else can name them."""

import ast
import re
from collections.abc import Iterable

from maestro_migrate import Module

__all__ = ["dead_after", "joined", "own_lines"]

_PURE = frozenset({"set", "frozenset", "dict", "list", "tuple", "vars", "sorted"})
_RECORDS = frozenset({"logging.makeLogRecord", "logging.LogRecord"})


def dead_after(
    module: Module, gone: Iterable[tuple[int, int]], named: Iterable[str], *, keep: Iterable[str] = ()
) -> list[tuple[int, int]]:
    """
    Return the spans of the statements that only code in the spans `gone` used, in source order.

    `named` are classes that the replaced code named by strings; `keep` are names that stay whatever happens. A class or constant goes only if every use of it and every string with its name
    lies in code that goes as well, and no other file, patch, export or deployment file mentions it.
    """
    spans = list(gone)
    found: list[tuple[int, int]] = []
    wanted, kept = set(named), set(keep)
    while True:
        fresh = [
            span
            for name in sorted((wanted | _used_in(module, spans)) - kept)
            if (span := _dead(module, name, spans, named=name in wanted)) and span not in found
        ]
        if not fresh:
            return sorted(found)
        found += fresh
        spans += fresh


def own_lines(module: Module, node: ast.stmt) -> tuple[int, int] | None:
    """Return the span of a statement with the comment lines right above it and the blank lines on one side; `None` where it shares a line."""
    source = module.source
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    last = node.end_lineno or node.lineno
    before = source.text[source.line_bounds(first)[0] : source.span(node)[0]].strip()
    after = source.text[source.span(node)[1] : source.line_bounds(last)[1]].strip()
    if (before and not getattr(node, "decorator_list", ())) or (after and not after.startswith(b"#")):
        return None
    while first > 1 and source.text[slice(*source.line_bounds(first - 1))].lstrip().startswith(b"#"):
        first -= 1
    if first == 1 and source.text.startswith(b"#"):
        return None  # the head of the file, perhaps its licence
    above = _blank_lines(module, first - 1, -1)
    below = _blank_lines(module, last + 1, 1)
    if above < below:
        return source.line_bounds(first - above)[0], source.line_bounds(last)[1]
    return source.line_bounds(first)[0], source.line_bounds(last + below)[1]


def _blank_lines(module: Module, line: int, step: int) -> int:
    source, count = module.source, 0
    while 0 < line <= len(source.line_starts) and source.line_bounds(line) != (len(source.text),) * 2:
        if source.text[slice(*source.line_bounds(line))].strip():
            break
        line, count = line + step, count + 1
    return count


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch or overlap made one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _used_in(module: Module, spans: list[tuple[int, int]]) -> set[str]:
    return {
        name
        for name, uses in module.tables.uses.items()
        if any(low <= module.source.span(use.root)[0] < high for use in uses for low, high in spans)
    }


def _dead(module: Module, name: str, spans: list[tuple[int, int]], *, named: bool) -> tuple[int, int] | None:
    bindings = module.tables.module.bindings.get(name, [])
    if len(bindings) != 1 or bindings[0].kind not in {"class", "assign"}:
        return None
    statement = bindings[0].node
    if statement not in module.tree.body or not isinstance(statement, ast.stmt):
        return None
    if isinstance(statement, ast.Assign | ast.AnnAssign) and not _is_pure(module, statement.value):
        return None
    if isinstance(statement, ast.ClassDef) and not named and not _is_quiet_class(module, statement):
        return None
    span = own_lines(module, statement)
    if span is None or _is_named_elsewhere(module, name, [*spans, span]):
        return None
    return span


def _is_quiet_class(module: Module, node: ast.ClassDef) -> bool:
    return not node.decorator_list and not node.keywords and len(node.bases) == 1 and module.resolve(node.bases[0]) in {
        "logging.Formatter", "logging.Filter",
    }  # fmt: skip


def _is_pure(module: Module, value: ast.expr | None) -> bool:
    """Return whether computing a constant has no effect that anything could see."""
    if value is None:
        return False
    for node in ast.walk(value):
        if isinstance(node, ast.Call):
            is_builtin = isinstance(node.func, ast.Name) and node.func.id in _PURE
            if not is_builtin and module.resolve(node.func) not in _RECORDS:
                return False
        elif isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.JoinedStr):
            return False
    return True


def _is_named_elsewhere(module: Module, name: str, spans: list[tuple[int, int]]) -> bool:
    def inside(node: ast.AST) -> bool:
        start = module.source.span(node)[0]
        return any(low <= start < high for low, high in spans)

    word = re.compile(rf"\b{re.escape(name)}\b")
    if module.project.needs_name(module.path, name) or module.tables.stars or module.path.endswith("__init__.py"):
        return True
    if any(not inside(use.root) for use in module.tables.uses.get(name, ())):
        return True
    if any(word.search(text) for text in (*module.project.deploy.values(), module.project.settings)):
        return True
    named = module.project.told("logging/replace_dict_config")
    strings_elsewhere = (
        text for path, found in named.items() if path != module.path for text in found.get("strings", ())
    )
    if any(word.search(text) for text in strings_elsewhere):
        return True
    strings = (node for node in module.nodes(ast.Constant) if isinstance(node.value, str))
    return any(word.search(node.value) and not inside(node) for node in strings if isinstance(node.value, str))
