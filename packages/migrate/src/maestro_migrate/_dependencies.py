"""
Dependency files: a service's manifests gain the libraries that its new code imports, with everything else kept byte for byte.

Each run-time manifest in the service's root is edited: requirements files, PEP 621, Poetry, Pipfile, setup.cfg and a literal list in setup.py.
Compiled files and lock files are made by tools; they are reported as stale with the command that makes them anew.
"""

import ast
import codecs
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit.exceptions import TOMLKitError

from ._plan import FileWrite
from ._source import UnreadableSource, parse, read_source
from ._spans import Change, Edit, Finding, apply_edits

__all__ = ["with_requirements"]

RECIPE = "dependencies/declare_the_libraries"
_LOCKS = {
    "poetry.lock": "poetry lock",
    "uv.lock": "uv lock",
    "pdm.lock": "pdm lock --update-reuse",
    "Pipfile.lock": "pipenv lock",
    "pylock.toml": "uv export --format pylock.toml -o pylock.toml",
}
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def with_requirements(root: Path, add: Mapping[str, str]) -> tuple[list[FileWrite], list[Finding]]:
    """
    Return the writes that declare each distribution of `add` (name with extras → version specifier), and what is left to do by hand.

    Nothing is written, and a distribution that is declared already is not declared again.
    """
    writes: list[FileWrite] = []
    findings: list[Finding] = []
    found_manifest = False
    for path, edit in _manifests(root):
        raw = (root / path).read_bytes()
        try:
            after = edit(raw, add)
        except _NotEditable as reason:
            findings.append(
                Finding(path, 1, RECIPE, str(reason), f"declare {', '.join(_shown(add))} there by hand", "warning")
            )
            found_manifest = True
            continue
        if after is None:
            continue
        found_manifest = True
        if after != raw:
            change = Change((), 1, RECIPE, f"declares {', '.join(_shown(add))}, which the new code imports", sites=0)
            writes.append(FileWrite(path, raw, after, (change,), "dependencies"))
    if not found_manifest and add:
        findings.append(
            Finding(
                ".",
                1,
                RECIPE,
                "no-manifest: nothing in the service's root declares dependencies",
                f"install {', '.join(_shown(add))} where the service runs",
                "warning",
            )
        )
    if writes:
        findings += [
            Finding(lock, 1, RECIPE, "stale-lock: the manifest declares more than the lock file holds", f"run `{command}`", "warning")
            for lock, command in sorted(_LOCKS.items()) if (root / lock).is_file()
        ]  # fmt: skip
    return writes, findings


class _NotEditable(Exception):
    """Why a manifest must be edited by a person."""


Editor = Callable[[bytes, Mapping[str, str]], bytes | None]


def _manifests(root: Path) -> list[tuple[str, Editor]]:
    found: list[tuple[str, Editor]] = []
    for name, editor in (
        ("pyproject.toml", _pyproject),
        ("Pipfile", _pipfile),
        ("setup.cfg", _setup_cfg),
        ("setup.py", _setup_py),
    ):
        if (root / name).is_file():
            found.append((name, editor))
    sources = [
        path
        for pattern in ("requirements*.in", "requirements/*.in")
        for path in sorted(root.glob(pattern))
        if _is_runtime(path.name)
    ]
    texts = [
        path
        for pattern in ("requirements*.txt", "requirements/*.txt")
        for path in sorted(root.glob(pattern))
        if _is_runtime(path.name)
    ]
    chosen = [path for path in texts if path.name == "requirements.txt"][:1] or texts[:1]
    compiled = {path.with_suffix(".txt") for path in sources}
    found += [
        (path.relative_to(root).as_posix(), _requirements)
        for path in [*sources, *(path for path in chosen if path not in compiled)]
    ]
    found += [(path.relative_to(root).as_posix(), _compiled) for path in chosen if path in compiled]
    return found


def _is_runtime(name: str) -> bool:
    return not re.search(r"dev|test|lint|doc|ci|type|build|constraint|local|debug|bench", name.lower())


def _shown(add: Mapping[str, str]) -> list[str]:
    return [f"{name}{specifier}" for name, specifier in sorted(add.items())]


