"""
Recipes without Python: a TOML file of patterns and replacements, for a fleet's own conventions.

```toml
[[recipe]]
id = "fleet/ask_acme_for_clients"
title = "Ask the shared client for connections"
match = "acme.connect($host, $*args)"
replace = "acme_client.connect($host, $*args)"
reason = "the shared client retries"            # goes into the report
action = "use acme_client.connect by hand"      # goes into findings
safety = "review"                               # or "safe", the default
needs = ["acme-client"]                         # distributions that the new code imports

[recipe.options]                                # `{timeout}` in `replace` stands for the option's value
timeout = "5"

[recipe.before]                                 # asked of the bytes before the file is parsed
words = ["acme"]                                # one of these occurs
without = ["# acme: keep"]                      # none of these occurs
paths = ["src/**/*.py"]                         # one of these fits

[recipe.after]                                  # asked of the result; a file that fails one keeps its old text, for this recipe only
must_not_contain = ["acme.connect("]
must_match = ["acme_client.connect($*args)"]

[[recipe.example]]
before = "..."
after = "..."

[[recipe.example]]
unchanged = "..."
```

Patterns are those of `maestro_migrate.rewrite`: code with `$name`, `$*args` and `$**kwargs`, matched by qualified name.
"""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ._patterns import Pattern, PatternError, Rewrite
from ._recipe import Recipe
from ._semantics import Module
from ._spans import Change, Safety, apply_edits
from .errors import UnusableInput

__all__ = ["load"]

_KEYS = {
    "id": str,
    "title": str,
    "match": str,
    "replace": str,
    "reason": str,
    "action": str,
    "safety": str,
    "needs": list,
    "options": dict,
    "before": dict,
    "after": dict,
    "example": list,
}
_BEFORE = ("words", "without", "paths")
_AFTER = ("must_not_contain", "must_match")
_EXAMPLE = ("before", "after", "unchanged")
_ADVICE = "`docs/guides/declarative-recipes.md` shows every key"


@dataclass(frozen=True)
class _Conditions:
    """What is asked of a file before its recipe runs, and of the result after."""

    without: tuple[str, ...]
    paths: tuple[str, ...]
    must_not_contain: tuple[str, ...]
    must_match: tuple[Pattern, ...]

    def admits(self, module: Module) -> bool:
        """Return whether the recipe may look at the file."""
        if any(word.encode() in module.source.text for word in self.without):
            return False
        return not self.paths or any(
            fnmatch(module.path, path) or fnmatch(module.path, path.replace("**/", "")) for path in self.paths
        )

    def broken_by(self, module: Module, changes: list[Change]) -> str:
        """Return the first condition that the file with these changes breaks, or an empty string."""
        text = apply_edits(module.source.text, [edit for change in changes for edit in change.edits])
        for words in self.must_not_contain:
            if words.encode() in text:
                return f"must_not_contain: {words!r} is still there"
        if not self.must_match:
            return ""
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            return f"the result is not Python: {error.msg}"
        called = {
            ast.unparse(node.func).rpartition(".")[2]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
        }
        missing = [pattern.text for pattern in self.must_match if pattern.head.rpartition(".")[2] not in called]
        return f"must_match: nothing matches `{missing[0]}`" if missing else ""


def load(path: Path) -> tuple[Recipe, ...]:
    """
    Load the recipes of a TOML file.

    Raises:
        UnusableInput: the file is not TOML, or a key is missing, unknown or of the wrong kind; the message names it.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnusableInput(path, f"cannot be read as TOML: {error}", advice="mend it and try again") from error
    entries = document.get("recipe")
    if not isinstance(entries, list) or set(document) - {"recipe"}:
        raise UnusableInput(path, "holds something else than [[recipe]] tables", advice=_ADVICE)
    return tuple(_recipe(path, f"recipe {number}", entry) for number, entry in enumerate(entries, 1))


def _recipe(path: Path, where: str, entry: dict[str, Any]) -> Recipe:
    _check(path, where, entry)
    options = {name: str(value) for name, value in entry.get("options", {}).items()}
    replacement = re.sub(r"\{(\w+)\}", lambda match: options.get(match[1], match[0]), entry["replace"])
    action = entry.get("action", "rewrite it by hand")
    try:
        one = Rewrite(
            Pattern(entry["match"]), replacement, Safety(entry.get("safety", "safe")), entry.get("reason", ""), action
        )
        _ = one.pattern.head, one.target
    except PatternError as error:
        raise UnusableInput(path, f"{where}, `match` or `replace`: {error}", advice=_ADVICE) from error
    before, after = entry.get("before", {}), entry.get("after", {})
    words = tuple(before.get("words", ())) or (one.pattern.head.rpartition(".")[2],)
    conditions = _Conditions(
        tuple(before.get("without", ())), tuple(before.get("paths", ())), tuple(after.get("must_not_contain", ())), tuple(map(Pattern, after.get("must_match", ())))
    )  # fmt: skip
    title = entry.get("title", entry["id"])

    def edit(module: Module) -> Iterator[Change]:
        yield from _edited(module, inner, conditions, action)

    inner = Recipe(entry["id"], title, "", (one,))
    page = "\n\n".join([f"{title}.", *_pages(entry.get("example", ()))])
    return Recipe(
        entry["id"], title, page, (), None, edit, None, tuple(entry.get("needs", ())), words, (one.pattern.head,)
    )


def _edited(module: Module, inner: Recipe, conditions: _Conditions, action: str) -> Iterator[Change]:
    if not conditions.admits(module):
        return
    changes = list(inner.edit(module))
    broken = conditions.broken_by(module, changes) if changes else ""
    if broken:
        module.refuse(module.tree.body[0], f"postcondition: {broken}", action)
        return
    yield from changes


def _check(path: Path, where: str, entry: dict[str, Any]) -> None:
    """Raise for the first key that is wrong."""

    def wrong(key: str, problem: str) -> UnusableInput:
        return UnusableInput(path, f"{where}: `{key}` {problem}", advice=_ADVICE)

    for key in ("id", "match", "replace"):
        if key not in entry:
            raise wrong(key, "is missing")
    for key, value in entry.items():
        if key not in _KEYS:
            raise wrong(key, f"is not known; known are {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise wrong(key, f"must be a {_KEYS[key].__name__}, not a {type(value).__name__}")
    if entry.get("safety", "safe") not in tuple(Safety):
        raise wrong("safety", "must be safe or review")
    for table, keys in (("before", _BEFORE), ("after", _AFTER)):
        for key, value in entry.get(table, {}).items():
            if key not in keys or not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                raise wrong(f"{table}.{key}", f"must be a list of texts under one of {', '.join(keys)}")
    for example in entry.get("example", ()):
        if (
            not isinstance(example, dict)
            or set(example) - set(_EXAMPLE)
            or ("before" in example) != ("after" in example)
            or not example
        ):
            raise wrong("example", "must have `before` and `after`, or `unchanged`")


def _pages(shown: Iterable[dict[str, str]]) -> Iterator[str]:
    for example in shown:
        for kind in _EXAMPLE:
            if kind in example:
                yield f"```py {kind}\n{example[kind].rstrip()}\n```"
