"""
What a file puts in the place of something else: by a patch, a store, an entry in a dictionary of names.

A name that is replaced anywhere stays as it is everywhere, since new text would not go through it. Replacing has many spellings, most of
them in tests: what is handed to a call together with the name of one of its attributes may be replaced, whatever the call is named.
"""

import ast
import logging
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ._binder import Binding, Use
from ._named_modules import named_chains, resolved
from ._patch_words import patched_strings
from ._semantics import Module
from ._tree import attribute_names

__all__ = ["replacements", "watched_names"]

_REPLACERS = frozenset({"object", "setattr", "delattr"})
_READERS = frozenset({"getattr", "hasattr", "vars", "dir", "getmembers"})
_READ_METHODS = frozenset({"items", "keys", "values", "get", "copy", "__getitem__", "__contains__"})
_WRITERS = frozenset({"dict", "setitem", "delitem", "exec()"})  # `patch.dict(…)`, not `dict(…)`
_EXPECTING = frozenset({"when", "expect", "should_receive", "should_call", "expects"})
_LOGGERS_OWN = frozenset(dir(logging.Logger))
_QUOTED = re.compile(rb"""["']([A-Za-z_]\w*)["']|[(,]\s*([A-Za-z_]\w*)\s*=(?!=)""")


@lru_cache(maxsize=8)
def watched_names(sites: frozenset[str]) -> frozenset[str]:
    """Return the words by which modules know the plumbing (`os`, `getenv`, `FastAPI`), less what every logger has an attribute for."""
    members = {site.rpartition(".")[2] for site in sites if site.count(".") == 1}
    return frozenset({site.partition(".")[0] for site in sites} | (members - _LOGGERS_OWN))


def replacements(module: Module, roots: frozenset[str], sites: frozenset[str]) -> tuple[set[str], set[str]]:
    """
    Return the dotted names that a file replaces (`os.*`: any of its attributes), and the attribute names that it replaces on something unknown.

    `roots` are the top-level names of the project, `sites` the qualified names of the plumbing.
    """
    dotted, loose = patched_strings(module.source.text)
    words = watched_names(sites)
    text = module.source.text
    has_namespaces = b"__dict__" in text or b"__globals__" in text
    for name, uses in module.tables.uses.items():
        for use in uses:
            if use.call is not None:
                _add_called(module, use, roots, words, dotted, loose)
            if isinstance(use.outer, ast.Attribute):
                if not isinstance(use.outer.ctx, ast.Load):
                    _add_stored(module, name, use, words, dotted, loose)
                if has_namespaces:
                    _add_namespace(module, use, roots, words, dotted, loose)
    dotted.update(chain for chain, node in named_chains(module) if not isinstance(node.ctx, ast.Load))
    return dotted, loose


def _add_called(
    module: Module, use: Use, roots: frozenset[str], words: frozenset[str], dotted: set[str], loose: set[str]
) -> None:
    call = use.call
    assert call is not None
    called = use.outer.attr if isinstance(use.outer, ast.Attribute) else use.root.id
    if called in _READERS:
        if called == "vars" and call.args and _is_written(module, call):
            _add_any(module, resolved(module, call.args[0], use.scope), roots, dotted)
        return
    if called == "multiple":
        named = (str(value.value) for value in _values(call) if isinstance(value, ast.Constant))
        for owner in {*_owners(module, call, use), *named}:
            dotted.update(f"{owner}.{keyword.arg}" for keyword in call.keywords if keyword.arg)
    elif called in _REPLACERS:
        _add_replacer(module, call, use, roots, words, dotted, loose)
    elif called == "patch" and call.args:
        _add_computed(call.args[0], dotted, loose)
    handed = [name for name in _names_in(call) if name in words]
    if handed:
        dotted.update(f"{owner}.{name}" for owner in _owners(module, call, use) for name in handed)
    if len(call.args) == 1 and _last_name(call.args[0]) in words:
        _add_wrapped(module, call, use, words, dotted)


