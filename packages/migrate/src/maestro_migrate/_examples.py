"""
The fences of a page: what recipes promise, written as code in prose.

```` ```py before ```` with the ```` ```py after ```` that follows, and ```` ```py unchanged ````, are examples. ```` ```py beside path=tests/test_mod.py ````
puts another file into the project of the example that follows it. ```` ```py program ```` is run before and after (`_oracle`); all program fences
under one heading are one project, and those above the first second-level heading belong to every program of the page.

Options stand behind the kind: `path=` (`mod.py`, of a program `main.py`), `with=` ids or themes of recipes that run as well, `finding=` what the reason of a
finding must begin with; for a program `expect=` its verdict, `encoding=`, `newline=cr|crlf`, `bom=yes`, `final=none`.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import MigrateError

__all__ = ["Example", "PageError", "Program", "read_examples", "read_programs"]

_FENCE = re.compile(
    r"^```py (before|after|unchanged|beside|program)((?: [a-z]+=\S+)*)[ ]*\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)


class PageError(MigrateError):
    """A page's fences do not make examples; the message says which line."""


@dataclass(frozen=True, slots=True)
class Example:
    """One promise: the file before, the file after (`None`: it stays), and what else is in the project."""

    heading: str
    line: int
    before: str
    after: str | None
    path: str = "mod.py"
    beside: tuple[tuple[str, str], ...] = ()
    recipes: tuple[str, ...] = ()
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A small project that is run before and after; `expect` is the verdict that the page promises."""

    heading: str
    line: int
    files: tuple[tuple[str, bytes], ...]
    entry: str
    expect: str = "right"


@dataclass(frozen=True, slots=True)
class _Fence:
    kind: str
    text: str
    options: Mapping[str, str]
    heading: str
    line: int


def _fences(page: str) -> list[_Fence]:
    headings = [(match.start(), match[1].strip()) for match in _HEADING.finditer(_without_fences(page))]
    found: list[_Fence] = []
    for match in _FENCE.finditer(page):
        options = dict(option.split("=", 1) for option in match[2].split())
        heading = next((text for start, text in reversed(headings) if start < match.start()), "")
        found.append(_Fence(match[1], match[3], options, heading, page.count("\n", 0, match.start()) + 1))
    return found


def _without_fences(page: str) -> str:
    """Return the page with fenced text blanked out, so that a comment in code is no heading."""
    return re.sub(
        r"^```.*?^```[ ]*$", lambda match: re.sub(r"[^\n]", " ", match[0]), page, flags=re.MULTILINE | re.DOTALL
    )


def read_examples(page: str) -> tuple[Example, ...]:
    """
    Return the examples of a page in their order.

    Raises:
        PageError: a `before` without `after`, or an `after` without `before`.
    """
    found: list[Example] = []
    beside: list[tuple[str, str]] = []
    pending: _Fence | None = None
    for fence in _fences(page):
        if fence.kind == "program":
            continue
        if (fence.kind == "after") != (pending is not None):
            raise PageError(
                f"line {fence.line}: `{fence.kind}` does not fit here; each `before` is followed by its `after`"
            )
        if fence.kind == "beside":
            beside.append((fence.options.get("path", "other.py"), fence.text))
        elif fence.kind == "before":
            pending = fence
        else:
            first, after = (pending, fence.text) if pending is not None else (fence, None)
            found.append(_example(first, after, tuple(beside)))
            beside, pending = [], None
    if pending is not None:
        raise PageError(
            f"line {pending.line}: `before` has no `after`; write what the recipe makes of it, or call it `unchanged`"
        )
    return tuple(found)


def _example(first: _Fence, after: str | None, beside: tuple[tuple[str, str], ...]) -> Example:
    recipes = tuple(name for name in first.options.get("with", "").split(",") if name)
    return Example(
        first.heading,
        first.line,
        first.text,
        after,
        first.options.get("path", "mod.py"),
        beside,
        recipes,
        first.options.get("finding", ""),
    )


def read_programs(page: str) -> tuple[Program, ...]:
    """Return the programs of a page in their order."""
    shared: list[tuple[str, bytes]] = []
    grouped: dict[str, list[_Fence]] = {}
    for fence in _fences(page):
        if fence.kind == "program" and fence.heading:
            grouped.setdefault(fence.heading, []).append(fence)
        elif fence.kind == "program":
            shared.append((fence.options.get("path", "shared.py"), _file_bytes(fence)))
    programs = []
    for heading, fences in grouped.items():
        files = [*shared, *((fence.options.get("path", "main.py"), _file_bytes(fence)) for fence in fences)]
        entry = fences[0].options.get("path", "main.py")
        programs.append(Program(heading, fences[0].line, tuple(files), entry, fences[0].options.get("expect", "right")))
    return tuple(programs)


def _file_bytes(fence: _Fence) -> bytes:
    text = fence.text
    if fence.options.get("final") == "none":
        text = text.rstrip("\n")
    text = text.replace("\n", {"crlf": "\r\n", "cr": "\r"}.get(fence.options.get("newline", ""), "\n")).replace(
        "␌", "\f"
    )
    body = text.encode(fence.options.get("encoding", "utf-8"))
    return codecs.BOM_UTF8 + body if fence.options.get("bom") == "yes" else body
