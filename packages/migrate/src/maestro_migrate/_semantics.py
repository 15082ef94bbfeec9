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
from typing import TypeVar, cast

from ._binder import Binding, Scope, Tables, Use, bind, lookup
from ._hidden import hidden_uses
from ._project import Project, module_names
from ._reflection import reflection
from ._site import Site, only_names_type
from ._source import Source, parse
from ._spans import Change, Edit, Finding, Safety
from ._tree import Parents, attribute_names, nodes_by_kind

__all__ = ["Module", "Site"]

_Node = TypeVar("_Node", bound=ast.AST)
_DEBUG = re.compile(rb"=\s*[}!:]")
_LETTER = re.compile(rb"[\w\x80-\xff]")
_CLOSES = re.compile(rb"(?:\s|#[^\r\n]*|\\\r?\n)*\)")
_COMMENT_AFTER = re.compile(rb"(,?)([ \t]*#[^\r\n]*)")


@dataclass(frozen=True, slots=True)
class _Found:
    """A use of a name that an import may have bound: `site` where that is proven, otherwise the bindings that stand against it."""

    qualname: str
    use: Use
    site: "Site | None"
    bindings: tuple[Binding, ...] = ()


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
        self.settled: set[int] = set()  # ids of the root names that some pattern of the running recipe covers
        self.plumbing: tuple[str, ...] = ()  # every name that the running recipes may rewrite
        self._locals: dict[str, str | None] = {}
        self._targets: dict[tuple[str, int], tuple[str | None, list[Binding]]] = {}
        self._found: dict[str, list[_Found]] = {}
        self._refused: set[tuple[str, int, int]] = set()

    # What names mean -------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Return the dotted name by which the project imports this module, as far as its index shows."""
        return self.project.import_name(self.path)

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
        key = (name, id(owner))
        known = self._targets.get(key)
        if known is None:
            bindings = owner.bindings[name]
            known = self._targets[key] = (self._single_target(name, owner, bindings), bindings)
        return known

    def _single_target(self, name: str, owner: Scope, bindings: list[Binding]) -> str | None:
        if bindings[0].kind != "import" or len({binding.target for binding in bindings}) != 1:
            return None
        if all(self.is_typing_only(binding.node) for binding in bindings):
            return None
        if owner is self.tables.module and self._star_after(name, bindings):
            return None
        target = self.project.canonical(self.absolute(str(bindings[0].target)))
        return None if self.project.hides(self.path, target) else target

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
        return any(_inside(node, block.body) for block in self._typing_blocks)

    @cached_property
    def _typing_blocks(self) -> list[ast.If]:
        return [block for block in self.tables.blocks if isinstance(block, ast.If) and _is_type_checking(block.test)]

    def _star_after(self, name: str, bindings: list[Binding]) -> bool:
        last = max(getattr(binding.node, "lineno", 0) for binding in bindings)
        for star, _scope in self.tables.stars:
            source = self.absolute("." * star.level + (star.module or ""))
            if star.lineno > last and not self.project.star_is_harmless(
                source, name, self.absolute(str(bindings[0].target))
            ):
                return True
        return False

    @cached_property
    def is_reflective(self) -> str | None:
        """Return how the module looks at its own names (`globals()`, `sys.modules[__name__]`), `None` when it does not."""
        return reflection(self)

    @cached_property
    def _parents(self) -> Parents:
        return Parents(self.tree)

    def nodes(self, kind: type[_Node]) -> list[_Node]:
        """Return every node of exactly this type in the order of `ast.walk`; the tree is walked once for all types."""
        return cast("list[_Node]", self._nodes.get(kind, []))

    @cached_property
    def _nodes(self) -> dict[type[ast.AST], list[ast.AST]]:
        return nodes_by_kind(self.tree)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the parent of a node."""
        return self._parents.of(node)

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
        yield from (found.site for found in self._candidates(prefixes) if found.site is not None)

    def sites(self, *qualnames: str, action: str = "rewrite it by hand") -> Iterator[Site]:
        """
        Yield, in source order, the uses of exactly these qualified names that may be rewritten.

        A use that may not becomes a finding: its name has rival bindings, tests patch it, the module looks at its own names.
        """
        exact = frozenset(qualnames)
        for found in self._candidates(exact):
            if found.qualname not in exact:
                continue
            reason = self._doubt(found) if found.site is None else self.obstacle(found.site)
            if found.site is not None and reason is None:
                yield found.site
            else:
                self.refuse(found.site.whole if found.site else found.use.root, str(reason), action)
        for node, reason in hidden_uses(self, exact):
            self.refuse(node, reason, action)

    def mentions(self, qualnames: Iterable[str]) -> bool:
        """Return whether the file may use one of these names in any way, provable or hidden."""
        exact = frozenset(qualnames)
        return (
            any(found.qualname in exact for found in self._candidates(exact))
            or next(hidden_uses(self, exact), None) is not None
        )

    def count(self, qualnames: Iterable[str]) -> int:
        """
        Return how many plumbing sites of exactly these names the file has, whether or not they may be rewritten.

        Types are none, and of the environment only readings of one variable are: a write or a copy of it replaces no plumbing.
        """
        exact = frozenset(qualnames)
        return sum(1 for found in self._candidates(exact) if found.qualname in exact and self._is_site(found))

    def _is_site(self, found: "_Found") -> bool:
        if found.use.call is not None:
            return True
        node: ast.AST = found.use.outer
        if found.qualname == "os.environ":
            parent = self.parent(node)
            if isinstance(parent, ast.Compare):
                return isinstance(parent.ops[-1], ast.In | ast.NotIn) and parent.comparators[-1] is node
            return isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Load)
        return not only_names_type(self, node)

    def _doubt(self, found: _Found) -> str:
        """Return why a use is not proven to be what it looks like."""
        name = found.use.root.id
        shadow = self.project.hides(self.path, found.qualname)
        if shadow:
            return f"own-module: {shadow} may be what `import {found.qualname.split('.')[0]}` finds"
        if not found.bindings:
            return f"star-import: `{name}` comes through `import *`, which may bring anything"
        lines = ", ".join(map(str, sorted({getattr(binding.node, "lineno", 0) for binding in found.bindings})))
        if len({binding.target for binding in found.bindings}) == 1 and found.bindings[0].kind == "import":
            return f"star-import: an `import *` after line {lines} may bind `{name}` to something else"
        return f"ambiguous-binding: `{name}` is bound on lines {lines}, not all to the same import"

    def obstacle(self, site: Site) -> str | None:
        """Return why a proven use must stay as it is, or `None` when nothing holds it."""
        target = str(self.absolute(str(self.binding_target(site.root.id, site.scope)[1][0].target)))
        raw = ".".join([target, *attribute_names(site.node)])
        # A copied name (`from os import environ`) does not see what is put into its module.
        through = () if "." in target else site.looked_up_again
        patched = self.project.patched(self.names, site.root.id, raw, site.qualname, through=through)
        if patched:
            return f"patched-by-tests: {patched}"
        if self.is_reflective:
            return f"reflective-module: it reads its own names with {self.is_reflective}"
        listed = self.project.lists_names_of(self.path)
        if listed:
            return f"names-listed: {listed} lists the names of this module, and would see one more"
        if self._in_debug_fstring(site.node):
            return 'f-string-equals: `f"{x=}"` prints its own source text'
        start, end = self.source.span(site.root)
        if self.source.text[start:end] != site.root.id.encode():
            return "unusual-letters: the name is written with other characters than the ones it is known by"
        return None

    @cached_property
    def names_by_root(self) -> dict[str, dict[str, set[str]]]:
        """Return, by the first part of what they are imported from, the used names and their possible targets."""
        found: dict[str, dict[str, set[str]]] = {}
        used = self.tables.uses.keys()
        for scope in self.tables.scopes:
            for name in used & scope.bindings.keys():
                for binding in scope.bindings[name]:
                    if binding.target:
                        target = self.project.canonical(self.absolute(binding.target))
                        found.setdefault(target.split(".")[0], {}).setdefault(name, set()).add(target)
        return found

    def _candidates(self, prefixes: Iterable[str]) -> list[_Found]:
        """Return, in source order, the uses that are or may be one of the prefixes or lie below one."""
        wanted = tuple(prefixes)
        found: list[_Found] = []
        for root in {prefix.split(".")[0] for prefix in wanted}:
            if root not in self._found:
                self._found[root] = [*self._imported(root), *self._through_stars(root)]
            found += [each for each in self._found[root] if _below(each.qualname, wanted)]
        found.sort(key=lambda each: (each.use.root.lineno, each.use.root.col_offset))
        return found

    def _imported(self, root: str) -> Iterator[_Found]:
        for name, possible in self.names_by_root.get(root, {}).items():
            yield from self._uses_of(name, possible)
        if root not in self.project.first_party:
            yield from (found for found in self._through_project if found.qualname.partition(".")[0] == root)

    @cached_property
    def _through_project(self) -> list[_Found]:
        """Return the uses that go through modules of the project, which may hand on what they import."""
        roots = self.names_by_root.keys() & self.project.first_party
        return [
            found
            for root in sorted(roots)
            for name, possible in self.names_by_root[root].items()
            for found in self._uses_of(name, possible)
        ]

    def _uses_of(self, name: str, possible: set[str]) -> Iterator[_Found]:
        for use in self.tables.uses[name]:
            target, bindings = self.binding_target(name, use.scope)
            chain = attribute_names(use.outer)
            if target is not None:
                if target in possible:
                    qualname = self.project.canonical(".".join([target, *chain]))
                    yield _Found(qualname, use, Site(qualname, use.outer, use.call, use.root, use.scope))
                continue
            rivals = self._rivals(name, use.scope, bindings)
            if all(self.is_typing_only(binding.node) for binding in rivals if binding.target):
                continue
            own = {self.project.canonical(self.absolute(binding.target)) for binding in rivals if binding.target}
            for candidate in sorted(own & possible):
                yield _Found(self.project.canonical(".".join([candidate, *chain])), use, None, tuple(rivals))

    def _rivals(self, name: str, scope: Scope, bindings: list[Binding]) -> list[Binding]:
        """Return the bindings that a use may see: a class body falls through to the names around it."""
        if scope.kind == "class" and name in scope.bindings and scope.parent is not None:
            outer = lookup(name, scope.parent)
            return [*bindings, *(outer.bindings[name] if outer else ())]
        return bindings

    def _through_stars(self, root: str) -> Iterator[_Found]:
        for star, _scope in self.tables.stars:
            source = self.absolute("." * star.level + (star.module or ""))
            if source.split(".")[0] != root and self.project.path_of(source) is None:
                continue
            for name, uses in self.tables.uses.items():
                for use in uses:
                    if lookup(name, use.scope) is None:
                        qualname = self.project.canonical(".".join([source, name, *attribute_names(use.outer)]))
                        if qualname.split(".")[0] == root:
                            yield _Found(qualname, use, None)

    def _in_debug_fstring(self, node: ast.AST) -> bool:
        if not self._has_debug_fstrings:
            return False
        for outer in self.ancestors(node):
            if isinstance(outer, ast.FormattedValue):
                _, end = self.source.span(outer.value)
                if self.source.text[end:].lstrip(b" \t\f\r\n)").startswith(b"="):
                    return True
        return False

    @cached_property
    def _has_debug_fstrings(self) -> bool:
        return _DEBUG.search(self.source.text) is not None

    # What recipes hand back -------------------------------------------------------------------------------------------

    def local_name(self, qualname: str) -> str | None:
        """Return the name by which the file can use `qualname`: one it already imports, else a free one, else `None`."""
        if qualname not in self._locals:
            self._locals[qualname] = self.existing_name(qualname) or self._free_name(qualname)
        return self._locals[qualname]

    def existing_name(self, qualname: str) -> str | None:
        """Return the name by which the module imports `qualname` for good and before it could be needed, or `None`."""
        for name, bindings in self.tables.module.bindings.items():
            if any(b.kind == "import" and b.target and self.absolute(b.target) == qualname for b in bindings):
                target, _ = self.binding_target(name, self.tables.module)
                shadowed = any(name in scope.bindings for scope in self.tables.scopes[1:])
                if target == qualname and not shadowed and any(self._is_early(b.node) for b in bindings):
                    return name
        return None

    def _is_early(self, node: ast.AST) -> bool:
        """Return whether a top-level statement always runs, and before anything that is rewritten."""
        return (
            isinstance(node, ast.stmt)
            and (node.end_lineno or node.lineno) < self._first_site
            and any(node is each for each in self.tree.body)
        )

    @cached_property
    def _first_site(self) -> float:
        return min((found.use.root.lineno for found in self._candidates(self.plumbing)), default=float("inf"))

    def _free_name(self, qualname: str) -> str | None:
        last = qualname.rsplit(".", 1)[-1]
        shared = bool(self.tables.stars) or (b"__all__" not in self.source.text and self.project.is_starred(self.path))
        for candidate in (last, f"maestro_{last}", f"_maestro_{last}"):
            if shared and not candidate.startswith("_"):
                continue  # `import *` carries names without an underscore into and out of the module
            if self.project.is_asked_for(self.path, candidate) or qualname.startswith(f"{self.name}.{candidate}."):
                continue  # another file would find the name here, or the submodule of that name would take it
            if re.search(rf"\b{re.escape(candidate)}\b".encode(), self.source.text) is None:
                return candidate
            if candidate == last and self._only_in_text(candidate):
                return candidate
        return None

    def _only_in_text(self, name: str) -> bool:
        """Return whether a name occurs in comments and strings only, or as an attribute, so that binding it collides with nothing."""
        if (
            any(name in scope.bindings or name in scope.globals for scope in self.tables.scopes)
            or name in self.tables.uses
        ):
            return False
        return not self.tables.stars

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts `text` in the place of a node, kept apart from letters that touch it (`return(f()).x`)."""
        start, end = self.source.span(node)
        before, after = self.source.text[max(start - 1, 0) : start], self.source.text[end : end + 1]
        left = " " if _LETTER.match(before) and _LETTER.match(text[:1].encode()) else ""
        right = " " if _LETTER.match(after) and _LETTER.match(text[-1:].encode()) else ""
        return Edit(start, end, f"{left}{text}{right}")

    def append_arguments(self, call: ast.Call, *added: str) -> Edit:
        """Return the edit that adds arguments after a call's last one, each on a line of its own where the others have one."""
        arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        if not arguments:
            end = self.source.span(call)[1] - 1
            return Edit(end, end, ", ".join(added))
        last = max(arguments, key=self.source.span)
        start, end = self.source.span(last)
        closing = self.source.span(call)[1] - 1
        if end > closing:  # a lone generator, whose brackets are the call's
            return Edit(start, end, f"({', '.join([self.source.slice(last), *added])})")
        while (bracket := _CLOSES.match(self.source.text, end)) and bracket.end() <= closing:
            end = bracket.end()  # of an argument in brackets of its own
        indent = self.source.text[self.source.line_bounds(last.lineno)[0] : start]
        if indent.strip() or not indent:
            return Edit(end, end, "".join(f", {each}" for each in added))
        line = f"{self.source.newline}{indent.decode()}"
        noted = _COMMENT_AFTER.match(self.source.text, end)
        if noted is None:
            return Edit(end, end, "".join(f",{line}{each}" for each in added))
        comma, comment = (part.decode() for part in noted.groups())  # which is about the argument that it stands beside
        return Edit(end, noted.end(), f",{comment}{line}{f',{line}'.join(added)}{comma}")

    def change(
        self,
        *edits: Edit,
        at: ast.AST,
        reason: str,
        requires: Iterable[str] = (),
        safety: Safety = Safety.SAFE,
        sites: int = 1,
        contributes: Iterable[tuple[str, str]] = (),
        dead: Iterable[tuple[int, int]] = (),
    ) -> Change:
        """Return one atomic change of the running recipe."""
        return Change(
            tuple(edits),
            getattr(at, "lineno", 1),
            self.recipe,
            reason,
            safety,
            tuple(requires),
            sites,
            tuple(contributes),
            tuple(dead),
        )

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


def _below(qualname: str, prefixes: tuple[str, ...]) -> bool:
    return any(qualname == prefix or qualname.startswith(prefix + ".") for prefix in prefixes)


def _inside(node: ast.AST, body: Iterable[ast.AST]) -> bool:
    line = getattr(node, "lineno", 0)
    return any(part.lineno <= line <= (part.end_lineno or part.lineno) and part is not node for part in body) or any(part is node for part in body)  # type: ignore[attr-defined]  # statements have lines


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
