"""The settings file: where it stands, what its fields are called, and how new ones join those that are there."""

import ast
import keyword
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..._plan import FileWrite
from ..._project import Project, is_test_path, remembered
from ..._semantics import Module
from ..._spans import Change, Finding
from ._constants import quoted
from ._home import SettingsHome, settings_home

__all__ = ["Layout", "declared_fields", "field_names", "merge_fields"]

MARK = "Every environment variable that this code reads, in one typed class."
_RESERVED = frozenset(
    {
        "copy",
        "json",
        "dict",
        "schema",
        "schema_json",
        "settings_cached",
        "settings_clear_cache",
        "settings_customise_sources",
        "construct",
        "validate",
        "fields",
        "explain",
        "reload",
        "settings",
        "load",
        "from_orm",
        "parse_obj",
        "parse_raw",
        "parse_file",
        "update_forward_refs",
    }
)
# What the class body itself uses: a field of such a name would hide it from the fields below.
_IN_USE = frozenset(
    {"bool", "each", "env", "equals", "float", "int", "is_in", "is_set", "list", "loads", "lower", "lower_equals", "lower_in", "lower_not_equals", "lstrip_chars", "not_equals", "or_else",
     "pipe", "replace", "rstrip_chars", "secret", "split", "split_filled", "split_filled_strip", "split_strip", "split_strip_filled", "str", "strip", "strip_chars", "truthy", "upper",
     "upper_equals", "upper_in"}
)  # fmt: skip
_SECRET = re.compile(
    r"^(?!.*_(?:URL|URI|ENDPOINT|PATH|FILE|DIR|NAME|HOST|TTL|ALGORITHM)$).*"
    r"(?:SECRET|PASSW|PASSPHRASE|_PWD|TOKEN|BEARER|API_?KEY|PRIVATE|CREDENTIAL|ACCESS_KEY|ENCRYPTION_KEY|SIGNING_KEY|CONN(?:ECTION)?_?STR|_KEY$|DSN$|(?:^|_|DB|SMTP|MAIL|USER)PASS$|(?:^|_)(?:PW|SALT)$)"
    r"|(?:WEBHOOK|DATABASE|DB|SQLALCHEMY|POSTGRES(?:QL)?|PG|MYSQL|MARIADB|MONGO(?:DB)?|REDIS(?:_TLS)?|CACHE|AMQP|RABBIT(?:MQ)?|BROKER|BACKEND)_?(?:URL|URI|DSN)$"
)
_CREDENTIALS = re.compile(r"://[^/@\s:]*:[^/@\s]+@")  # in a default: then the variable's own value has some, too

_BOOLEAN_WORDS = frozenset({"", "0", "1", "f", "false", "n", "no", "off", "on", "t", "true", "y", "yes"})
_DECLARED = re.compile(r"""(?m)^    (\w+): [^=\n]+ = (?:env|secret)\(\s*["']([^"'\n]+)["']""")

LINE_LENGTH = 88
"""How long the lines are where neither a formatter nor a linter of the service says."""
NOTHING = "\0"  # stands for "none given" where a key travels as text
CONSTANT = "\0"  # stands between a settings file and a variable whose default a constant gave
Key = tuple[str, str | None, str | None, str, str]


class Layout(NamedTuple):
    """How the service's tools want a new file: how long its lines may be, and whether each imported name has its own statement."""

    length: int = LINE_LENGTH
    one_name_each: bool = False


def declared_fields(module: Module) -> dict[str, list[str | None]]:
    """Return the fields of a settings file that an earlier migration wrote, as keys; empty for any other file."""
    if MARK.encode() not in module.source.text:
        return {}
    found: dict[str, list[str | None]] = {}
    for node in module.nodes(ast.AnnAssign):
        if isinstance(node.target, ast.Name) and isinstance(node.value, ast.Call) and node.value.args:
            call = node.value
            named = {k.arg: module.source.slice(k.value) for k in call.keywords}
            default = module.source.slice(call.args[1]) if len(call.args) > 1 else None
            fallback = ast.literal_eval(named["fallback"]) if "fallback" in named else None
            found[node.target.id] = [
                ast.literal_eval(call.args[0]),
                default,
                fallback,
                named.get("parse", ""),
                module.source.slice(node.annotation),
            ]
    return found


@remembered
def _field_names(project: Project, recipe: str) -> dict[str, dict[Key, str]]:
    wanted: dict[str, Counter[Key]] = {}
    for path in sorted(project.facts):
        found = project.facts[path].recipes.get(recipe)
        if not found or is_test_path(path):
            continue
        home = settings_home(project, path)
        if isinstance(home, SettingsHome):
            wanted.setdefault(home.path, Counter()).update(tuple(key) for key in found)
    names: dict[str, dict[Key, str]] = {}
    for home_path, keys in wanted.items():
        known = _existing(project, home_path)
        given: dict[Key, str] = {key: known[key] for key in keys if key in known}
        taken = set(known.values())
        for key, _count in sorted(keys.items(), key=lambda item: (-item[1], str(item[0]))):
            if key not in given:
                given[key] = _free_name(key, taken)
                taken.add(given[key])
        names[home_path] = given
    return names


