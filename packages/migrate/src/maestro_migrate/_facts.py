"""What one parsed file tells the rest of the project; see `_project.Facts`."""

import ast

from ._binder import Use
from ._exact_headers import compared_headers
from ._named_modules import borrowed_names, followed_names, modules_by_string, named_chains, resolved
from ._patch_words import swapped_modules
from ._project import Facts, is_test_path
from ._rebindings import rebindings
from ._reflection import reads_constants_only
from ._replacements import replacements, watched_names
from ._semantics import Module
from ._tree import attribute_names

__all__ = ["LOOKS_WITH", "facts_of"]

_LISTERS = frozenset({"vars", "dir", "getmembers"})
_READERS = _LISTERS | {"getattr", "hasattr"}
_RUNNERS = frozenset({"run_path", "run_module"})
_ASKED = _READERS | _RUNNERS
LOOKS_WITH = ("capfd", "caplog", "capsys", "JSONRenderer")
"""How a test names the fixtures that catch what is written, and what renders it."""


def facts_of(module: Module, roots: frozenset[str], *, sites: frozenset[str] = frozenset()) -> Facts:
    """
    Return the facts of a module.

    `roots` are the top-level names of the project: chains that begin elsewhere are of no interest to other files, except as patches.
    `sites` are the qualified names of the plumbing, whose words count even on things that are not known.
    """
    facts = Facts(is_read=True)
    for name, bindings in module.tables.module.bindings.items():
        target = _single_target(module, name)
        if target is not None:
            facts.exports[name] = target
        elif len({b.kind for b in bindings}) > 1 or len(bindings) > 1:
            facts.exports.pop(name, None)
    facts.stars = sorted({module.absolute("." * star.level + (star.module or "")) for star, _ in module.tables.stars})
    uses: set[str] = set()
    for node, _scope in module.tables.imports:
        if isinstance(node, ast.ImportFrom):
            prefix = module.absolute("." * node.level + (node.module or ""))
            if prefix.split(".")[0] in roots:
                uses.add(prefix)
                uses.update(f"{prefix}.{alias.name}" for alias in node.names if alias.name != "*")
        else:
            uses.update(alias.name for alias in node.names if alias.name.split(".")[0] in roots)
    followed = followed_names(module)
    for name, found in module.tables.uses.items():
        is_followed = name in followed
        for use in found:
            if is_followed and use.outer is not use.root:
                _add_use(module, use, roots, uses)
            if use.call is not None and (name in _ASKED or use.outer is not use.root):
                _add_reading(module, use, uses)
    uses.update(_whole(chain.split(".")) for chain, _ in named_chains(module) if chain.split(".")[0] in roots)
    facts.imports = sorted({
        alias.name if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
        for node, _ in module.tables.imports
        for alias in node.names
    })  # fmt: skip
    facts.swapped = sorted(swapped_modules(module.source.text))
    facts.uses = sorted(uses)
    facts.patches, facts.loose = map(sorted, replacements(module, roots, sites))
    facts.rebinds = sorted(rebindings(module))
    facts.named = sorted(modules_by_string(module))
    facts.borrowed = sorted(borrowed_names(module, sites, watched_names(sites)))
    facts.compares_headers = compared_headers(module)
    facts.looks_with = _looks_with(module)
    return facts


def _looks_with(module: Module) -> list[str]:
    if not is_test_path(module.path):
        return []
    found = {word for word in LOOKS_WITH if word.encode() in module.source.text}
    texts = (node.value for node in module.nodes(ast.Constant) if isinstance(node.value, str)) if found else ()
    return sorted(found | ({"json"} if any('": ' in text for text in texts) else set()))


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


def _add_use(module: Module, use: Use, roots: frozenset[str], uses: set[str]) -> None:
    target = resolved(module, use.root, use.scope)
    if target is None or not isinstance(use.outer, ast.Attribute):
        return
    chain = attribute_names(use.outer)
    if "__dict__" in chain or (target.split(".")[0] in roots and isinstance(use.outer.ctx, ast.Load)):
        uses.add(_whole([target, *chain]))


def _whole(chain: list[str]) -> str:
    """Return a chain as a name, all names below what `__dict__` is asked of."""
    return ".".join([*chain[: chain.index("__dict__")], "*"] if "__dict__" in chain else chain)


def _add_reading(module: Module, use: Use, uses: set[str]) -> None:
    """Add the names that `getattr(module, "name")` reads, and all of a module's for `vars(module)`."""
    call = use.call
    called = use.outer.attr if isinstance(use.outer, ast.Attribute) else use.root.id
    if call is None or called not in _ASKED:
        return
    if called in _RUNNERS and not isinstance(module.parent(call), ast.Expr | ast.Subscript):
        uses.update(f"{name}.*" for name in modules_by_string(module, call))  # its result is a dictionary of the names
    if called in _RUNNERS or not call.args:
        return
    owner = resolved(module, call.args[0], use.scope)
    if owner is None:
        return
    second = call.args[1] if len(call.args) > 1 else None
    known = isinstance(second, ast.Constant) and isinstance(second.value, str)
    if called in _LISTERS and reads_constants_only(module, call):
        return
    uses.add(f"{owner}.{second.value}" if known else f"{owner}.*")  # type: ignore[union-attr]  # narrowed by `known`
