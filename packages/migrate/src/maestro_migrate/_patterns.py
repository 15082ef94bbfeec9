"""
Patterns written as code and matched by qualified name.

`logging.getLogger($*args)` matches whatever the file calls it. `$x` stands for one expression, `$*args` and `$**kwargs` for the rest of the
arguments; the same metavariable twice must match the same text. The head of a pattern (its first dotted name) is what is looked up.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ._semantics import Module, Site
from ._spans import Change, Edit, Safety
from .errors import MigrateError

__all__ = ["Match", "Pattern", "PatternError", "Rewrite", "rewrite"]

_META = re.compile(r"\$(\*{0,2})([A-Za-z_]\w*)")
_STARRED = re.compile(r"\*{0,2}__(one|many|pairs)_(\w+)__")


class PatternError(MigrateError):
    """A pattern or replacement cannot be read."""


@dataclass(frozen=True)
class Match:
    """Where a pattern matched: the site of its head, the whole expression, and what each metavariable stands for."""

    site: Site
    whole: ast.expr
    captures: Mapping[str, tuple[ast.AST, ...]]


@dataclass(frozen=True)
class Pattern:
    """One pattern, parsed; `head` is its qualified name."""

    text: str

    @cached_property
    def tree(self) -> ast.expr:
        """Return the pattern as an expression with metavariables as reserved names."""
        kinds = {"": "__one_{}__", "*": "*__many_{}__", "**": "**__pairs_{}__"}
        code = _META.sub(lambda match: kinds[match[1]].format(match[2]), self.text)
        try:
            return ast.parse(code, mode="eval").body
        except SyntaxError as error:
            raise PatternError(
                f"pattern `{self.text}` is not an expression ({error.msg}): write it as the code it should match"
            ) from error

    @cached_property
    def head(self) -> str:
        """Return the dotted name that the pattern is looked up by."""
        node = self._head_node
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        assert isinstance(node, ast.Name)
        return ".".join([node.id, *reversed(parts)])

    @cached_property
    def _head_node(self) -> ast.expr:
        best: ast.expr | None = None
        node: ast.AST = self.tree
        while best is None:
            if _is_dotted(node):
                best = node  # type: ignore[assignment]  # dotted names are expressions
            elif isinstance(node, ast.Call):
                node = node.func
            elif isinstance(node, ast.Attribute | ast.Subscript | ast.Await):
                node = node.value
            elif isinstance(node, ast.Compare):
                node = node.left
            else:
                raise PatternError(
                    f"pattern `{self.text}` does not begin with a dotted name: begin it with the name it is about"
                )
        return best

    @cached_property
    def _depth(self) -> int:
        """Return how many nodes lie between the head and the whole pattern."""
        depth, node = 0, self.tree
        while node is not self._head_node:
            node = node.left if isinstance(node, ast.Compare) else node.func if isinstance(node, ast.Call) else node.value  # type: ignore[attr-defined]  # the kinds that `_head_node` passes
            depth += 1
        return depth

    def matches(self, module: Module, *, action: str = "rewrite it by hand") -> Iterator[Match]:
        """Yield every match whose head may be rewritten; heads that may not become findings of the running recipe."""
        for site in module.sites(self.head, action=action):
            whole: ast.AST | None = site.node
            for step in range(self._depth):
                whole = (
                    site.call
                    if step == 0 and site.call is not None and whole is site.node
                    else module.parent(whole) if whole is not None else None
                )
            captures: dict[str, tuple[ast.AST, ...]] = {}
            if isinstance(whole, ast.expr) and _matches(self.tree, whole, self._head_node, site.node, captures, module):
                module.settled.add(id(site.root))
                yield Match(site, whole, captures)


def _is_dotted(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and not _STARRED.fullmatch(node.id)


def _matches(
    pattern: ast.AST,
    node: ast.AST,
    head: ast.AST,
    site: ast.AST,
    captures: dict[str, tuple[ast.AST, ...]],
    module: Module,
) -> bool:
    if pattern is head:
        return node is site
    if isinstance(pattern, ast.Name) and (meta := _STARRED.fullmatch(pattern.id)):
        return _capture(meta[2], (node,), captures, module)
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.Call):
        assert isinstance(node, ast.Call)
        return _matches(pattern.func, node.func, head, site, captures, module) and _match_arguments(
            pattern, node, head, site, captures, module
        )
    for name, wanted in ast.iter_fields(pattern):
        if name == "ctx":
            continue
        actual = getattr(node, name)
        if isinstance(wanted, ast.AST):
            if not isinstance(actual, ast.AST) or not _matches(wanted, actual, head, site, captures, module):
                return False
        elif isinstance(wanted, list):
            if len(wanted) != len(actual) or not all(
                _matches(w, a, head, site, captures, module) if isinstance(w, ast.AST) else w == a
                for w, a in zip(wanted, actual, strict=True)
            ):
                return False
        elif wanted != actual or type(wanted) is not type(actual):
            return False
    return True


def _match_arguments(
    pattern: ast.Call,
    node: ast.Call,
    head: ast.AST,
    site: ast.AST,
    captures: dict[str, tuple[ast.AST, ...]],
    module: Module,
) -> bool:
    wanted = list(pattern.args)
    rest = next(
        (
            i
            for i, arg in enumerate(wanted)
            if isinstance(arg, ast.Starred) and isinstance(arg.value, ast.Name) and _STARRED.fullmatch(arg.value.id)
        ),
        None,
    )
    keywords = list(node.keywords)
    if rest is None:
        if len(wanted) != len(node.args) or any(isinstance(arg, ast.Starred) for arg in node.args):
            return False
        pairs = list(zip(wanted, node.args, strict=True))
    else:
        if rest != len(wanted) - 1 or len(node.args) < rest:
            return False
        pairs = list(zip(wanted[:rest], node.args[:rest], strict=True))
        captured: tuple[ast.AST, ...] = tuple(node.args[rest:])
        if not any(k.arg is None for k in pattern.keywords):
            captured, keywords = (*captured, *keywords), []
        name = _STARRED.fullmatch(wanted[rest].value.id)[2]  # type: ignore[attr-defined,index]  # found by the same test above
        if not _capture(name, captured, captures, module):
            return False
    if not all(_matches(w, a, head, site, captures, module) for w, a in pairs):
        return False
    for keyword in pattern.keywords:
        if (
            keyword.arg is None
            and isinstance(keyword.value, ast.Name)
            and (meta := _STARRED.fullmatch(keyword.value.id))
        ):
            if not _capture(meta[2], tuple(keywords), captures, module):
                return False
            keywords = []
            continue
        actual = next((k for k in keywords if k.arg == keyword.arg), None)
        if actual is None or not _matches(keyword.value, actual.value, head, site, captures, module):
            return False
        keywords.remove(actual)
    return not keywords


def _capture(name: str, nodes: tuple[ast.AST, ...], captures: dict[str, tuple[ast.AST, ...]], module: Module) -> bool:
    if name in captures:
        return [module.source.slice(n) for n in captures[name]] == [module.source.slice(n) for n in nodes]
    captures[name] = nodes
    return True


@dataclass(frozen=True)
class Rewrite:
    """A pattern and what replaces it; `where` holds guards on captures, `reason` goes into the report."""

    pattern: Pattern
    to: str
    safety: Safety = Safety.SAFE
    reason: str = ""
    action: str = "rewrite it by hand"
    where: Mapping[str, Callable[[str], bool]] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """Return the qualified name that the replacement begins with."""
        match = re.match(r"(?:await\s+)?((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*)", self.to)
        if match is None:
            raise PatternError(
                f"replacement `{self.to}` does not begin with a qualified name: write where the new name is imported from"
            )
        return match[1]

    def edit(self, module: Module) -> Iterator[Change]:
        """Yield one change for every match in a module."""
        for match in self.pattern.matches(module, action=self.action):
            texts = {name: [module.source.slice(n) for n in nodes] for name, nodes in match.captures.items()}
            if not all(guard(", ".join(texts.get(name, []))) for name, guard in self.where.items()):
                module.refuse(
                    match.whole, "guard: the arguments are not of the kind that this recipe rewrites", self.action
                )
                continue
            local = module.local_name(self.target)
            if local is None:
                module.refuse(
                    match.whole,
                    f"name-taken: `{self.target.rsplit('.', 1)[-1]}` means something else in this file",
                    self.action,
                )
                continue
            edits = self._edits(module, match, local, texts)
            if isinstance(edits, str):
                module.refuse(match.whole, edits, self.action)
                continue
            reason = self.reason or f"`{self.pattern.text}` is `{self.to}`"
            yield module.change(*edits, at=match.whole, reason=reason, requires=[self.target], safety=self.safety)

    def _edits(self, module: Module, match: Match, local: str, texts: Mapping[str, list[str]]) -> list[Edit] | str:
        """Return the edits, or the reason why there are none."""
        replaced = match.site.node if self._keeps_arguments and isinstance(match.whole, ast.Call) else match.whole
        start, end = module.source.span(replaced)
        if replaced is match.site.node:
            return _renamed(module, match.site.node, local) or _COMMENTED
        if module.source.comments(start, end):
            return _COMMENTED
        if set("'\"\\\n") & set(_META.sub("", self.to)) and any(
            isinstance(outer, ast.JoinedStr) for outer in module.ancestors(match.whole)
        ):
            return "f-string: the new text has quotes, which would end the string around it"
        body = self.to.replace(self.target, local, 1)
        text = _META.sub(lambda meta: ", ".join(texts.get(meta[2], [])), body)
        text = re.sub(r",\s*(?=,)|(?<=\()\s*,\s*|,\s*(?=\))", "", text)
        return [Edit(start, end, text)]

    @cached_property
    def _keeps_arguments(self) -> bool:
        return (
            self.pattern.text.partition("(")[2] == self.to.partition("(")[2]
            and self.pattern.text.startswith(self.pattern.head + "(")
            and self.to.startswith(self.target + "(")
        )


_COMMENTED = "comment: a comment stands in what would be replaced"
_BETWEEN = r"(?:[ \t\f\r\n]|\\\r?\n|#[^\r\n]*)*"


def _renamed(module: Module, chain: ast.expr, local: str) -> list[Edit]:
    """Return the edits that put a name in the place of a dotted one, around the comments in it; none where that cannot be done."""
    start, end = module.source.span(chain)
    if not module.source.comments(start, end):
        return [Edit(start, end, local)]
    edits: list[Edit] = []
    while isinstance(chain, ast.Attribute):
        low, high = module.source.span(chain.value)[1], module.source.span(chain)[1]
        gap = re.fullmatch(rf"{_BETWEEN}(\.){_BETWEEN}({re.escape(chain.attr)})", module.source.text[low:high].decode())
        if gap is None:
            return []
        before = len(gap.string[: gap.start(1)].encode())
        edits += [Edit(low + before, low + before + 1, ""), Edit(high - len(gap[2].encode()), high, "")]
        chain = chain.value
    return [Edit(*module.source.span(chain), local), *edits]


def rewrite(
    pattern: str,
    *,
    to: str,
    safety: Safety = Safety.SAFE,
    reason: str = "",
    action: str = "rewrite it by hand",
    where: Mapping[str, Callable[[str], bool]] | None = None,
) -> Rewrite:
    """
    Return the rewrite of a pattern, for a recipe's module level.

    Raises:
        PatternError: the pattern is not an expression or does not begin with a dotted name.
    """
    parsed = Pattern(pattern)
    _ = parsed.head
    return Rewrite(parsed, to, safety, reason, action, dict(where or {}))