def field_names(project: Project, recipe: str, home_path: str) -> dict[Key, str]:
    """Return the field name of every reading in the project that lives in one settings file; the same whatever order files are read in."""
    return _field_names(project, recipe).get(home_path, {})


def _free_name(key: Key, taken: set[str]) -> str:
    variable, default, _fallback, parse, annotation = key
    base = re.sub(r"[^0-9a-z_]", "_", variable.lower()).strip("_") or "value"
    if base[0].isdigit() or keyword.iskeyword(base) or base in _RESERVED or base.startswith("model_"):
        base = f"env_{base}"
    if base in _IN_USE:
        base = f"{base}_variable"
    base += _compared_with(parse)
    if base not in taken:
        return base
    kind = re.sub(r"\W+", "_", annotation.split("[")[0].split(" ")[0]).lower()
    endings = [
        f"as_{kind}" if parse else "text",
        (
            "required"
            if default is None
            else f"or_{re.sub(r'[^a-z0-9]+', '_', str(default).lower()).strip('_')[:20] or 'empty'}"
        ),
    ]
    for ending in (*endings, "_".join(endings)):
        if f"{base}_{ending}" not in taken:
            return f"{base}_{ending}"
    number = 2
    while f"{base}_{number}" in taken:
        number += 1
    return f"{base}_{number}"


def _compared_with(parse: str) -> str:
    """Return the ending that says what a field is true for, empty where it is true for a true-like text."""
    match = re.search(r"(not_)?equals\(\"([^\"]*)\"\)", parse)
    if match is None or (match[1] is None and match[2].lower() in {"true", "1", "yes", "y", "t", "on"}):
        return ""
    value = re.sub(r"[^a-z0-9]+", "_", match[2].lower()).strip("_")[:20] or "empty"
    return f"_is_{match[1] or ''}{value}"


def _existing(project: Project, home_path: str) -> dict[Key, str]:
    facts = project.facts.get(home_path)
    return {tuple(key): name for name, key in (facts.marks.get("fields", {}) if facts else {}).items()}


def merge_fields(
    contributions: Iterable[tuple[str, Any]], root: Path, recipe: str, *, layout: Layout
) -> tuple[list[FileWrite], list[Finding]]:
    """Return one write for each settings file that needs fields, and findings on what its fields keep that new code would not do."""
    homes: dict[str, dict[str, list[str]]] = {}
    findings: list[Finding] = []
    for _path, (where, text) in contributions:
        if CONSTANT in where:
            home, _, variable = where.partition(CONSTANT)
            findings.append(_of_constant(home, variable, text, recipe))
            continue
        home, mark, name = where.partition("#")
        if mark:
            homes.setdefault(home, {}).setdefault(name, []).append(text)
    writes: list[FileWrite] = []
    for home, fields in sorted(homes.items()):
        entries = {name: _key(parts) for name, parts in fields.items()}
        target = root / home
        before = target.read_bytes() if target.is_file() else None
        after = _fresh_file(entries, layout) if before is None else _extended(before.decode(), entries, layout)
        if before is None or after.encode() != before:
            change = Change((), 1, recipe, f"declares {len(entries)} settings that the code reads", sites=0)
            writes.append(FileWrite(home, before, after.encode(), (change,), "config"))
        findings += _two_truths(home, entries, before or b"", recipe)
        findings += [
            Finding(home, 1, recipe, f"{reason}; the field is `{name}`", action, "none")
            for name, key in sorted(entries.items())
            for reason, action in _dialect(key)
        ]
    return writes, findings


def _key(parts: list[str]) -> Key:
    variable, default, fallback, parse, annotation = parts[:5]
    return (
        variable,
        None if default == NOTHING else default,
        None if fallback == NOTHING else fallback,
        parse,
        annotation,
    )


def _two_truths(home: str, entries: dict[str, Key], before: bytes, recipe: str) -> list[Finding]:
    by_variable: dict[str, set[str]] = {}
    for name, key in entries.items():
        by_variable.setdefault(key[0], set()).add(name)
    for name, variable in _DECLARED.findall(before.decode()):
        if variable in by_variable:
            by_variable[variable].add(name)
    return [
        Finding(
            home,
            1,
            recipe,
            f"two-readings: {variable} is read in {len(names)} ways ({', '.join(sorted(names))})",
            "settle on one default and one conversion, then delete the other fields",
            "warning",
        )
        for variable, names in sorted(by_variable.items())
        if len(names) > 1
    ]


def _of_constant(home: str, variable: str, where: str, recipe: str) -> Finding:
    reason = f"constant-default: the default of {variable} was {where}, and is stated here, too"
    return Finding(home, 1, recipe, reason, "change both from now on, or delete the constant where nothing else needs it", "none")  # fmt: skip


