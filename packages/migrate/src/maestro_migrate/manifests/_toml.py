"""
TOML manifests: PEP 621 arrays, and the tables of Poetry and Pipenv.

An edit is made in the text and then proven: the result must parse to the old document plus exactly what was wanted. Nothing is
printed anew, so layout and comments stay.
"""

import copy
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from ._lists import Listing, inserted, newline_of, quoted, removed
from ._model import Declared, NotEditable, bare, missing, named, position

__all__ = ["declared_in_project", "declared_in_table", "edited_project", "edited_table", "parsed"]

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\r\n])*"|\'[^\'\r\n]*\'|#[^\r\n]*|[\[\]{}]', re.DOTALL
)
_ARRAY = re.compile(r"""(?m)^[ \t]*(?:project[ \t]*\.[ \t]*)?["']?dependencies["']?[ \t]*=[ \t]*(?=\[)""")
# What the tables hold that are read here; `*` stands for each entry.
_SHAPES = {
    "project": "table",
    "project.dynamic": "list",
    "project.dependencies": "list of texts",
    "project.optional-dependencies": "table",
    "project.optional-dependencies.*": "list of texts",
    "dependency-groups": "table",
    "dependency-groups.*": "list",
    "packages": "table",
    "dev-packages": "table",
    "tool": "table",
    "tool.bandit": "table",
    "tool.poetry": "table",
    "tool.poetry.dependencies": "table",
    "tool.poetry.dev-dependencies": "table",
    "tool.poetry.group": "table",
    "tool.poetry.group.*": "table",
    "tool.poetry.group.*.dependencies": "table",
    "tool.setuptools": "table",
    "tool.setuptools.dynamic": "table",
    "tool.setuptools.dynamic.dependencies": "table",
    "tool.setuptools.dynamic.dependencies.file": "text or list of texts",
}
_KEY = re.compile(r"""[ \t]*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_.-]+))[ \t]*=""")


def parsed(text: str) -> dict[str, Any]:
    """
    Return the document of a manifest.

    Raises:
        NotEditable: it is not TOML, or one of its tables holds something that no tool would take.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotEditable(f"unreadable: {error}") from error
    for path, shape in _SHAPES.items():
        for name, value in _held(document, path.split(".")):
            if not _fits(value, shape):
                raise NotEditable(f"unreadable: {name} is no {shape}")
    return document


def _held(value: Any, path: Sequence[str], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what stands at a path, with its name; every step but the last is known to be a table."""
    if not path:
        yield above, value
        return
    for name in value if path[0] == "*" else [path[0]]:
        if name in value:
            yield from _held(value[name], path[1:], f"{above}.{name}" if above else name)


def _fits(value: Any, shape: str) -> bool:
    match value:
        case dict():
            return shape == "table"
        case list():
            return shape == "list" or ("list of texts" in shape and all(isinstance(each, str) for each in value))
        case str():
            return shape.startswith("text ")
    return False


# PEP 621 --------------------------------------------------------------------------------------------------------------


def declared_in_project(text: str) -> list[Declared]:
    """Return run-time dependencies, extras and dependency groups; a line is where the text first stands as a string."""
    document = parsed(text)
    project = document.get("project", {})
    groups: list[tuple[str, Any]] = [("", project.get("dependencies", []))]
    groups += [*project.get("optional-dependencies", {}).items(), *document.get("dependency-groups", {}).items()]
    found = []
    for group, requirements in groups:
        for raw in requirements:
            if isinstance(raw, str) and (name := named(raw)):
                at = next((i for i in (text.find(f"{mark}{raw}{mark}") for mark in "\"'") if i >= 0), 0)
                found.append(Declared(text.count("\n", 0, at) + 1, name, raw, group))
    return found


def edited_project(text: str, add: Mapping[str, str], remove: Collection[str]) -> str:
    """
    Return the text with `[project] dependencies` changed.

    Raises:
        NotEditable: the file cannot be read, or the array could not be found in it.
    """
    document = parsed(text)
    entries: list[str] = document["project"].get("dependencies", [])
    for index in reversed(range(len(entries))):
        if named(entries[index]) in remove:
            wanted = entries[:index] + entries[index + 1 :]
            text = _proven(text, wanted, lambda held, array, i=index: removed(held, array, i))  # type: ignore[misc]  # a default binds the index
            entries = wanted
    for name, specifier in missing(add, [named(entry) or "" for entry in entries]):
        index = position([named(entry) or "" for entry in entries], name)
        wanted = [*entries[:index], f"{name}{specifier}", *entries[index:]]
        if "dependencies" not in parsed(text)["project"]:
            text = _with_array(text, wanted)
        else:
            text = _proven(
                text, wanted, lambda held, array, i=index, new=wanted[index]: inserted(held, array, i, quoted(held, array, new))  # type: ignore[misc]  # as above
            )  # fmt: skip
        entries = wanted
    return text


def _proven(text: str, wanted: list[str], edit: Callable[[str, Listing], str]) -> str:
    """Return the first edit of an array called `dependencies` after which the project declares what is wanted and nothing else differs."""
    expected = copy.deepcopy(parsed(text))
    held = len(expected["project"]["dependencies"])
    expected["project"]["dependencies"] = wanted
    for match in _ARRAY.finditer(text):
        array = _array(text, match.end())
        if array is None or len(array.entries) != held:
            continue  # another table's array of the same name
        after = edit(text, array)
        try:
            if tomllib.loads(after) == expected:
                return after
        except tomllib.TOMLDecodeError:
            continue
    raise NotEditable("unusual-layout: the array of dependencies was not found in its text")