def _bare(name: str) -> str:
    return canonicalize_name(name.split("[", maxsplit=1)[0])


def _missing(add: Mapping[str, str], declared: set[str]) -> dict[str, str]:
    return {name: specifier for name, specifier in sorted(add.items()) if _bare(name) not in declared}


# requirements files ---------------------------------------------------------------------------------------------------


def _compiled(_raw: bytes, _add: Mapping[str, str]) -> bytes | None:
    raise _NotEditable(
        "compiled-file: it is made from its .in file, which declares the libraries now; compile it again"
    )


def _requirements(raw: bytes, add: Mapping[str, str]) -> bytes | None:
    encoding, mark = _text_encoding(raw)
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise _NotEditable(f"unreadable: it is not valid {encoding}") from error
    if (
        "--hash=" in text
        or "autogenerated by pip-compile" in text
        or "autogenerated by uv" in text
        or "generated by poetry" in text.lower()
    ):
        raise _NotEditable("compiled-file: it is made by a tool, with every version pinned")
    names = [(match[1], line) for line in text.splitlines() if (match := _NAME.match(line))]
    missing = _missing(add, {_bare(name) for name, _ in names})
    if not missing:
        return raw
    newline = "\r\n" if "\r\n" in text else "\n"
    order = [canonicalize_name(name) for name, _ in names]
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += newline
    for name, specifier in missing.items():
        position = len(lines)
        if order == sorted(order) and order:
            later = [
                i
                for i, line in enumerate(lines)
                if (match := _NAME.match(line)) and canonicalize_name(match[1]) > _bare(name)
            ]
            position = later[0] if later else len(lines)
        lines.insert(position, f"{name}{specifier}{newline}")
    return mark + "".join(lines).encode(encoding)


def _text_encoding(raw: bytes) -> tuple[str, bytes]:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if raw.startswith(mark):
            return encoding, mark
    return "utf-8", b""


# TOML manifests -------------------------------------------------------------------------------------------------------


def _toml(raw: bytes) -> Any:
    try:
        return tomlkit.parse(raw.decode("utf-8"))
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise _NotEditable(f"unreadable: {error}") from error


def _dumped(document: Any, raw: bytes) -> bytes:
    text = tomlkit.dumps(document)
    if b"\r\n" in raw:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return bytes(text.encode())


def _pyproject(raw: bytes, add: Mapping[str, str]) -> bytes | None:
    document = _toml(raw)
    project = document.get("project")
    poetry = document.get("tool", {}).get("poetry")
    if project is not None and "dependencies" in project:
        array = project["dependencies"]
        missing = _missing(add, {_bare(match[1]) for each in array if (match := _NAME.match(str(each)))})
        return (
            _extended_array(document, raw, array, [f"{name}{specifier}" for name, specifier in missing.items()])
            if missing
            else raw
        )
    if poetry is not None and "dependencies" in poetry:
        return _poetry(document, raw, poetry["dependencies"], add)
    if project is not None and "dependencies" not in project.get("dynamic", []):
        project["dependencies"] = tomlkit.array(str(_shown(add)).replace("'", '"')).multiline(True)
        return _dumped(document, raw)
    return None


def _extended_array(document: Any, raw: bytes, array: Any, entries: list[str]) -> bytes:
    """Insert entries where the neighbours' order puts them, in the array's own layout."""
    text = str(array.as_string())
    shown = [str(each) for each in array]
    names = [_bare(match[1]) for each in shown if (match := _NAME.match(each))]
    is_sorted = names == sorted(names)
    for entry in entries:
        match = _NAME.match(entry)
        assert match is not None
        position = (
            next((i for i, name in enumerate(names) if name > _bare(match[1])), len(names)) if is_sorted else len(names)
        )
        array.insert(position, entry)
        names.insert(position, _bare(match[1]))
    if "\n" in text and "#" not in text:
        indent = re.search(r"\n([ \t]*)\S", text)
        _relaid(array, indent[1] if indent else "    ", trailing=text.rstrip("]").rstrip().endswith(","))
    return _dumped(document, raw)