def _dialect(key: Key) -> list[tuple[str, str]]:
    """Return what is kept of a way of reading text that differs from the library's own, with what to write instead."""
    variable, _default, _fallback, parse, annotation = key
    words = {text.lower() for text in re.findall(r"[\"']([^\"']*)[\"']", parse)}
    if annotation == "bool" and words and words <= _BOOLEAN_WORDS:
        reason = f"boolean-dialect: {variable} keeps `{parse}`, which takes any other text without a word"
        return [
            (
                reason,
                "write `parse=boolean`, which refuses what it does not know, once every environment says true or false",
            )
        ]
    if annotation.startswith("list") and re.search(r"split(?:_strip|_filled)?\([^)]", parse):
        reason = f"list-dialect: {variable} keeps `{parse}`, with the blanks and the empty parts that it leaves in"
        return [(reason, "write `split_strip_filled` for it once nothing relies on them")]
    if annotation.endswith(" | str"):
        kind = annotation.removesuffix(" | str")
        reason = f"mixed-type: {variable} is text where it is set, and its default is of type {kind}"
        return [(reason, f"write `parse={'boolean' if kind == 'bool' else kind}` once its readers expect that")]
    return []


def _maker(key: Key) -> str:
    """Return `secret` for text that must not be shown; a number or a flag is no secret, and its errors must keep their words."""
    is_secret = _SECRET.search(key[0].upper()) or _CREDENTIALS.search(key[1] or "")
    return "secret" if is_secret and key[4].startswith("str") else "env"


def _line(name: str, key: Key, length: int) -> str:
    variable, default, fallback, parse, annotation = key
    arguments = [quoted(variable)]
    if default is not None:
        arguments.append(default)
    if fallback is not None:
        arguments.append(f"fallback={quoted(fallback)}")
    if parse:
        arguments.append(f"parse={parse}")
    line, inner = f"    {name}: {annotation} = {_maker(key)}({', '.join(arguments)})", " " * 8
    if len(line) > length:
        joined = f"{inner}{', '.join(arguments)}"
        body = joined if len(joined) <= length else "\n".join(f"{inner}{each}," for each in arguments)
        line = f"    {name}: {annotation} = {_maker(key)}(\n{body}\n    )"
    return f"{line}\n"


def _imports_for(entries: dict[str, Key]) -> tuple[list[str], set[str]]:
    code = " ".join(key[3] for key in entries.values())
    used = set(
        re.findall(r"(?<![\w\"'.])([a-z_]+)(?=[(,) ]|$)", re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", "''", code))
    )
    ours = used - {"int", "float", "str", "bool"}
    ours |= {_maker(key) for key in entries.values()} | {"BaseConfig"}
    extra = []
    if any("Path" in key[3] for key in entries.values()):
        extra.append("from pathlib import Path")
    if any("Any" in key[4] for key in entries.values()):
        extra.append("from typing import Any")
    return extra, ours


def _fresh_file(entries: dict[str, Key], layout: Layout) -> str:
    extra, ours = _imports_for(entries)
    imports = "\n".join([*extra, *([""] if extra else []), _library_import(ours, layout)])
    body = "".join(_line(name, key, layout.length) for name, key in sorted(entries.items()))
    return f'"""\n{MARK}\n\nEach field is read when it is used, not when this module is imported.\n"""\n\n{imports}\n\n\nclass Settings(BaseConfig):\n    """What the environment decides."""\n\n{body}\n\nsettings = Settings()\n'


def _library_import(names: set[str], layout: Layout) -> str:
    """Return the import of the library's names in isort's order, one a line where they do not fit on one or are wanted so."""
    ordered = sorted(names, key=lambda name: (name.lower() == name, name))
    if layout.one_name_each:
        return "\n".join(f"from maestro_core_config import {name}" for name in ordered)
    line = f"from maestro_core_config import {', '.join(ordered)}"
    if len(line) <= layout.length:
        return line
    return "from maestro_core_config import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"


def _extended(text: str, entries: dict[str, Key], layout: Layout) -> str:
    tree = ast.parse(text)
    owner = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"), None)
    if owner is None:
        return text
    present = {
        node.target.id for node in owner.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    fresh = {name: key for name, key in entries.items() if name not in present}
    if not fresh:
        return text
    lines = text.splitlines(keepends=True)
    lines.insert(
        owner.end_lineno or len(lines), "".join(_line(name, key, layout.length) for name, key in sorted(fresh.items()))
    )
    extra, ours = _imports_for(fresh)
    found = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "maestro_core_config"]
    for node in found:
        start, end = node.lineno - 1, node.end_lineno or node.lineno
        lines[start:end] = [""] * (end - start)
    if found:
        names = ours | {alias.name for node in found for alias in node.names}
        missing = [line for line in extra if line not in text]
        lines[found[0].lineno - 1] = "".join(f"{line}\n" for line in (*missing, _library_import(names, layout)))
    return "".join(lines)
