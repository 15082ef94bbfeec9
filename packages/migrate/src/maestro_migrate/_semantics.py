"""
What names mean in one module, and what may be done about it.

A chain resolves to a qualified name only if *every* binding of its root in the scope that owns it is a run-time import of the same
target. Everything else is unknown, and unknown is not touched: `Module.sites` hands out the references a recipe may rewrite and
turns each other one into a finding with its reason.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ._binder import Binding, Scope, Tables, Use, bind, lookup
from ._project import Project, is_test_path, module_names
from ._source import Source, parse
from ._spans import Change, Edit, Finding, Safety

__all__ = ["Module", "Site"]

_REFLECTIVE_CALLS = {"globals", "vars", "exec", "locals"}


@dataclass(frozen=True, slots=True)
class Site:
    """
    A use of an imported name that resolves to `qualname`.

    `node` is the expression that carries the name (`logging.getLogger`), `call` the call of it when there is one.
    """

    qualname: str
    node: ast.expr
    call: ast.Call | None
    root: ast.Name
    scope: Scope

    @property
    def line(self) -> int:
        """Return the line on which the site begins."""
        return self.node.lineno

    @property
    def whole(self) -> ast.expr:
        """Return the call when the name is called, else the name itself."""
        return self.call or self.node


class Module:
    """One parsed file with its scopes, seen in its project; recipes read it and hand back changes and findings."""

    def __init__(self, source: Source, project: Project, *, tree: ast.Module | None = None) -> None:
        self.source = source
        self.project = project
        self.path = source.path
        self.names = module_names(source.path)
        self.tree = tree if tree is not None else parse(source)
        self.tables: Tables = bind(self.tree)
        self.recipe = ""
        self.findings: list[Finding] = []
        self.marks: dict[str, object] = {}
        self._locals: dict[str, str | None] = {}
        self._refused: set[tuple[str, int, int]] = set()

    # What names mean -------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Return the dotted name by which the project imports this module, as far as its index shows."""
        return self.project.import_name(self.path)

    @property
    def is_test(self) -> bool:
        """Return whether the file belongs to the service's tests."""
        return is_test_path(self.path)

    def absolute(self, target: str) -> str:
        """Return an import target with its leading dots resolved against this module's package."""
        if not target.startswith("."):
            return target
        level = len(target) - len(target.lstrip("."))
        package = self.name.split(".")
        if not self.path.endswith("__init__.py"):
            package = package[:-1]
        keep = len(package) - (level - 1)
        if keep < 0:
            return target
        return ".".join([*package[:keep], target[level:]]).strip(".")

    def binding_target(self, name: str, scope: Scope) -> tuple[str | None, list[Binding]]:
        """Return what `name` is imported from (`None`: unknown) and all its bindings in the scope that owns it."""
        owner = lookup(name, scope)
        if owner is None:
            return None, []
        bindings = owner.bindings[name]
        targets = {binding.target for binding in bindings}
        if len(targets) != 1 or bindings[0].kind != "import":
            return None, bindings
        if all(self.is_typing_only(binding.node) for binding in bindings):
            return None, bindings
        if owner is self.tables.module and self._star_after(name, bindings):
            return None, bindings
        return self.project.canonical(self.absolute(str(bindings[0].target))), bindings

    def resolve(self, expression: ast.AST, scope: Scope | None = None) -> str | None:
        """Return the qualified name of a name or attribute chain, or `None` when it is not proven."""
        attributes: list[str] = []
        node: ast.AST = expression
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        target, _ = self.binding_target(node.id, scope or self.scope_of(node))
        if target is None:
            return None
        return self.project.canonical(".".join([target, *reversed(attributes)]))

    def scope_of(self, node: ast.AST) -> Scope:
        """Return the innermost scope in which a name stands."""
        return self._scopes_by_node.get(id(node), self.tables.module)

    @cached_property
    def _scopes_by_node(self) -> dict[int, Scope]:
        return {id(use.root): use.scope for uses in self.tables.uses.values() for use in uses}

    def is_typing_only(self, node: ast.AST) -> bool:
        """Return whether a statement stands under `if TYPE_CHECKING:`, where it binds nothing at run time."""
        for block in self.tables.blocks:
            if isinstance(block, ast.If) and _is_type_checking(block.test) and _inside(node, block.body):
                return True
        return False

    def is_guarded(self, node: ast.AST) -> bool:
        """Return whether a statement stands in a `try` or an `if`, so that it may not run."""
        return any(_inside(node, [block]) for block in self.tables.blocks)

    def _star_after(self, name: str, bindings: list[Binding]) -> bool:
        last = max(getattr(binding.node, "lineno", 0) for binding in bindings)
        for star, _scope in self.tables.stars:
            source = self.absolute("." * star.level + (star.module or ""))
            if star.lineno > last and not self.project.star_is_harmless(source, name, self.absolute(str(bindings[0].target))):
                return True
        return False

    @cached_property
    def is_reflective(self) -> str | None:
        """Return how the module looks at its own names (`globals()`, `sys.modules[__name__]`), `None` when it does not."""
        for name in _REFLECTIVE_CALLS & self.tables.uses.keys():
            for use in self.tables.uses[name]:
                if use.outer is use.root and use.call is not None and lookup(name, use.scope) is None and _reaches_names(use) and not self._reads_constants_only(use.call):
                    return f"{name}() on line {use.root.lineno}"
        for use in self.tables.uses.get("sys", ()):
            chain = self.resolve(use.outer, use.scope) if isinstance(use.outer, ast.Attribute) else None
            if chain == "sys.modules" and b"__name__" in self.source.text and not self._reads_constants_only(use.outer):
                return f"sys.modules on line {use.root.lineno}"
        return None

    def _reads_constants_only(self, names: ast.AST) -> bool:
        """Return whether the module's names are looped over under a test that only upper-case ones pass; the engine binds and unbinds none of those."""
        for outer in self.ancestors(names):
            if isinstance(outer, ast.For):
                body = outer.body
                guard = body[0].test if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse else None
                return guard is not None and _is_upper_test(guard, outer.target)
            if isinstance(outer, ast.comprehension):
                return any(_is_upper_test(test, outer.target) for test in outer.ifs)
            if isinstance(outer, ast.stmt):
                return False
        return False

    @cached_property
    def parents(self) -> dict[int, ast.AST]:
        """Return the parent of every node by the node's id; built on first use."""
        found: dict[int, ast.AST] = {}
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            for child in ast.iter_child_nodes(node):
                found[id(child)] = node
                stack.append(child)
        return found

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the parent of a node."""
        return self.parents.get(id(node))

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the statement in which a node stands."""
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = self.parent(current)
        assert isinstance(current, ast.stmt)
        return current

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the parents of a node from the inside out."""
        current = self.parent(node)
        while current is not None:
            yield current
            current = self.parent(current)

    # What may be rewritten --------------------------------------------------------------------------------------------

    def references(self, *prefixes: str) -> Iterator[Site]:
        """Yield, in source order, every proven reference whose qualified name is one of `prefixes` or lies below one (`os.environ.get`)."""
        yield from (site for site, _ in self._candidates(prefixes) if site is not None)

    def sites(self, *qualnames: str, action: str = "rewrite it by hand") -> Iterator[Site]:
        """
        Yield, in source order, the uses of exactly these qualified names that may be rewritten.

        A use that may not becomes a finding: its name has rival bindings, tests patch it, the module looks at its own names.
        """
        exact = set(qualnames)
        for site, rivals in self._candidates(qualnames):
            if site is None:
                use, qualname, bindings = rivals  # type: ignore[misc]  # the pair is exclusive
                if qualname in exact:
                    lines = sorted({getattr(b.node, "lineno", 0) for b in bindings})
                    self.refuse(use.root, f"ambiguous-binding: `{use.root.id}` is bound on lines {', '.join(map(str, lines))}, not all to the same import", action)
                continue
            if site.qualname not in exact:
                continue
            reason = self.obstacle(site)
            if reason is None:
                yield site
            else:
                self.refuse(site.whole, reason, action)

    def count(self, qualnames: Iterable[str]) -> int:
        """Return how many calls of exactly these names the file has (of `os.environ`: uses), whether or not they may be rewritten."""
        exact = set(qualnames)
        found = 0
        for site, rivals in self._candidates(exact):
            qualname, call = (site.qualname, site.call) if site is not None else (rivals[1], rivals[0].call)  # type: ignore[index]  # the pair is exclusive
            found += qualname in exact and (call is not None or qualname == "os.environ")
        return found

    def obstacle(self, site: Site) -> str | None:
        """Return why a proven use must stay as it is, or `None` when nothing holds it."""
        patched = self.project.patched(self.names, site.root.id, site.qualname, _attributes(site.node))
        if patched:
            return f"patched-by-tests: {patched}"
        if self.is_reflective:
            return f"reflective-module: it reads its own names with {self.is_reflective}"
        if self._in_debug_fstring(site.node):
            return 'f-string-equals: `f"{x=}"` prints its own source text'
        return None

    def _candidates(self, prefixes: Iterable[str]) -> Iterator[tuple[Site | None, tuple[Use, str, list[Binding]] | None]]:
        wanted = tuple(prefixes)
        roots = {prefix.split(".")[0] for prefix in wanted}
        found: list[tuple[int, int, Site | None, tuple[Use, str, list[Binding]] | None]] = []
        for name, uses in self.tables.uses.items():
            possible = {self.project.canonical(self.absolute(target)) for scope in self.tables.scopes for b in scope.bindings.get(name, ()) if (target := b.target)}
            possible = {target for target in possible if target.split(".")[0] in roots}
            if not possible:
                continue
            for use in uses:
                chain = _attributes(use.outer)
                target, bindings = self.binding_target(name, use.scope)
                if target is None:
                    own = {self.project.canonical(self.absolute(b.target)) for b in bindings if b.target}
                    for candidate in sorted(own & possible):
                        qualname = ".".join([candidate, *chain])
                        if not all(self.is_typing_only(b.node) for b in bindings) and _below(qualname, wanted):
                            found.append((use.root.lineno, use.root.col_offset, None, (use, qualname, bindings)))
                    continue
                qualname = self.project.canonical(".".join([target, *chain]))
                if _below(qualname, wanted):
                    found.append((use.root.lineno, use.root.col_offset, Site(qualname, use.outer, use.call, use.root, use.scope), None))
        found.sort(key=lambda item: item[:2])
        for _, _, site, rivals in found:
            yield site, rivals

    def _in_debug_fstring(self, node: ast.AST) -> bool:
        if b"=}" not in self.source.text and b"=!" not in self.source.text and b"=:" not in self.source.text:
            return False
        for outer in self.ancestors(node):
            if isinstance(outer, ast.FormattedValue):
                _, end = self.source.span(outer.value)
                return self.source.text[end : end + 20].lstrip(b" )").startswith(b"=")
        return False

    # What recipes hand back -------------------------------------------------------------------------------------------

    def local_name(self, qualname: str) -> str | None:
        """Return the name by which the file can use `qualname`: one it already imports, else a free one, else `None`."""
        if qualname not in self._locals:
            self._locals[qualname] = self.existing_name(qualname) or self._free_name(qualname)
        return self._locals[qualname]

    def existing_name(self, qualname: str) -> str | None:
        """Return the name by which the module already imports `qualname` for good, or `None`."""
        for name, bindings in self.tables.module.bindings.items():
            if any(b.kind == "import" and b.target and self.absolute(b.target) == qualname for b in bindings):
                target, _ = self.binding_target(name, self.tables.module)
                shadowed = any(name in scope.bindings for scope in self.tables.scopes[1:])
                if target == qualname and not shadowed and not any(self.is_guarded(b.node) for b in bindings):
                    return name
        return None

    def _free_name(self, qualname: str) -> str | None:
        last = qualname.rsplit(".", 1)[-1]
        for candidate in (last, f"maestro_{last}", f"_maestro_{last}"):
            if re.search(rf"\b{re.escape(candidate)}\b".encode(), self.source.text) is None:
                return candidate
            if candidate == last and self._only_in_text(candidate):
                return candidate
        return None

    def _only_in_text(self, name: str) -> bool:
        """Return whether a name occurs in comments and strings only, or as an attribute, so that binding it collides with nothing."""
        if any(name in scope.bindings or name in scope.globals for scope in self.tables.scopes) or name in self.tables.uses:
            return False
        return not self.tables.stars

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts `text` in the place of a node."""
        start, end = self.source.span(node)
        return Edit(start, end, text)

    def change(self, *edits: Edit, at: ast.AST, reason: str, requires: Iterable[str] = (), safety: Safety = Safety.SAFE, sites: int = 1, contributes: Iterable[tuple[str, str]] = ()) -> Change:
        """Return one atomic change of the running recipe."""
        return Change(tuple(edits), getattr(at, "lineno", 1), self.recipe, reason, safety, tuple(requires), sites, tuple(contributes))

    def refuse(self, at: ast.AST, reason: str, action: str, *, level: str = "note") -> Finding:
        """Record that a site was left alone and why; the same site is named once per recipe."""
        line, column = getattr(at, "lineno", 1), getattr(at, "col_offset", 0)
        finding = Finding(self.path, line, self.recipe, reason, action, level)
        key = (self.recipe, line, column)
        if key not in self._refused:
            self._refused.add(key)
            self.findings.append(finding)
        return finding

    def provenance(self, expression: ast.AST, scope: Scope | None = None) -> str | None:
        """Return `f()` where a name or `self.name` is proven to hold the result of calling the qualified name `f`, else `None`."""
        from ._values import provenance

        return provenance(self, expression, scope)


def _attributes(node: ast.expr) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return names[::-1]


def _below(qualname: str, prefixes: tuple[str, ...]) -> bool:
    return any(qualname == prefix or qualname.startswith(prefix + ".") for prefix in prefixes)


def _inside(node: ast.AST, body: Iterable[ast.AST]) -> bool:
    line = getattr(node, "lineno", 0)
    return any(part.lineno <= line <= (part.end_lineno or part.lineno) and part is not node for part in body) or any(part is node for part in body)  # type: ignore[attr-defined]  # statements have lines


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING")


def _is_upper_test(test: ast.expr, target: ast.expr) -> bool:
    """Return whether a test is, or begins with, `k.isupper()` or `k == k.upper()` for the (first) loop variable `k`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_is_upper_test(each, target) for each in test.values)
    name = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
    if not isinstance(name, ast.Name):
        return False
    return ast.unparse(test) in {f"{name.id}.isupper()", f"{name.id} == {name.id}.upper()", f"{name.id}.upper() == {name.id}"}


def _reaches_names(use: Use) -> bool:
    assert use.call is not None
    if use.root.id == "exec":
        return len(use.call.args) < 2
    if use.root.id == "locals":
        return use.scope.kind == "module"
    return not use.call.args
