"""
How lines stand after an edit: what was aligned stays aligned, and a statement that was broken because it was too long is joined once it fits.

Only white space between the tokens of an edited statement changes, and never inside a string. What became too long is the business of `_line_breaks`.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ._source import Source
from ._spans import Edit

__all__ = ["alignment_edits", "joined_edits", "line_length"]

USUAL_LENGTH = 88
"""Black's and ruff's line length where their configuration names none."""

_BLANK = frozenset({tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_WRAPPED = re.compile(r"(?:^return |(?<![=!<>])= |(?<=[-+*/%&|^@])= )\(")


def line_length(configuration: str) -> int | None:
    """Return the line length of a black or ruff configuration, `None` where neither is configured."""
    table = re.search(r"(?ms)^\[tool\.(?:black|ruff)\]\s*$(.*?)(?=^\[|\Z)", configuration)
    if table is None:
        return USUAL_LENGTH if re.search(r"(?m)^\[tool\.(?:black|ruff)\b", configuration) else None
    length = re.search(r"(?m)^line[-_]length\s*=\s*(\d+)", table[1])
    return int(length[1]) if length else USUAL_LENGTH


@dataclass(frozen=True)
class _Text:
    """The lines of one statement (of a compound one, its head), from the beginning of the first."""

    start: int
    end: int
    first_line: int


def alignment_edits(source: Source, tree: ast.Module, edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits that move continuation lines along with the bracket or the line that they were aligned with."""
    found: list[Edit] = []
    for text in _edited(source, tree, edits):
        inside = [edit for edit in edits if text.start <= edit.start < text.end and edit.end > text.start]
        if any(edit.end > text.end or _breaks(source, edit) for edit in inside):
            continue
        found += [
            edit
            for edit in _shifted(source, text, inside)
            if not any(other.start <= edit.end and edit.start <= other.end for other in edits)
        ]
    return found


def _breaks(source: Source, edit: Edit) -> bool:
    old = source.text[edit.start : edit.end]
    return bool({"\n", "\r"} & set(edit.text)) or b"\n" in old or b"\r" in old


def _edited(source: Source, tree: ast.Module, edits: Sequence[Edit]) -> Iterator[_Text]:
    """Yield the statements of more than one line that an edit begins in."""
    points = sorted(edit.start for edit in edits)
    for node in _statements(tree):
        last = _last_line(node)
        if last > node.lineno:
            start, end = source.line_bounds(node.lineno)[0], source.line_bounds(last)[1]
            if any(start <= point < end for point in points):
                yield _Text(start, end, node.lineno)


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt):
            yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            stack.extend(child for child in getattr(node, name, ()) or () if isinstance(child, ast.AST))