def _array(text: str, opening: int) -> Listing | None:
    depth = 0
    entries: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text, opening):
        if token[0] in {"[", "{"}:
            depth += 1
        elif token[0] in {"]", "}"}:
            depth -= 1
            if depth == 0:
                return Listing(opening, token.start(), tuple(entries))
        elif depth == 1 and token[0][0] != "#":
            entries.append(token.span())
    return None


def _with_array(text: str, wanted: list[str]) -> str:
    newline = newline_of(text)
    array = f"dependencies = [{newline}{''.join(f'    {chr(34)}{each}{chr(34)},{newline}' for each in wanted)}]"
    expected = copy.deepcopy(parsed(text))
    expected["project"]["dependencies"] = wanted
    for start, end in _bodies(text, "project"):
        last = max((stop for _, stop, _ in _pairs(text, start, end)), default=start)
        after = f"{text[:last]}{'' if text[:last].endswith(newline) else newline}{array}{newline}{text[last:]}"
        if parsed(after) == expected:
            return after
    raise NotEditable("unusual-layout: no [project] table to put dependencies in")


# tables of name = version ---------------------------------------------------------------------------------------------


def declared_in_table(text: str, table: str, group: str = "") -> list[Declared]:
    """Return the entries of a table such as `packages` or `tool.poetry.dependencies`, without Python itself."""
    held = _table(parsed(text), table)
    lines = {
        bare(key): text.count("\n", 0, start) + 1
        for body in _bodies(text, table)
        for start, _, key in _pairs(text, *body)
    }
    return [
        Declared(lines.get(bare(name), 1), bare(name), f"{name} = {value!r}", group)
        for name, value in held.items()
        if bare(name) != "python"
    ]


def edited_table(text: str, table: str, add: Mapping[str, str], remove: Collection[str]) -> str:
    """
    Return the text with entries of a table added and taken out.

    Raises:
        NotEditable: the file cannot be read, or the table is written in a way that has no place for a line.
    """
    expected = copy.deepcopy(parsed(text))
    held = _table(expected, table)
    for name in [name for name in held if bare(name) in remove]:
        text = _without(text, table, name)
        del held[name]
    for name, specifier in missing(add, [bare(name) for name in held]):
        base, _, extras = name.partition("[")
        value: Any = specifier or "*"
        shown = f'"{value}"'
        if extras:
            listed = [extra.strip() for extra in extras.rstrip("]").split(",")]
            shown = f"{{version = {shown}, extras = [{', '.join(f'{chr(34)}{each}{chr(34)}' for each in listed)}]}}"
            value = {"version": value, "extras": listed}
        text = _with_line(text, table, base, f"{base} = {shown}")
        held[base] = value
        _table(expected, table, make=True)[base] = value
    if tomllib.loads(text) != expected:
        raise NotEditable(f"unusual-layout: [{table}] has no place for a line")
    return text


def _table(document: dict[str, Any], dotted: str, *, make: bool = False) -> dict[str, Any]:
    for part in dotted.split("."):
        document = document.setdefault(part, {}) if make else document.get(part, {})
    return document


def _with_line(text: str, table: str, name: str, line: str) -> str:
    newline = newline_of(text)
    bodies = list(_bodies(text, table))
    if not bodies:
        joint = "" if not text or text.endswith(("\n", "\r")) else newline
        return f"{text}{joint}{newline if text else ''}[{table}]{newline}{line}{newline}"
    start, end = bodies[0]
    pairs = list(_pairs(text, start, end))
    others = [(begin, stop, bare(key)) for begin, stop, key in pairs if bare(key) != "python"]
    index = position([key for _, _, key in others], name)
    if others and index == 0:
        at = others[0][0]
    elif others:
        at = others[index - 1][1]
    else:
        at = pairs[-1][1] if pairs else start
    joint = "" if at == 0 or text[at - 1] in "\r\n" else newline
    return f"{text[:at]}{joint}{line}{newline}{text[at:]}"


def _without(text: str, table: str, name: str) -> str:
    for body in _bodies(text, table):
        for start, stop, key in _pairs(text, *body):
            if key == name:
                return text[:start] + text[stop:]
    raise NotEditable(f"unusual-layout: {name} has a table of its own")


def _bodies(text: str, table: str) -> Iterator[tuple[int, int]]:
    """Yield the spans between a table's header line and the next header."""
    dotted = r"[ \t]*\.[ \t]*".join(re.escape(part) for part in table.split("."))
    for match in re.finditer(rf"(?m)^[ \t]*\[[ \t]*{dotted}[ \t]*\][ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\Z)", text):
        following = re.compile(r"(?m)^[ \t]*\[{1,2}[ \t]*[A-Za-z\"']").search(text, match.end())
        yield match.end(), following.start() if following else len(text)


def _pairs(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield the spans of `key = value`, whole lines with their newline, and the keys; a value ends where it parses."""
    while start < end:
        stop = _next_line(text, start)
        key = _KEY.match(text, start)
        if key is not None:
            while not _parses(text[start:stop]) and stop < end:
                stop = _next_line(text, stop)
            yield start, stop, key[1] or key[2] or key[3]
        start = stop


def _next_line(text: str, offset: int) -> int:
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
