"""
A Python file as UTF-8 bytes, with all that is needed to write it back exactly: encoding, BOM and newline style.

`ast` counts columns in UTF-8 bytes of the decoded text, so that is what edits are made on; the file's own bytes are touched
only when the result is encoded again. Lines end at `\\r\\n`, `\\r` or `\\n` and nowhere else, as the tokenizer sees them.
"""

import ast
import codecs
import io
import re
import symtable
import sys
import threading
import tokenize
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from .errors import MigrateError

__all__ = ["MAX_SOURCE_BYTES", "Source", "UnreadableSource", "check_syntax", "parse", "read_source"]

MAX_SOURCE_BYTES = 5_000_000
"""A Python file longer than this is generated or data; it is listed as unparsed and left alone."""

DEEP_STACK_BYTES = 256 * 1024 * 1024
DEEP_FRAMES = 15_000

_NEWLINE = re.compile(rb"\r\n|\r|\n")


class UnreadableSource(MigrateError):
    """The file is not Python text that this interpreter can read; the message is the reason given in the report."""


@dataclass(frozen=True)
class Source:
    """The decoded text of one file (`text`, UTF-8 without BOM) and how to encode it again."""

    path: str
    text: bytes
    encoding: str = "utf-8"
    bom: bytes = b""

    @cached_property
    def line_starts(self) -> list[int]:
        """Return the byte offset at which each line begins; index 0 is line 1."""
        return [0, *(match.end() for match in _NEWLINE.finditer(self.text))]

    @cached_property
    def newline(self) -> str:
        """Return the newline that the first line uses, `\\n` where there is none."""
        match = _NEWLINE.search(self.text)
        return match.group().decode() if match else "\n"

    def offset(self, line: int, column: int) -> int:
        """Return the byte offset of a 1-based line and a column in UTF-8 bytes."""
        return self.line_starts[line - 1] + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return the byte offsets at which a node begins and ends."""
        start = self.line_starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]  # every node that recipes pass has a position
        end = self.line_starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]  # as above
        return start, end

    def slice(self, node: ast.AST) -> str:
        """Return the text of a node as it stands in the file."""
        start, end = self.span(node)
        return self.text[start:end].decode()

    def line_of(self, offset: int) -> int:
        """Return the 1-based line in which a byte offset lies."""
        from bisect import bisect_right

        return bisect_right(self.line_starts, offset)

    def line_bounds(self, line: int) -> tuple[int, int]:
        """Return the offsets of a line's first byte and of the byte after its newline."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        return start, end

    def comments(self, start: int, end: int) -> bool:
        """Return whether a comment begins between two offsets; a slice that cannot be tokenized counts as having one."""
        part = self.text[start:end]
        if b"#" not in part:
            return False
        try:
            tokens = tokenize.generate_tokens(io.StringIO("(" + part.decode() + "\n)").readline)
            return any(token.type == tokenize.COMMENT for token in tokens)
        except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
            return True

    def encoded(self, text: bytes) -> bytes:
        """
        Return the file's bytes for a new text.

        Raises:
            UnreadableSource: the file's encoding has no byte for a character of the new text.
        """
        if self.encoding == "utf-8":
            return self.bom + text
        try:
            return self.bom + text.decode().encode(self.encoding)
        except UnicodeEncodeError as error:
            raise UnreadableSource(f"the new text has a character that {self.encoding} cannot hold: {error}") from error


def read_source(raw: bytes, path: str = "<memory>") -> Source:
    """
    Decode a file as Python would (PEP 263).

    Raises:
        UnreadableSource: too long, not text, an unknown encoding, or bytes that the declared encoding does not know.
    """
    if len(raw) > MAX_SOURCE_BYTES:
        raise UnreadableSource(f"longer than {MAX_SOURCE_BYTES:,} bytes: generated code or data")
    if b"\0" in raw:
        raise UnreadableSource("holds NUL bytes: binary, or UTF-16 text that Python does not read either")
    bom = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    body = raw[len(bom) :]
    encoding = "utf-8"
    if b"coding" in body[:400] or not body.isascii():
        encoding = _declared_encoding(raw)
    if encoding == "utf-8":
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise UnreadableSource(f"is not valid utf-8 (byte {error.start}) and declares no other encoding") from error
        return Source(path, body, "utf-8", bom)
    try:
        text = body.decode(encoding)
        if text.encode(encoding) != body:
            raise UnreadableSource(f"does not come back as it was when decoded and encoded as {encoding}")
        return Source(path, text.encode(), encoding, bom)
    except (UnicodeDecodeError, UnicodeEncodeError, LookupError) as error:
        raise UnreadableSource(f"cannot be decoded as {encoding}, which it declares: {error}") from error


def _declared_encoding(raw: bytes) -> str:
    try:
        name, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        codec = codecs.lookup(name)
    except (SyntaxError, LookupError) as error:
        raise UnreadableSource(f"its encoding cannot be found out: {error}") from error
    if not codec._is_text_encoding:
        raise UnreadableSource(f"declares {name}, which is not a text encoding")
    return "utf-8" if codec.name in ("utf-8", "utf-8-sig") else codec.name


def parse(source: Source) -> ast.Module:
    """
    Parse a source with the running interpreter's grammar.

    Raises:
        UnreadableSource: the text is not valid for this Python, or nests more deeply than its parser allows.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return ast.parse(source.text.decode(), source.path)
            except RecursionError:
                return _parse_deep(source)
    except SyntaxError as error:
        raise UnreadableSource(f"line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableSource(f"the parser gave up: {type(error).__name__}: {error}") from error


def check_syntax(source: Source) -> None:
    """
    Find out whether a source can be parsed, at three quarters of what it costs to have the tree, too.

    Raises:
        UnreadableSource: as `parse` does.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(source.text.decode(), source.path, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        parse(source)  # which alone decides: tables ask for more than a tree, such as no `global` after a use


def _parse_deep(source: Source) -> ast.Module:
    """Parse in a thread with room for deep trees: a chain of 3,000 `+` is legal, and code generators write it."""
    limit, size = sys.getrecursionlimit(), threading.stack_size(DEEP_STACK_BYTES)
    sys.setrecursionlimit(max(limit, DEEP_FRAMES))
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(ast.parse, source.text.decode(), source.path).result()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
