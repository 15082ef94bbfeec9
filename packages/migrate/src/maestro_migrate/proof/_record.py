"""
What a service does today, recorded from its running code: modules that can be imported, settings by environment, routes, probes.

Each question goes to an interpreter of its own, which is ended with all that it started when it does not answer in time; what gives no answer is
not pinned. No text is recorded that neither the code nor the recorder has: a secret in the environment or in a `.env` file stays there.
"""

import ast
import re
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _pinned
from ._pins import Pin, Pinned, imports_pin, served_pin, values_pin

__all__ = ["Recorder", "Subject"]

SECONDS = 90.0
"""How long one service is recorded; what is left then is not pinned."""
ANSWER_S = 30.0
TEXT = "maestro-pin"
_CASES = {
    "text": TEXT,
    "true": "true",
    "capital true": "True",
    "one": "1",
    "yes": "yes",
    "on": "on",
    "zero": "0",
    "no": "no",
    "empty": "",
    "two words": "maestro, pin",
}
_WHOLE = {"text", "empty", "two words"}
"""The cases that tell of every setting; the others only of switches and numbers, since text is read as text."""
_STRICT = ("4217", '{"maestro": 1}', "sqlite://")
_SYSTEM = re.compile(
    r"(PATH|HOME|USER|PWD|SHELL|TERM|TMP|TEMP|TMPDIR|TZ|LANG|HOSTNAME|\w+_PROXY|(LC|PYTHON|LD|UV|PIP|XDG)_?\w*)$"
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+$")
_ELSEWHERE = {"sqlalchemy", "sqlmodel", "logging", "requests", "httpx", "enum", "typing", "decimal", "datetime", "re"}
_PROBE = re.compile(
    r"GET (/|/[\w/.-]*/)(health|healthz|healthcheck|health-check|live|livez|liveness|ready|readyz|readiness|ping|status)/?$"
)


@dataclass(frozen=True)
class Subject:
    """A service whose behaviour is recorded: its modules by dotted name with their source, and the folders on its `sys.path`."""

    tree: Path
    python: Path
    modules: Mapping[str, bytes]
    folders: tuple[str, ...] = ("",)
    environment: Mapping[str, str] = field(default_factory=dict)


class Recorder:
    """Records one service within its time."""

    def __init__(self, subject: Subject, *, seconds: float = SECONDS, answer_s: float = ANSWER_S) -> None:
        self._subject = subject
        self._end = time.monotonic() + seconds
        self._answer_s = answer_s
        self._variables = sorted({name for raw in subject.modules.values() for name in _variables(raw)})

    def record(self) -> Pinned:
        """Return what the service does."""
        modules = self._importable(sorted(self._subject.modules))
        pins = [imports_pin(modules)] if modules else []
        for module in modules:
            pins += self._settings(module)
        pins += self._served(modules)
        return Pinned(self._subject.folders, tuple(self._variables), tuple(pins))

    def _ask(self, *question: Any, unset: bool = False) -> Any:  # an answer is any plain value
        left = min(self._answer_s, self._end - time.monotonic())
        if left <= 0:
            return None
        environment = dict(self._subject.environment)
        paths = [self._subject.tree / folder for folder in self._subject.folders]
        with tempfile.TemporaryDirectory() as nowhere:
            where: Path | str = self._subject.tree
            if unset:
                environment = {name: value for name, value in environment.items() if name not in self._variables}
                where = nowhere
            try:
                return _pinned.ask(  # type: ignore[no-untyped-call]  # it also runs where our annotations would not
                    where,
                    paths,
                    environment,
                    question,
                    python=self._subject.python,
                    script=Path(_pinned.__file__),
                    timeout_s=left,
                )
            except AssertionError:
                return None

    def _importable(self, modules: Sequence[str]) -> list[str]:
        """Return the modules that can be imported; one that ends or holds the interpreter is found by halves."""
        if not modules:
            return []
        errors = self._ask("imports", list(modules))
        if errors is not None:
            return [name for name in modules if not errors[name]]
        half = len(modules) // 2
        return [*self._importable(modules[:half]), *self._importable(modules[half:])] if half else []

    def _settings(self, module: str) -> list[Pin]:
        raw = self._subject.modules[module]
        variables, names = _variables(raw), [f"{module}:{name}" for name in _settings(raw)]
        unset = self._read(names, [{}]) if variables and names else []
        if not unset:
            return []
        names = [name for name in names if name in unset[0] and not _is_error(unset[0][name])]
        free, strict = self._by_taste(variables, names)
        cases = {case: dict.fromkeys(free, text) for case, text in _CASES.items()}
        cases["text"] |= strict
        answers = self._read(names, list(cases.values()))
        told = dict(zip(cases, (_told(unset[0], answer) for answer in answers), strict=False))
        moved = {name for values in told.values() for name in values}
        told = {"nothing is set": {name: unset[0][name] for name in moved}} | {
            case: {name: value for name, value in values.items() if case in _WHOLE or _is_scalar(unset[0][name])}
            for case, values in told.items()
        }
        kept = {
            case: (
                cases.get(case, {}),
                {k: v for k, v in sorted(values.items()) if _is_ours(v, raw, cases.get(case, {}))},
            )
            for case, values in told.items()
        }
        return [values_pin(module, free, kept)] if moved else []

    def _by_taste(self, variables: Sequence[str], names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Return the variables that take any text, and those that want a number or JSON, each with a text that it takes."""
        if self._hold([dict.fromkeys(variables, TEXT)], names) == [True]:
            return list(variables), {}
        alone = self._hold([{name: TEXT} for name in variables], names)
        free = [name for name, holds in zip(variables, alone, strict=False) if holds]
        trials = [(name, text) for name in variables if name not in free for text in reversed(_STRICT)]
        fits = self._hold([dict([trial]) for trial in trials], names) if trials else []
        return free, dict(trial for trial, holds in zip(trials, fits, strict=False) if holds)

    def _hold(self, cases: Sequence[Mapping[str, str]], names: Sequence[str]) -> list[bool]:
        """Return for each case whether every name still has a value."""
        return [
            all(name in answer and not _is_error(answer[name]) for name in names) for answer in self._read(names, cases)
        ]

    def _read(self, names: Sequence[str], cases: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        return self._ask("values", list(names), [dict(case) for case in cases], unset=True) or []

    def _served(self, modules: Iterable[str]) -> list[Pin]:
        frameworks = re.compile(rb"\b(fastapi|starlette|flask|quart|litestar)\b", re.IGNORECASE)
        holders = [module for module in modules if frameworks.search(self._subject.modules[module])]
        apps: dict[str, list[str]] = (self._ask("apps", holders) if holders else None) or {}
        pins = []
        for app, routes in apps.items():
            paths = [route.partition(" ")[2] for route in routes if _PROBE.match(route)]
            _, statuses = (self._ask("served", app, paths) if paths else None) or ((), {})
            steady = {path: status for path, status in statuses.items() if status < 500}
            if routes:
                pins.append(served_pin(app, routes, steady))
        return pins


def _told(unset: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a case changes."""
    changed = {name: value for name, value in answer.items() if repr(value) != repr(unset[name])}
    return {name: value for name, value in changed.items() if not _is_error(value)}


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _is_error(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"<\w+>", value) is not None


def _is_ours(value: Any, raw: bytes, given: Mapping[str, str]) -> bool:
    """Return whether each text in a value is one that the code or the recorder wrote, in upper or lower case."""
    if isinstance(value, str):
        known = raw.decode(errors="replace").casefold()
        return (
            value.casefold() in known
            or value.casefold() in {text.casefold() for text in given.values()}
            or TEXT in value.casefold()
        )
    if isinstance(value, dict):
        return all(_is_ours(each, raw, given) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple):
        return all(_is_ours(each, raw, given) for each in value)
    return True


def _variables(raw: bytes) -> list[str]:
    """Return what may be the names of environment variables in a module that reads the environment."""
    if not re.search(rb"environ|getenv|BaseSettings|\benv\b|decouple", raw):
        return []
    found = set()
    foreign = _imported_from(_ELSEWHERE, _parsed(raw))
    for node in _run_on_import(_parsed(raw)):
        parts: list[Any] = [getattr(node, "slice", None)]
        if isinstance(node, ast.Call):
            parts = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg != "server_default")]
            if ast.unparse(node.func).split(".")[0] in foreign or getattr(node.func, "attr", "") == "text":
                continue  # `text("CURRENT_TIMESTAMP")` is SQL
        for part in parts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and _VARIABLE.match(part.value):
                found.add(part.value)
    for model in _settings_classes(_parsed(raw)):
        prefix = next(iter(re.findall(rb"env_prefix\s*=\s*[\"'](\w*)[\"']", raw)), b"").decode()
        found |= {f"{prefix}{name}".upper() for name in _assigned(model)}
    return sorted(name for name in found if not _SYSTEM.match(name))