def _names_in(call: ast.Call) -> list[str]:
    """Return the words that a call gets as strings or keywords."""
    keywords = call.keywords
    values = [*call.args, *(keyword.value for keyword in keywords)] if keywords else call.args
    names = [keyword.arg for keyword in keywords if keyword.arg]
    names += [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return names


def _values(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _owners(module: Module, call: ast.Call, use: Use) -> set[str]:
    """Return the imported things that a call gets, whose attributes it may replace."""
    kinds = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
    found = (resolved(module, value, use.scope) for value in _values(call) if isinstance(value, kinds))
    return {owner for owner in found if owner is not None}


def _add_replacer(
    module: Module,
    call: ast.Call,
    use: Use,
    roots: frozenset[str],
    words: frozenset[str],
    dotted: set[str],
    loose: set[str],
) -> None:
    """Add what `setattr(owner, name, …)` and its like replace."""
    if not call.args:
        return
    first = call.args[0]
    attribute = call.args[1] if len(call.args) > 1 else None
    owner = resolved(module, first, use.scope)
    if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
        last = attribute.value.split(".")[0]
        if owner is not None:
            dotted.add(f"{owner}.{attribute.value}")
        elif isinstance(first, ast.Name | ast.Call):
            loose.add(last)
        elif isinstance(first, ast.Attribute) and first.attr in words:
            dotted.add(f"{first.attr}.{attribute.value}")
    elif attribute is not None and owner is not None:
        _add_any(module, owner, roots, dotted)
    elif not isinstance(first, ast.Name | ast.Attribute):
        _add_computed(first, dotted, loose)


def _add_any(module: Module, owner: str | None, roots: frozenset[str], dotted: set[str]) -> None:
    """Add that some attribute of `owner` is replaced: of the project's modules one that the file writes as a string or a keyword, of others any."""
    if owner is None:
        return
    if owner.partition(".")[0] in roots:
        dotted.update(f"{owner}.{name}" for name in _quoted(module))
    else:
        dotted.add(f"{owner}.*")


def _quoted(module: Module) -> set[str]:
    return {(match[1] or match[2]).decode() for match in _QUOTED.finditer(module.source.text)}


def _add_computed(target: ast.expr, dotted: set[str], loose: set[str]) -> None:
    """Add what a string may name that is put together: each of its pieces, and all below a piece that ends in a dot."""
    if not isinstance(target, ast.BinOp | ast.JoinedStr | ast.Call):
        return
    for node in ast.walk(target):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = re.findall(r"[A-Za-z_]\w*", node.value)
            loose.update(parts)
            if parts and node.value.endswith("."):
                dotted.add(".".join([*parts, "*"]))


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _add_wrapped(module: Module, call: ast.Call, use: Use, words: frozenset[str], dotted: set[str]) -> None:
    """
    Add what is asked of a call's result, as in `when(os).getenv(…)` and `flexmock(os.environ).should_receive("get")`.

    A method of the plumbing (`get`) says little by itself: it counts after `when`, or as a string that says what will be called.
    """
    owner = resolved(module, call.args[0], use.scope)
    outer = module.parent(call)
    if owner is None or not isinstance(outer, ast.Attribute):
        return
    asked = {outer.attr} & words
    around = module.parent(outer)
    if isinstance(around, ast.Call):
        named = set(_names_in(around))
        asked |= named & words
        if outer.attr in _EXPECTING:
            asked |= named
    if _last_name(call.func) in _EXPECTING:
        asked.add(outer.attr)
    dotted.update(f"{owner}.{name}" for name in asked)


def _add_stored(module: Module, name: str, use: Use, words: frozenset[str], dotted: set[str], loose: set[str]) -> None:
    """Add what `owner.name = …` replaces, also where the owner is a parameter or the variable of a loop, which may be any module."""
    chain = attribute_names(use.outer)
    target = resolved(module, use.root, use.scope)
    _, bindings = module.binding_target(name, use.scope)
    if target is None and len(bindings) == 1 and isinstance(bindings[0].value, ast.Name | ast.Attribute):
        target = module.resolve(bindings[0].value)  # `module = logging; module.getLogger = fake`
    looped = _looped_over(module, bindings) if target is None and chain[-1] in words else set()
    if target is not None or looped:
        dotted.update(".".join([owner, *chain]) for owner in {target, *looped} if owner is not None)
    elif chain[-1] in words and _may_be_a_module(module, bindings):
        if len(chain) > 1:
            dotted.add(".".join(chain[-2:]))
        else:
            loose.add(chain[-1])


def _looped_over(module: Module, bindings: Iterable[Binding]) -> set[str]:
    """Return what a loop's variable stands for, one after the other: `for each in (orders, stock): each.logging = fake`."""
    found: set[str] = set()
    for binding in bindings:
        loop = module.parent(binding.node)
        if isinstance(loop, ast.For) and loop.target is binding.node and isinstance(loop.iter, ast.Tuple | ast.List):
            found.update(owner for each in loop.iter.elts if (owner := resolved(module, each)) is not None)
    return found


def _may_be_a_module(module: Module, bindings: Iterable[Binding]) -> bool:
    """Return whether a name may stand for a module that is handed in: no `self`, and nothing that was just made."""
    return any(
        binding.kind == "other" or (binding.kind == "param" and not _is_first_of_method(module, binding.node))
        for binding in bindings
    )


def _is_first_of_method(module: Module, parameter: ast.AST) -> bool:
    arguments = module.parent(parameter)
    function = module.parent(arguments) if isinstance(arguments, ast.arguments) else None
    if not isinstance(arguments, ast.arguments) or function is None:
        return False
    first = next(iter((*arguments.posonlyargs, *arguments.args)), None)
    return parameter is first and isinstance(module.parent(function), ast.ClassDef)


def _add_namespace(
    module: Module, use: Use, roots: frozenset[str], words: frozenset[str], dotted: set[str], loose: set[str]
) -> None:
    """Add what is written into the dictionary of a module's names: `svc.__dict__`, or `f.__globals__` of whatever module."""
    node: ast.expr = use.outer
    while isinstance(node, ast.Attribute):
        if node.attr == "__globals__" and _is_written(module, node):
            loose.update(words & _quoted(module))
        elif node.attr == "__dict__":
            target = resolved(module, node.value, use.scope)
            if target is not None and _is_written(module, node):
                _add_any(module, target, roots, dotted)
            if target is not None:
                dotted.update(f"{target}.{key}" for key in _written_keys(module))
        node = node.value


def _is_written(module: Module, names: ast.expr) -> bool:
    """Return whether a dictionary of names may be written to where it stands: by a key, by one of its methods, by what it is handed to."""
    parent = module.parent(names)
    if isinstance(parent, ast.Subscript):
        return not isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute):
        return parent.attr not in _READ_METHODS
    if isinstance(parent, ast.Call):
        called = parent.func.attr if isinstance(parent.func, ast.Attribute) else f"{getattr(parent.func, 'id', '')}()"
        return called in _WRITERS
    return isinstance(parent, ast.Assign)  # what becomes of the variable is not followed


def _written_keys(module: Module) -> set[str]:
    """Return the string keys that the module assigns to, whatever to: which mapping is the module's dictionary is not told apart."""
    stores = (node for node in module.nodes(ast.Subscript) if not isinstance(node.ctx, ast.Load))
    return {
        node.slice.value
        for node in stores
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    }
