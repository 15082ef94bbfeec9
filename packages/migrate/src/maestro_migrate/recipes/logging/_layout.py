"""How a call is laid out where it replaces another one."""

import ast
import re
from collections.abc import Sequence

from maestro_migrate import Module

__all__ = ["LINE_LENGTH", "laid_out"]

LINE_LENGTH = 100


def laid_out(module: Module, at: ast.AST, head: str, words: Sequence[str], tail: str) -> str:
    """Return the words on one line where they fit, else one a line as black would have it; a comma after the last one there was wants them so."""
    source = module.source
    line_start = source.line_bounds(module.statement(at).lineno)[0]
    indent = re.match(rb"[ \t]*", source.text[line_start:])[0].decode()  # type: ignore[index]  # it matches anything
    one = f"{head}{', '.join(words)}{tail}"
    before = len(source.text[source.line_bounds(at.lineno)[0] : source.span(at)[0]])  # type: ignore[attr-defined]  # a call or a statement
    if "\n" not in one and before + len(one) <= LINE_LENGTH:
        return one
    inner = indent + ("\t" if "\t" in indent else "    ")
    newline = source.newline
    joined = ", ".join(words)
    wants_commas = re.search(rb",\s*\)\Z", source.text[slice(*source.span(at))]) is not None
    if not wants_commas and "\n" not in joined and len(inner) + len(joined) <= LINE_LENGTH:
        return f"{head}{newline}{inner}{joined}{newline}{indent}{tail}"
    return head + "".join(f"{newline}{inner}{word}," for word in words) + f"{newline}{indent}{tail}"