def _imported_from(packages: Collection[str], tree: ast.Module) -> set[str]:
    """Return the names that the module has for these packages and for what is in them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [(each.name, each) for each in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            named = [(node.module or "", each) for each in node.names]
        else:
            continue
        found |= {
            (each.asname or each.name).split(".")[0] for origin, each in named if origin.split(".")[0] in packages
        }
    return found


def _run_on_import(tree: ast.Module) -> Iterator[ast.AST]:
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def _settings(raw: bytes) -> list[str]:
    """Return the names in a module that may hold settings: its own, those of its classes, and the fields of its settings objects."""
    tree = _parsed(raw)
    models = _settings_classes(tree)
    names = list(_assigned(tree))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            made = f"{node.name}()" if node in models else node.name
            names += [f"{made}.{name}" for name in _assigned(node)]
    return sorted(set(names))


def _parsed(raw: bytes) -> ast.Module:
    try:
        return ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _settings_classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("BaseSettings") for base in node.bases)
    ]


def _assigned(body: ast.Module | ast.ClassDef) -> Iterable[str]:
    """Yield the public names that the statements of a module or class assign, those under `if` and `try` included."""
    pending: list[ast.stmt] = list(body.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If | ast.Try):
            pending += [*node.body, *node.orelse]
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (each.id for each in targets if isinstance(each, ast.Name) and not each.id.startswith("_"))
