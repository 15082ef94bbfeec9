"""Uses of the plumbing that names do not show: by string, through another variable. They are never rewritten; they become findings."""

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ._binder import Use
from ._tree import attribute_names

if TYPE_CHECKING:
    from ._semantics import Module

__all__ = ["hidden_uses"]

_BY_STRING = (b"getattr", b"import_module", b"__import__", b"modules")
_IMPORTERS = frozenset({"import_module", "__import__"})


def hidden_uses(module: "Module", qualnames: frozenset[str]) -> Iterator[tuple[ast.AST, str]]:
    """Yield the places that reach one of the qualified names in a way that cannot be rewritten, each with its reason."""
    yield from _aliased(module, qualnames)
    if b">>>" in module.source.text:
        yield from _in_doctests(module, qualnames)
    if any(word in module.source.text for word in _BY_STRING):
        yield from _by_string(module, qualnames)


def _aliased(module: "Module", qualnames: frozenset[str]) -> Iterator[tuple[ast.AST, str]]:
    """Find `plumbing = logging` where `plumbing.getLogger` is used."""
    roots = {qualname.split(".")[0] for qualname in qualnames}
    imported = {name for root in roots for name in module.names_by_root.get(root, ())}
    if not imported:
        return
    for scope in module.tables.scopes:
        for name in scope.bindings.keys() & module.tables.uses.keys():
            for binding in scope.bindings[name]:
                value = binding.value
                if (
                    binding.kind != "assign"
                    or not isinstance(value, ast.Name | ast.Attribute)
                    or _root(value) not in imported
                ):
                    continue
                target = module.resolve(value, scope)
                if target is None:
                    continue
                for use in module.tables.uses[name]:
                    if ".".join([target, *attribute_names(use.outer)]) in qualnames and use.outer is not use.root:
                        yield use.root, f"aliased: `{name}` was set to {target} on line {value.lineno}, and variables may change"


def _in_doctests(module: "Module", qualnames: frozenset[str]) -> Iterator[tuple[ast.AST, str]]:
    """Find examples in docstrings, which run as the module's own code."""
    spelled = set()
    for name, bindings in module.tables.module.bindings.items():
        for target in {
            module.project.canonical(module.absolute(binding.target)) for binding in bindings if binding.target
        }:
            spelled |= {
                re.escape(name + each.removeprefix(target)) for each in qualnames if f"{each}.".startswith(f"{target}.")
            }
    if not spelled:
        return
    example = re.compile(rf"^\s*(?:>>>|\.\.\.)\s.*(?<![\w.])(?:{'|'.join(sorted(spelled))})\b", re.MULTILINE)
    for node in module.nodes(ast.Constant):
        if isinstance(node.value, str) and ">>>" in node.value and example.search(node.value):
            yield node, "doctest: an example in a docstring uses it"


def _by_string(module: "Module", qualnames: frozenset[str]) -> Iterator[tuple[ast.AST, str]]:
    homes = {qualname.rpartition(".")[0] for qualname in qualnames}
    for use in module.tables.uses.get("getattr", ()):
        if (
            use.call is not None
            and use.outer is use.root
            and len(use.call.args) >= 2
            and isinstance(use.call.args[1], ast.Constant)
        ):
            owner = module.resolve(use.call.args[0])
            reached = f"{owner}.{use.call.args[1].value!s}"
            if owner is not None and reached in qualnames:
                yield use.call, f"by-string: getattr reaches {reached}"
    for name in _IMPORTERS | {"importlib"}:
        for use in module.tables.uses.get(name, ()):
            if _imports_one_of(use, homes):
                yield use.root, "by-string: the module is imported by its name in a string"
    for site in module.references("sys.modules"):
        parent = module.parent(site.node)
        if isinstance(parent, ast.Subscript) and isinstance(parent.slice, ast.Constant) and parent.slice.value in homes:
            yield parent, "by-string: the module is taken out of sys.modules"


def _imports_one_of(use: Use, homes: set[str]) -> bool:
    called = use.outer.attr if isinstance(use.outer, ast.Attribute) else use.root.id
    if use.call is None or called not in _IMPORTERS or not use.call.args:
        return False
    first = use.call.args[0]
    return isinstance(first, ast.Constant) and first.value in homes


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
