"""What one parsed file tells the rest of the project; see `_project.Facts`."""

import ast

from ._binder import Use
from ._project import Facts, patched_strings
from ._semantics import Module

__all__ = ["facts_of"]

_REPLACERS = {"object", "setattr", "delattr"}


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
    facts.imports = sorted({
        alias.name.split(".")[0] if isinstance(node, ast.Import) else str(node.module).split(".")[0]
        for node, _ in module.tables.imports if isinstance(node, ast.Import) or node.level == 0
        for alias in node.names
    })  # fmt: skip
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
    target, _ = module.binding_target(name, use.scope)
    if target is None:
        return
    if target.split(".")[0] in roots or stored:
        chain = []
        node: ast.expr = use.outer
        while isinstance(node, ast.Attribute):
            chain.append(node.attr)
            node = node.value
        qualname = ".".join([target, *reversed(chain)])
        (dotted if stored else uses).add(qualname)


def _add_replacement(module: Module, use: Use, dotted: set[str], loose: set[str]) -> None:
    call = use.call
    assert call is not None
    called = use.outer.attr if isinstance(use.outer, ast.Attribute) else use.root.id
    if called not in _REPLACERS or len(call.args) < 2:
        return
    attribute = call.args[1]
    if not (isinstance(attribute, ast.Constant) and isinstance(attribute.value, str)):
        return
    owner = module.resolve(call.args[0])
    if owner is not None:
        dotted.add(f"{owner}.{attribute.value}")
    elif isinstance(call.args[0], ast.Name) or isinstance(call.args[0], ast.Call):
        loose.add(attribute.value.split(".")[0])