def _relaid(array: Any, indent: str, *, trailing: bool) -> None:
    """Lay a multi-line array out one entry a line, as it was."""
    entries = [each.as_string() for each in array]
    closing = indent[: max(0, len(indent) - 4)] if indent.strip(" ") == "" else ""
    text = "[\n" + ",\n".join(f"{indent}{entry}" for entry in entries) + ("," if trailing else "") + f"\n{closing}]"
    fresh = tomlkit.parse(f"x = {text}\n")["x"]
    array.clear()
    array._value = fresh._value
    array._reindex()


def _poetry(document: Any, raw: bytes, table: Any, add: Mapping[str, str]) -> bytes:
    missing = _missing(add, {canonicalize_name(name) for name in table})
    for name, specifier in missing.items():
        base, _, extras = name.partition("[")
        if extras:
            entry = tomlkit.inline_table()
            entry.update({"version": specifier, "extras": extras.rstrip("]").split(",")})
            table[base] = entry
        else:
            table[base] = specifier
    return _dumped(document, raw) if missing else raw


def _pipfile(raw: bytes, add: Mapping[str, str]) -> bytes | None:
    document = _toml(raw)
    if "packages" not in document:
        document["packages"] = tomlkit.table()
    return _poetry(document, raw, document["packages"], add)


# setuptools -----------------------------------------------------------------------------------------------------------


def _setup_cfg(raw: bytes, add: Mapping[str, str]) -> bytes | None:
    text = raw.decode("utf-8")
    match = re.search(
        r"(?m)^install_requires[ \t]*=[ \t]*([^\r\n]*)(\r?\n)((?:[ \t]+\S[^\r\n]*(?:\r?\n|$)|[ \t]*\r?\n(?=[ \t]))*)",
        text,
    )
    if match is None:
        return None
    if match[1].strip().startswith("file:"):
        return None
    entries = [line for line in match[3].splitlines() if line.strip()]
    missing = _missing(add, {_bare(m[1]) for line in [match[1], *entries] if (m := _NAME.match(line))})
    if not missing:
        return raw
    indent = re.match(r"[ \t]*", entries[0])[0] if entries else "    "  # type: ignore[index]  # the pattern matches anything
    newline = match[2]
    head = match[0] if match[0].endswith(("\n", "\r")) else match[0] + newline
    added = "".join(f"{indent}{name}{specifier}{newline}" for name, specifier in missing.items())
    return (text[: match.start()] + head + added + text[match.end() :]).encode()


def _setup_py(raw: bytes, add: Mapping[str, str]) -> bytes | None:
    try:
        source = read_source(raw, "setup.py")
        tree = parse(source)
    except UnreadableSource as error:
        raise _NotEditable(f"unreadable: {error}") from error
    keyword = next(
        (
            k
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for k in node.keywords
            if k.arg == "install_requires"
        ),
        None,
    )
    if keyword is None:
        return None
    value: ast.expr | None = keyword.value
    if isinstance(value, ast.Name):
        name = value.id
        bound = [
            node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        ]
        value = bound[0] if len(bound) == 1 else None
    if not isinstance(value, ast.List) or not all(
        isinstance(each, ast.Constant) and isinstance(each.value, str) for each in value.elts
    ):
        raise _NotEditable("computed-requirements: install_requires is not a literal list")
    texts = [str(each.value) for each in value.elts if isinstance(each, ast.Constant)]
    missing = _missing(add, {_bare(m[1]) for text in texts if (m := _NAME.match(text))})
    if not missing:
        return raw
    fresh = [f'"{name}{specifier}"' for name, specifier in missing.items()]
    if not value.elts:
        return source.encoded(apply_edits(source.text, [Edit(*source.span(value), f"[{', '.join(fresh)}]")]))
    last = value.elts[-1]
    end = source.span(last)[1]
    joiner = (
        ", "
        if (last.lineno == value.elts[0].lineno and len(value.elts) > 1) or value.lineno == last.lineno
        else f",{source.newline}{' ' * last.col_offset}"
    )
    return source.encoded(apply_edits(source.text, [Edit(end, end, "".join(joiner + entry for entry in fresh))]))
