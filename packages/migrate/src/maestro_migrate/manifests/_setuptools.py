"""`install_requires` in setup.cfg and in setup.py, where it is a literal list."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping

from .._source import Source, UnreadableSource, parse, read_source
from ._lists import Listing, inserted, newline_of, quoted, removed
from ._model import Declared, NotEditable, missing, named, position

__all__ = [
    "cfg_lines",
    "declared_in_cfg",
    "declared_in_py",
    "edited_cfg",
    "edited_py",
    "has_requirements",
    "names_a_file",
    "reads_a_file",
    "strings_given",
]

_OPTIONS = re.compile(r"(?ms)^\[options\][^\r\n]*(?:\r?\n|\Z)(.*?)(?=^\[|\Z)")
_REQUIRES = re.compile(
    r"(?m)^install_requires[ \t]*[=:]([^\r\n]*(?:\r?\n(?:[ \t]+\S[^\r\n]*|[ \t]*(?=\r?\n[ \t]+\S)|#[^\r\n]*))*)"
)


def _cfg_span(text: str) -> tuple[int, int] | None:
    section = _OPTIONS.search(text)
    found = _REQUIRES.search(text, section.start(1), section.end(1)) if section else None
    return found.span(1) if found else None


def cfg_lines(text: str) -> list[tuple[int, int, str]]:
    """Return the spans and texts of the requirements in setup.cfg."""
    span = _cfg_span(text)
    if span is None:
        return []
    found = []
    for match in re.compile(r"[^\r\n]+").finditer(text, *span):
        raw = match[0].strip()
        if raw and not raw.startswith("#"):
            start = match.start() + match[0].index(raw)
            found.append((start, start + len(raw), raw))
    return found


def has_requirements(text: str) -> bool:
    """Return whether setup.cfg says what is installed, be it nothing."""
    return _cfg_span(text) is not None


def names_a_file(text: str) -> bool:
    """Return whether setup.cfg leaves its requirements to a file."""
    return any(raw.startswith("file:") for _, _, raw in cfg_lines(text))


def declared_in_cfg(text: str) -> list[Declared]:
    """Return what `[options] install_requires` names."""
    return [
        Declared(text.count("\n", 0, start) + 1, name, raw) for start, _, raw in cfg_lines(text) if (name := named(raw))
    ]


def edited_cfg(text: str, add: Mapping[str, str], remove: Collection[str]) -> str:
    """
    Return setup.cfg with lines of `install_requires` added and taken out.

    Raises:
        NotEditable: several requirements share one line.
    """
    lines, span = cfg_lines(text), _cfg_span(text)
    if span is None:
        raise NotEditable("unusual-layout: [options] has no install_requires")
    if any(named(raw) is None for _, _, raw in lines):
        raise NotEditable("unusual-layout: install_requires has a line that is not one requirement")
    newline = newline_of(text)
    for start, end, raw in reversed(lines):
        if named(raw) in remove:
            begin = max(text.rfind("\n", 0, start) + 1, 0)
            is_own = not text[begin:start].strip()
            text = text[:begin] + text[end:].removeprefix(newline) if is_own else text[:start] + text[end:]
    for name, specifier in missing(add, [named(raw) or "" for _, _, raw in cfg_lines(text)]):
        lines, span = cfg_lines(text), _cfg_span(text) or span
        if (
            lines and text[text.rfind("\n", 0, lines[0][0]) + 1 : lines[0][0]].strip()
        ):  # the first stands beside its key
            text = f"{text[: span[0]]}{newline}    {text[lines[0][0] :]}"
            lines, span = cfg_lines(text), _cfg_span(text) or span
        index = position([named(raw) or "" for _, _, raw in lines], name)
        indent = text[text.rfind("\n", 0, lines[0][0]) + 1 : lines[0][0]] if lines else "    "
        entry = f"{indent}{name}{specifier}"
        if lines and index == 0:
            at = text.rfind("\n", 0, lines[0][0]) + 1
            text = f"{text[:at]}{entry}{newline}{text[at:]}"
        else:
            at = lines[index - 1][1] if lines else span[0]
            text = f"{text[:at]}{newline}{entry}{text[at:]}"
    return text


# setup.py -------------------------------------------------------------------------------------------------------------


def _tree(raw: bytes) -> tuple[Source, ast.Module]:
    try:
        source = read_source(raw, "setup.py")
        return source, parse(source)
    except UnreadableSource as error:
        raise NotEditable(f"unreadable: {error}") from error


def _values(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what is given as `install_requires`, as a keyword or in a dictionary that is unpacked later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "install_requires")
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "install_requires":
                    yield value


def _requires(tree: ast.Module) -> ast.expr | None:
    """Return the value of `install_requires`, followed through one name that is bound once: to a list that has entries, if more are added to it later."""
    values = list(_values(tree))
    if len(values) != 1:
        return None
    value = values[0]
    if isinstance(value, ast.Name):
        uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == value.id]
        bound = [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and node.targets[0] in uses
        ]
        grown = [node.target for node in ast.walk(tree) if isinstance(node, ast.AugAssign)]
        is_bound_once = (
            len(bound) == 1 and sum(not isinstance(use.ctx, ast.Load) and use not in grown for use in uses) == 1
        )
        return bound[0] if is_bound_once and (len(uses) == 2 or getattr(bound[0], "elts", [])) else value
    return value


def reads_a_file(raw: bytes) -> bool:
    """Return whether setup.py takes its requirements from a call, as from a function that reads a requirements file."""
    value = _requires(_tree(raw)[1])
    return isinstance(value, ast.Call | ast.ListComp) or (
        value is not None and b"requirements" in raw and _literal(value) is None
    )


def strings_given(raw: bytes) -> set[str]:
    """Return the texts in what setup.py gives as its requirements: `{"base.txt"}` of `install_requires=read("base.txt")`."""
    value = _requires(_tree(raw)[1])
    nodes = ast.walk(value) if value is not None else ()
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _literal(value: ast.expr | None) -> ast.List | ast.Tuple | None:
    """Return a list whose entries stand there one by one, though what one says be computed: `[f"yarl @ {URL}", "click"]`."""
    if isinstance(value, ast.List | ast.Tuple) and all(
        isinstance(each, ast.JoinedStr | ast.BinOp | ast.Name)
        or (isinstance(each, ast.Constant) and isinstance(each.value, str))
        for each in value.elts
    ):
        return value
    return None


def _texts(value: ast.List | ast.Tuple) -> list[str]:
    """Return what the entries say, nothing for a computed one."""
    return [str(each.value) if isinstance(each, ast.Constant) else "" for each in value.elts]


def declared_in_py(raw: bytes) -> list[Declared]:
    """Return what a literal `install_requires` names."""
    value = _literal(_requires(_tree(raw)[1]))
    if value is None:
        return []
    return [
        Declared(each.lineno, name, each.value)
        for each in value.elts
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and (name := named(each.value))
    ]


def edited_py(raw: bytes, add: Mapping[str, str], remove: Collection[str]) -> bytes:
    """
    Return setup.py with its literal list changed.

    Raises:
        NotEditable: the requirements are computed, or the file is not Python.
    """
    for name in [each.name for each in declared_in_py(raw) if each.name in remove]:
        raw = _edited_once(raw, None, name)
    for name, specifier in missing(add, [each.name for each in declared_in_py(raw)]):
        raw = _edited_once(raw, f"{name}{specifier}", name)
    return raw


def _edited_once(raw: bytes, entry: str | None, name: str) -> bytes:
    source, tree = _tree(raw)
    value = _literal(_requires(tree))
    if value is None:
        raise NotEditable("computed-requirements: install_requires is not one literal list")
    text = source.text.decode()
    # Spans are byte offsets; the edit is made on characters.
    start, end = (len(source.text[:offset].decode()) for offset in source.span(value))
    entries = tuple(
        (len(source.text[:one].decode()), len(source.text[:two].decode()))
        for one, two in (source.span(each) for each in value.elts)
    )
    if text[start] not in "[(" or (isinstance(value, ast.Tuple) and len(entries) < 2):
        raise NotEditable("unusual-layout: install_requires is a tuple without brackets or with one entry")
    listing = Listing(start, end - 1, entries)
    texts = _texts(value)
    names = [named(each) or "" for each in texts]
    if entry is None:
        index = names.index(name)
        after, wanted = removed(text, listing, index), texts[:index] + texts[index + 1 :]
    else:
        index = position(names, name)
        after = inserted(text, listing, index, quoted(text, listing, entry))
        wanted = [*texts[:index], entry, *texts[index:]]
    result = source.encoded(after.encode())
    proven = _literal(_requires(_tree(result)[1]))
    if proven is None or _texts(proven) != wanted:
        raise NotEditable("unusual-layout: the list could not be edited in its text")
    return result
