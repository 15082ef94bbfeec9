"""What one parsed file tells the rest of the project; see `_project.Facts`."""

import ast

from ._binder import Use
from ._project import Facts, patched_strings, swapped_modules
from ._reflection import reads_constants_only
from ._semantics import Module

__all__ = ["facts_of"]

_REPLACERS = frozenset({"object", "setattr", "delattr"})
_LISTERS = frozenset({"vars", "dir", "getmembers"})
_READERS = _LISTERS | {"getattr", "hasattr"}


def facts_of(module: Module, roots: frozenset[str]) -> Facts:
    """
    Return the facts of a module.

    `roots` are the top-level names of the project: chains that begin elsewhere are of no interest to other files, except as patches.
    """
    facts = Facts()
    for name, bindings in module.tables.module.bindings.items():
        target = _single_target(module, name)
        if target is not None:
            facts.exports[name] = target
        elif len({b.kind for b in bindings}) > 1 or len(bindings) > 1:
            facts.exports.pop(name, None)
    facts.stars = sorted({module.absolute("." * star.level + (star.module or "")) for star, _ in module.tables.stars})
    uses: set[str] = set()
    dotted, loose = patched_strings(module.source.text)
    for node, _scope in module.tables.imports:
        if isinstance(node, ast.ImportFrom):
            prefix = module.absolute("." * node.level + (node.module or ""))
            if prefix.split(".")[0] in roots:
                uses.add(prefix)
                uses.update(f"{prefix}.{alias.name}" for alias in node.names if alias.name != "*")
        else:
            uses.update(alias.name for alias in node.names if alias.name.split(".")[0] in roots)
    for name, found in module.tables.uses.items():
        for use in found:
            _add_use(module, name, use, roots, uses, dotted)
            if use.call is not None:
                _add_replacement(module, use, dotted, loose)
                _add_reading(module, use, uses)
    facts.imports = sorted({
        alias.name if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
        for node, _ in module.tables.imports
        for alias in node.names
    })  # fmt: skip
    facts.swapped = sorted(swapped_modules(module.source.text))
    facts.uses, facts.patches, facts.loose = sorted(uses), sorted(dotted), sorted(loose)
    return facts


def _single_target(module: Module, name: str) -> str | None:
    bindings = module.tables.module.bindings[name]
    first = bindings[0]
    if first.kind == "import" and first.target and all(b.target == first.target for b in bindings):
        return module.absolute(first.target)
    if len(bindings) == 1 and first.kind == "assign" and isinstance(first.value, ast.Call):
        return module.provenance(first.value, module.tables.module)
    if len(bindings) == 1 and first.kind == "def" and isinstance(first.value, ast.FunctionDef):
        return None
    return None


def _add_use(module: Module, name: str, use: Use, roots: frozenset[str], uses: set[str], dotted: set[str]) -> None:
    if not isinstance(use.outer, ast.Attribute):
        return
    stored = not isinstance(use.outer.ctx, ast.Load)
    target, bindings = module.binding_target(name, use.scope)
    if target is None and stored and len(bindings) == 1 and isinstance(bindings[0].value, ast.Name | ast.Attribute):
        target = module.resolve(bindings[0].value)  # `module = logging; module.getLogger = fake`
    if target is None:
        return
    if "__dict__" in (chain := _chain(use.outer)):
        uses.add(".".join([target, *chain[: chain.index("__dict__")], "*"]))
        dotted.update(f"{target}.{name}" for name in _written_keys(module))
    if target.split(".")[0] in roots or stored:
        qualname = ".".join([target, *chain])
        (dotted if stored else uses).add(qualname)


def _chain(node: ast.expr) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return names[::-1]


def _written_keys(module: Module) -> set[str]:
    """Return the string keys that the module assigns to, whatever to: which mapping is the module's dictionary is not told apart."""
    stores = (
        node for node in ast.walk(module.tree) if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
    )
    return {
        node.slice.value
        for node in stores
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    }


def _add_reading(module: Module, use: Use, uses: set[str]) -> None:
    """Add the names that `getattr(module, "name")` reads, and all of a module's for `vars(module)`."""
    call = use.call
    called = use.outer.attr if isinstance(use.outer, ast.Attribute) else use.root.id
    if call is None or called not in _READERS or not call.args:
        return
    owner = module.resolve(call.args[0])
    if owner is None:
        return
    second = call.args[1] if len(call.args) > 1 else None
    known = isinstance(second, ast.Constant) and isinstance(second.value, str)
    if called in _LISTERS and reads_constants_only(module, call):
        return
    uses.add(f"{owner}.{second.value}" if known else f"{owner}.*")  # type: ignore[union-attr]  # narrowed by `known`


def _add_replacement(module: Module, use: Use, dotted: set[str], loose: set[str]) -> None:
    call = use.call
    assert call is not None
    called = use.outer.attr if isinstance(use.outer, ast.Attribute) else use.root.id
    if called == "multiple" and call.args:
        first = call.args[0]
        replaced = str(first.value) if isinstance(first, ast.Constant) else module.resolve(first)
        dotted.update(f"{replaced}.{keyword.arg}" for keyword in call.keywords if keyword.arg)
        return
    if called not in _REPLACERS or len(call.args) < 2:
        return
    attribute = call.args[1]
    if not (isinstance(attribute, ast.Constant) and isinstance(attribute.value, str)):
        return
    owner = module.resolve(call.args[0])
    if owner is not None:
        dotted.add(f"{owner}.{attribute.value}")
    elif isinstance(call.args[0], ast.Name | ast.Call):
        loose.add(attribute.value.split(".")[0])
