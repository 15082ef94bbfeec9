"""Where in a file a key stands: line numbers for TOML, JSON, YAML and `.env` files.

The parsers give values, not places, so the places are found by a second look at the text. A key that is not found
has no line; a value is never taken from here.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

KeyPath = tuple[str, ...]
_TOML_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_TOML_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*'))*)\s*="""
)
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_DOTENV_KEY = re.compile(r"\s*(?:export\s+)?['\"]?([^\s='\"#]+)['\"]?\s*=")


def lines_of_keys(kind: str, text: str) -> dict[KeyPath, int]:
    """Map each key path of a document to its line, counted from 1; `kind` is toml, json, yaml or env."""
    places = list({"toml": _toml, "json": _json, "yaml": _yaml, "env": _dotenv}[kind](text))
    # Of a key given twice the last one counts; TOML has that in lists of tables only, where the first is meant.
    found = dict(reversed(places) if kind == "toml" else places)
    for path, line in places:
        for depth in range(1, len(path)):
            found.setdefault(path[:depth], line)
    return found


def _toml(text: str) -> Iterator[tuple[KeyPath, int]]:
    table: KeyPath = ()
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line, number = lines[number], number + 1
        header, key = _TOML_HEADER.match(line), _TOML_KEY.match(line)
        if key:
            path = (*table, *_dotted(key.group(1)))
            yield path, number
            value, further = _toml_value([line[key.end() :], *lines[number:]])
            yield from (((*path, *inner), number) for inner in _paths_in(value))
            number += further
        elif header:
            table = _dotted(header.group(2))
            yield table, number


def _toml_value(lines: list[str]) -> tuple[Any, int]:
    """Parse the value that begins on the first line, and count the further lines that it goes on for."""
    for further in range(len(lines)):
        try:
            return tomllib.loads("value = " + "\n".join(lines[: further + 1]))["value"], further
        except tomllib.TOMLDecodeError:
            continue
    return None, 0


def _paths_in(value: Any) -> Iterator[KeyPath]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield (key,)
            yield from ((key, *inner) for inner in _paths_in(part))


def _dotted(text: str) -> KeyPath:
    try:
        node: Any = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return (text,)
    path: list[str] = []
    while isinstance(node, dict):
        step = next(iter(node))
        path.append(step)
        node = node[step]
    return tuple(path)


def _json(text: str) -> Iterator[tuple[KeyPath, int]]:
    stack: list[str | None] = []  # the key under way for each open object, None for a list
    last, line, position = "", 1, 0
    for match in _JSON_TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        lexeme = match.group()
        if lexeme == "{":
            stack.append("")
        elif lexeme == "[":
            stack.append(None)
        elif lexeme in "}]" and stack:
            stack.pop()
        elif lexeme == ":" and stack:
            stack[-1] = json.loads(last)
            if None not in stack:
                yield tuple(step for step in stack if step is not None), line
        last = lexeme


def _yaml(text: str) -> Iterator[tuple[KeyPath, int]]:
    import yaml

    def walk(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        if isinstance(node, yaml.SequenceNode):  # of mappings, behind a merge key
            for part in reversed(node.value):
                yield from walk(part, path)
        if isinstance(node, yaml.MappingNode):
            merged = [value for key, value in node.value if key.tag == "tag:yaml.org,2002:merge"]
            for value in merged:
                yield from walk(value, path)
            for key, value in node.value:
                if value in merged:
                    continue
                here = (*path, str(key.value))
                yield here, key.start_mark.line + 1
                if isinstance(value, yaml.MappingNode):
                    yield from walk(value, here)

    yield from walk(yaml.compose(text, Loader=yaml.SafeLoader), ())


def _dotenv(text: str) -> Iterator[tuple[KeyPath, int]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if match := _DOTENV_KEY.match(line):
            yield (match.group(1),), number