def _last_line(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        first = body[0]
        decorated = [each.lineno for each in getattr(first, "decorator_list", ())]
        return int(min([getattr(first, "lineno", node.lineno), *decorated])) - 1
    return node.end_lineno or node.lineno


def _tokens(text: bytes) -> list[tokenize.TokenInfo] | None:
    """Return the tokens of a statement, `None` where it has none that can be told apart on this Python."""
    lines = re.sub("\r\n?", "\n", text.decode())
    try:
        found = list(tokenize.generate_tokens(io.StringIO(lines).readline))
    except (tokenize.TokenError, SyntaxError):
        return None
    return None if any(token.type == tokenize.ERRORTOKEN for token in found) else found


@dataclass(frozen=True)
class _Bracket:
    line: int
    column: int
    aligned: int | None  # the column of what follows it on its line


def _shifted(source: Source, text: _Text, edits: Sequence[Edit]) -> Iterator[Edit]:
    tokens = _tokens(source.text[text.start : text.end])
    if tokens is None:
        return
    growth = _growth(source, text, edits)
    moved: dict[int, int] = {}
    open_brackets: list[_Bracket] = []
    seen_line = 1
    string_depth = 0
    for position, token in enumerate(tokens):
        kind = tokenize.tok_name[token.type]
        if token.type in _BLANK:
            continue
        if token.start[0] > seen_line and open_brackets and string_depth == 0:
            moved[token.start[0]] = _shift(token, open_brackets[-1], growth, moved)
        seen_line = max(seen_line, token.end[0])
        string_depth += kind.endswith("STRING_START") - kind.endswith("STRING_END")
        if token.type == tokenize.OP and token.string in _OPENING:
            after = tokens[position + 1]
            is_last = after.type in _BLANK or after.type == tokenize.COMMENT
            open_brackets.append(_Bracket(*token.start, None if is_last else after.start[1]))
        elif token.type == tokenize.OP and token.string in _CLOSING and open_brackets:
            open_brackets.pop()
    for line, shift in moved.items():
        if shift:
            yield from _indented(source, text.first_line + line - 1, shift)


def _growth(source: Source, text: _Text, edits: Sequence[Edit]) -> dict[int, list[tuple[int, int]]]:
    """Return, for each line of the statement, the columns (in characters) at which edits end and by how much each lengthens the line."""
    found: dict[int, list[tuple[int, int]]] = {}
    for edit in edits:
        line = source.line_of(edit.start)
        start = source.line_bounds(line)[0]
        column = len(source.text[start : edit.end].decode())
        delta = len(edit.text) - len(source.text[edit.start : edit.end].decode())
        found.setdefault(line - text.first_line + 1, []).append((column, delta))
    return found


def _shift(
    token: tokenize.TokenInfo, bracket: _Bracket, growth: dict[int, list[tuple[int, int]]], moved: dict[int, int]
) -> int:
    own = moved.get(bracket.line, 0)
    column = token.start[1]
    closes = token.type == tokenize.OP and token.string in _CLOSING
    if bracket.aligned is not None and (column == bracket.aligned or (closes and column == bracket.column)):
        return own + sum(delta for end, delta in growth.get(bracket.line, ()) if end <= bracket.column)
    return own


def _indented(source: Source, line: int, shift: int) -> Iterator[Edit]:
    start, end = source.line_bounds(line)
    text = source.text[start:end]
    width = len(text) - len(text.lstrip(b" \t"))
    if b"\t" in text[:width] or width + shift < 0:
        return
    if shift > 0:
        yield Edit(start + width, start + width, " " * shift)
    else:
        yield Edit(start + width + shift, start + width, "")


# Joining --------------------------------------------------------------------------------------------------------------


def joined_edits(
    before: Source, tree: ast.Module, edits: Sequence[Edit], after: Source, new_tree: ast.Module, length: int
) -> list[Edit]:
    """
    Return the edits of the new text that put statements on one line which did not fit there before the edits and do now.

    A comment, a string of several lines, a trailing comma or a backslash says that the lines are wanted as they are.
    """
    simple = {node.lineno: node for node in _statements(new_tree) if not hasattr(node, "body")}
    found: list[Edit] = []
    for text in _edited(before, tree, edits):
        moved = text.start + sum(
            len(each.text.encode()) - (each.end - each.start) for each in edits if each.end <= text.start
        )
        node = simple.get(after.line_of(moved))
        if node is None or (node.end_lineno or node.lineno) == node.lineno:
            continue
        old, new = _joined(before.text[text.start : text.end]), _joined(after.text[slice(*_bounds(after, node))])
        if old is None or new is None or len(old) <= length or len(new) > length:
            continue
        start, end = after.span(node)
        low, high = _bounds(after, node)
        if after.text[low:start].strip() or after.text[end:high].strip():
            continue
        found.append(Edit(start, end, new.strip()))
    return found


def _bounds(source: Source, node: ast.stmt) -> tuple[int, int]:
    return source.line_bounds(node.lineno)[0], source.line_bounds(node.end_lineno or node.lineno)[1]


def _joined(text: bytes) -> str | None:
    """Return a simple statement on one line, without brackets that only held its lines together, or `None` where its lines are to stay."""
    tokens = _tokens(text)
    if tokens is None or b"\\\n" in text or b"\\\r" in text:
        return None
    shown = [token for token in tokens if token.type not in _BLANK]
    line = " " * shown[0].start[1] if shown else ""
    for previous, token in zip([None, *shown], shown, strict=False):
        if token.type == tokenize.COMMENT or token.start[0] != token.end[0]:
            return None
        if previous is not None:
            if previous.string == "," and token.string in _CLOSING and previous.end[0] != token.start[0]:
                return None
            line += _gap(previous, token)
        line += token.string
    return _unwrapped(line)


def _gap(previous: tokenize.TokenInfo, token: tokenize.TokenInfo) -> str:
    if previous.end[0] == token.start[0]:
        return " " * (token.start[1] - previous.end[1])
    return "" if previous.string in _OPENING or token.string in _CLOSING or token.string == "." else " "


def _unwrapped(line: str) -> str:
    """Return a statement without brackets around the whole of its value."""
    indent, bare = line[: len(line) - len(line.lstrip())], line.strip()
    match = _WRAPPED.search(bare)
    if match is None or not bare.endswith(")"):
        return line
    candidate = bare[: match.end() - 1] + bare[match.end() : -1]
    wrapped, plain = _parsed(bare), _parsed(candidate)
    if wrapped is None or plain is None or ast.dump(wrapped) != ast.dump(plain):
        return line
    value = getattr(wrapped.body[0].body[0], "value", None)  # type: ignore[attr-defined]  # of the function that `_parsed` puts around it
    return line if isinstance(value, ast.Tuple | ast.Yield | ast.YieldFrom) else indent + candidate


def _parsed(statement: str) -> ast.Module | None:
    try:
        return ast.parse(f"async def _():\n {statement}\n")
    except SyntaxError:
        return None
