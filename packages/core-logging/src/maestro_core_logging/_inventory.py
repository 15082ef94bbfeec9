"""
The log inventory: which events a service can write, with levels and fields, read from its code without importing it.

OWASP ASVS 5.0 asks for such a list (16.1.1); generated and compared in CI it cannot go stale.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LEVELS: Final = {
    "debug": "debug", "info": "info", "warning": "warning", "warn": "warning", "error": "error", "exception": "error",
    "critical": "critical", "fatal": "critical",
}  # fmt: skip
_NAMED: Final = re.compile(r"_{0,2}(?:\w+_)?(?:log|logger|logging|audit)", re.IGNORECASE)
_MAKERS: Final = frozenset({"get_logger", "getLogger", "bind", "once", "limited", "sampled", "opt", "LoggerAdapter"})
_NO_FIELDS: Final = frozenset({"exc_info", "extra", "stack_info", "stacklevel", "level", "logger", "exception"})
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist", "tests"})


@dataclass(frozen=True, order=True)
class LogSite:
    """A call that writes a line: what its event is called, how it can be severe, the fields beside it, and where."""

    event: str
    level: str
    fields: tuple[str, ...]
    file: str
    line: int

    def row(self) -> str:
        """Give the row of the inventory's table; without the line number, which every edit above it would change."""
        event = self.event.replace("|", "\\|").replace("\n", " ")
        return f"| `{event}` | {self.level} | {', '.join(self.fields)} | {self.file} |"


class UnreadableCodeError(ValueError):
    """A file that is no Python: an inventory without it would not be one."""


def log_sites(folder: Path) -> list[LogSite]:
    """
    Find every call in the Python files below `folder` that writes a line; tests and hidden folders are left out.

    Raises:
        UnreadableCodeError: a file cannot be read or parsed.
    """
    sites: list[LogSite] = []
    for path in _python_files(folder):
        name = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (OSError, SyntaxError, ValueError) as error:
            raise UnreadableCodeError(f"cannot read {name}: {error}") from error
        sites += _sites_of(tree, name)
    return sorted(sites)


def inventory_page(sites: Iterable[LogSite]) -> str:
    """Write the inventory as a Markdown table, the same for the same code whatever the order of files."""
    rows = sorted({site.row() for site in sites})
    head = ["# Log inventory", "", "Written by `maestro logging inventory`.", ""]
    return "\n".join([*head, "| event | level | fields | file |", "|---|---|---|---|", *rows, ""])


def _python_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        if not any(part in _SKIPPED or part.startswith(".") for part in parts[:-1]):
            yield path


def _sites_of(tree: ast.AST, file: str) -> Iterator[LogSite]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            level = _level(node)
            if level is not None:
                arguments = node.args[1:] if level == "" else node.args
                event = _text(arguments[0]) if arguments else "(none)"
                yield LogSite(event, level or _level_of_log(node), _fields(node), file, node.lineno)


def _level(call: ast.Call) -> str | None:
    """Give the level that the call's method names, "" where an argument says it, None when it is no log call."""
    func = call.func
    if isinstance(func, ast.Name) and func.id == "emit_event":
        return _level_of_log(call)
    if not isinstance(func, ast.Attribute) or not _is_logger(func.value):
        return None
    if func.attr == "write" and _ends_in_audit(func.value):
        return "audit"
    return "" if func.attr == "log" else _LEVELS.get(func.attr)


def _is_logger(node: ast.expr) -> bool:
    """Tell whether an expression is a logger to a reader: called like one, or made where it is used."""
    if isinstance(node, ast.Call):
        made = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return made in _MAKERS
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return _NAMED.fullmatch(name) is not None or name == "root_logger"


def _ends_in_audit(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return str(name).lower().endswith(("audit", "audit_log"))


def _level_of_log(call: ast.Call) -> str:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "level"]
    if isinstance(call.func, ast.Attribute) and call.args:
        given = [call.args[0]]
    if not given:
        return "info"  # emit_event's default
    level = given[0]
    name = level.attr if isinstance(level, ast.Attribute) else getattr(level, "id", None)
    return str(name).lower() if name and name.isupper() else "(computed)"


def _text(node: ast.expr) -> str:
    """Give the event's text; of an f-string with its expressions in braces, of anything else that it is computed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    return "(computed)"


def _fields(call: ast.Call) -> tuple[str, ...]:
    names = {keyword.arg for keyword in call.keywords if keyword.arg and keyword.arg not in _NO_FIELDS}
    if any(keyword.arg is None for keyword in call.keywords):
        names.add("…")
    for keyword in call.keywords:
        if keyword.arg == "extra":
            keys = keyword.value.keys if isinstance(keyword.value, ast.Dict) else [None]
            names |= {k.value if isinstance(k, ast.Constant) and isinstance(k.value, str) else "…" for k in keys}
    return tuple(sorted(names))
