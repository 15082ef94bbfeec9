"""Modules that code names by a string: `import_module("svc.main")`, `__import__("svc")`, `sys.modules["svc"]`, and what is read of them."""

import ast
import re
import sys
from collections.abc import Collection, Iterator
from functools import lru_cache

from ._binder import Scope
from ._semantics import Module

__all__ = ["borrowed_names", "followed_names", "modules_by_string", "named_chains", "resolved"]

_WORDS = (
    *(b"import_module", b"__import__", b"sys.modules", b"run_path", b"run_module"),
    *(b"find_spec", b"spec_from_file", b"reload("),
)
_CHAINED = re.compile(rb"(?:import_module|__import__|reload)\([^\n]*\)\s*\.|modules\[[^\]]*\]\s*\.")
_STRINGS = re.compile(rb"""["'](\.*[A-Za-z_][\w./]*)["']""")


def resolved(module: Module, node: ast.AST, scope: Scope | None = None) -> str | None:
    """Return the qualified name of an expression, also where it goes through a module that a string names; `None` where nothing shows it."""
    return _resolved(module, node, scope, frozenset())


def _resolved(module: Module, node: ast.AST, scope: Scope | None, followed: frozenset[ast.AST]) -> str | None:
    """Do so without the values that were followed already: `app = reload(app)` comes back to itself."""
    known = module.resolve(node, scope)
    if known is not None or not _speaks_of_modules(module):
        return known
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        owner = _of_name(module, node, scope, followed)
    else:
        owner = _named(module, node, scope, followed)
    return None if owner is None else module.project.canonical(".".join([owner, *reversed(attributes)]))


def followed_names(module: Module) -> Collection[str]:
    """Return the used names that `resolved` may follow: what some scope imports, and any name where strings name modules."""
    if _speaks_of_modules(module):
        return module.tables.uses.keys()
    return {name for names in module.names_by_root.values() for name in names}


def _speaks_of_modules(module: Module) -> bool:
    return _has_words(module.source.text)


@lru_cache(maxsize=4)
def _has_words(text: bytes) -> bool:
    return any(word in text for word in _WORDS)


def _of_name(module: Module, node: ast.Name, scope: Scope | None, followed: frozenset[ast.AST]) -> str | None:
    """Return the module that a variable holds after any of its assignments."""
    _, bindings = module.binding_target(node.id, scope or module.scope_of(node))
    for binding in bindings:
        value = binding.value
        if isinstance(value, ast.Call | ast.Subscript) and value not in followed:
            named = _named(module, value, scope, followed | {value})
            if named is not None:
                return named
    return None


def _named(module: Module, node: ast.AST, scope: Scope | None, followed: frozenset[ast.AST]) -> str | None:
    if isinstance(node, ast.Call) and node.args:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0]
        if called == "reload":
            return _resolved(module, first, scope, followed)
        if (
            called in {"import_module", "__import__"}
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
        ):
            whole = called == "import_module" or len(node.args) + len(node.keywords) > 1
            return module.absolute(first.value) if whole else first.value.partition(".")[0]
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "modules":
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return key.value
        if isinstance(key, ast.Attribute) and key.attr == "__name__":
            return _resolved(module, key.value, scope, followed)
    return None


def named_chains(module: Module) -> Iterator[tuple[str, ast.Attribute]]:
    """Yield what is asked directly of a module that a string names, as in `import_module("svc").os`, with the last attribute of the chain."""
    if not _speaks_of_modules(module) or _CHAINED.search(module.source.text) is None:
        return
    for node in module.nodes(ast.Attribute):
        if isinstance(node.value, ast.Call | ast.Subscript):
            owner = _named(module, node.value, None, frozenset())
            if owner is not None:
                names, last = _upwards(module, node)
                yield ".".join([owner, *names]), last


def _upwards(module: Module, node: ast.Attribute) -> tuple[list[str], ast.Attribute]:
    """Return the names of the chain that begins with an attribute, and its last attribute."""
    names, last = [node.attr], node
    while isinstance(outer := module.parent(last), ast.Attribute):
        names.append(outer.attr)
        last = outer
    return names, last


def modules_by_string(module: Module, within: ast.AST | None = None) -> set[str]:
    """Return the modules of the project that the file, or an expression of it, may import by a string, a file's path included."""
    if not _speaks_of_modules(module):
        return set()
    start, end = (0, len(module.source.text)) if within is None else module.source.span(within)
    strings = (match[1].decode() for match in _STRINGS.finditer(module.source.text, start, end))
    return {name for text in strings if module.project.path_of(name := _as_module(module, text)) is not None}


def _as_module(module: Module, text: str) -> str:
    return (
        text.removesuffix(".py").replace("/", ".").lstrip(".")
        if "/" in text or text.endswith(".py")
        else module.absolute(text)
    )


def borrowed_names(module: Module, sites: frozenset[str], words: frozenset[str]) -> set[str]:
    """
    Return which of `words` the file reads as attributes of something unknown: a parameter, a fixture, the result of a call.

    A chain that is plumbing (`service.os.environ`: `os.environ` is one of `sites`) is returned beside its word.
    """
    found = set()
    for name, uses in module.tables.uses.items():
        for use in uses:
            node: ast.expr = use.outer
            last = ""
            while isinstance(node, ast.Attribute):
                if (
                    node.attr in words
                    and _may_have(node.attr, last)
                    and module.binding_target(name, use.scope)[0] is None
                ):
                    found |= {node.attr, f"{node.attr}.{last}"} & (words | sites)
                last = node.attr
                node = node.value
    if words:
        pattern = "|".join(map(re.escape, sorted(words)))
        for match in re.finditer(rf"[)\]]\.({pattern})\b(?:\.(\w+))?".encode(), module.source.text):
            word, last = match[1].decode(), (match[2] or b"").decode()
            if _may_have(word, last):
                found |= {word, f"{word}.{last}"} & (words | sites)
    return found


def _may_have(word: str, attribute: str) -> bool:
    """Return whether a thing of this name may be the module of that name, by what is asked of it: `config.logging.level` is none."""
    standard = sys.modules.get(word) if word in sys.stdlib_module_names else None
    return not attribute or standard is None or hasattr(standard, attribute)
