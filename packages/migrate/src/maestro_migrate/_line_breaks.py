"""
Lines that an edit made too long: what fitted the line length which the service checks, and no longer does, is broken as black would.

Only simple statements of one line that end with a call, or whose value is a dotted name, or a choice or a sum that ends with a name or a number, and only
where the service has a formatter or a linter that would complain.
"""

import ast
import configparser
import re
from collections.abc import Iterator, Mapping, Sequence

from ._layout import USUAL_LENGTH, line_length
from ._source import Source
from ._spans import Edit

__all__ = ["LINE_CHECKERS", "broken_edits", "line_limit"]

LINE_CHECKERS = re.compile(
    r"pyproject\.toml|setup\.cfg|tox\.ini|\.flake8|\.isort\.cfg|\.?pylintrc|\.?ruff\.toml|\.pre-commit-config\.yaml"
)
"""The files in a service's root that may say how long its lines are."""

_PEP_8 = 79
_FLAKE8_FILES = (".flake8", "setup.cfg", "tox.ini")
_FORMATTING_HOOK = re.compile(r"(?m)^\s*-?\s*id:\s*['\"]?(?:black|black-jupyter|ruff-format)\b")
_HOOK_LENGTH = re.compile(r"(?:--line-length|-l)[=,\s'\"\]-]+(\d+)")


def line_limit(configurations: Mapping[str, str]) -> int | None:
    """Return how long a line may be, by what the service's formatter or else its linter is told, `None` where neither complains."""
    for name in (".ruff.toml", "ruff.toml"):
        if name in configurations:
            return line_length(f"[tool.ruff]\n{configurations[name]}")
    formatter = line_length(configurations.get("pyproject.toml", ""))
    if formatter is not None:
        return formatter
    hooks = configurations.get(".pre-commit-config.yaml", "")
    if _FORMATTING_HOOK.search(hooks):
        told = _HOOK_LENGTH.search(hooks)
        return int(told[1]) if told else USUAL_LENGTH
    return _linted_length(configurations)


def _linted_length(configurations: Mapping[str, str]) -> int | None:
    for name in _FLAKE8_FILES:
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(configurations.get(name, ""))
        except configparser.Error:
            continue
        for section in ("flake8", "pycodestyle"):
            if parser.has_section(section):
                ignored = (
                    f"{parser.get(section, 'ignore', fallback='')} {parser.get(section, 'extend-ignore', fallback='')}"
                )
                told = re.search(r"\d+", parser.get(section, "max-line-length", fallback=None) or "")
                return None if re.search(r"\bE(?:5|50|501)?\b", ignored) else int(told[0]) if told else _PEP_8
    told = re.search(
        r"(?m)^max-line-length\s*=\s*(\d+)", configurations.get(".pylintrc", configurations.get("pylintrc", ""))
    )
    return int(told[1]) if told else None


def broken_edits(
    before: Source, edits: Sequence[Edit], after: Source, tree: ast.Module, length: int, *, commas: bool = False
) -> list[Edit]:
    """
    Return the edits of the new text that break the calls which the edits made longer than the length.

    Where a comma has to follow the last argument (`commas`), each argument gets a line, as black leaves what has such a comma.
    """
    grown = set(_grown_lines(before, edits, after, length))
    if not grown:
        return []
    found = [
        _broken(after, node, length, commas=commas)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return)
        and node.lineno == node.end_lineno
        and node.lineno in grown
    ]
    return [edit for edit in found if edit is not None]


def _grown_lines(before: Source, edits: Sequence[Edit], after: Source, length: int) -> Iterator[int]:
    """Yield the lines of the new text that are too long and whose edits stand in lines that were not."""
    shift = 0
    for edit in sorted(edits):
        line = after.line_of(edit.start + shift)
        shift += len(edit.text.encode()) - (edit.end - edit.start)
        is_of_one_line = not {"\n", "\r"} & set(edit.text)
        if is_of_one_line and _width(after, line) > length >= _width(before, before.line_of(edit.start)):
            yield line


def _width(source: Source, line: int) -> int:
    return len(source.text[slice(*source.line_bounds(line))].decode().rstrip("\r\n"))


def _broken(source: Source, node: ast.stmt, length: int, *, commas: bool) -> Edit | None:
    """Return the edit that puts the arguments of the call that a statement ends with on a line of their own, or on one each, if they fit there."""
    call = getattr(node, "value", None)
    call = call.value if isinstance(call, ast.Await) else call
    if not isinstance(node, ast.Expr) and isinstance(call, ast.expr) and _is_wrapped_whole(source, call):
        return _wrapped(source, node, call, length)
    if not isinstance(call, ast.Call) or not (call.args or call.keywords):
        return None
    (start, end), (low, high) = source.span(node), source.line_bounds(node.lineno)
    opening = source.span(call.func)[1]
    indent = source.text[low:start].decode()
    if source.span(call)[1] != end or source.text[opening : opening + 1] != b"(":
        return None
    if indent.strip() or source.text[end:high].strip():
        return None
    inner = indent + ("\t" if "\t" in indent else "    ")
    arguments = source.text[opening + 1 : end - 1].decode().strip()
    if arguments.endswith(","):
        return None
    newline = source.newline
    if commas or len(inner + arguments) > length:
        given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        parts = [source.slice(argument) for argument in sorted(given, key=lambda argument: argument.col_offset)]
        if ", ".join(parts) != arguments or any(len(f"{inner}{part},") > length for part in parts):
            return None  # brackets around one, or one that would have to be broken itself
        arguments = f",{newline}{inner}".join(parts) + ","
    return Edit(opening + 1, end - 1, f"{newline}{inner}{arguments}{newline}{indent}")


def _is_wrapped_whole(source: Source, value: ast.expr) -> bool:
    if isinstance(value, ast.Attribute | ast.Name):
        return re.fullmatch(r"[\w.]+", source.slice(value)) is not None
    return isinstance(value, ast.BoolOp | ast.BinOp | ast.Compare | ast.IfExp)


def _wrapped(source: Source, node: ast.stmt, value: ast.expr, length: int) -> Edit | None:
    """Return the edit that puts brackets around the value of a statement and the value on a line of its own, if it fits there."""
    (start, end), (low, high) = source.span(value), source.line_bounds(node.lineno)
    head, text = source.text[low : source.span(node)[0]].decode(), source.slice(value)
    if head.strip() or source.text[end:high].strip() or text[0] in "([{" or not (text[-1].isalnum() or text[-1] == "_"):
        return None
    inner = head + ("\t" if "\t" in head else "    ")
    if len(inner + text) > length:
        return None
    return Edit(start, end, f"({source.newline}{inner}{text}{source.newline}{head})")
