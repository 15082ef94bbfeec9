"""
One walk over a tree that records scopes, what binds each name, and where each name is used.

Rules that engines get wrong and this one keeps: defaults, decorators, annotations and the first iterable of a comprehension belong
to the enclosing scope; a class body is not visible from its methods; `global` and `nonlocal` redirect a binding; `except … as`,
`with … as`, `for`, `match`, walrus, `import` and `del` all bind. The walk keeps its own stack, since a chain of 3,000 `+` ends
Python's.
"""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Binding", "Scope", "Tables", "Use", "bind", "lookup"]


class Binding(NamedTuple):
    """
    One thing that gives a name its value.

    `target` is the dotted name for an import (relative ones begin with their dots); `value` is the assigned expression of a
    plain `name = value`, the statement of a definition, and `None` otherwise.
    """

    kind: str  # import, assign, def, class, param, del, or other
    node: ast.AST
    target: str | None = None
    value: ast.AST | None = None


class Use(NamedTuple):
    """A name that is read, with the attribute chain that hangs on it: `outer` is the whole chain, `call` the call of it."""

    root: ast.Name
    outer: ast.expr
    call: ast.Call | None
    scope: "Scope"


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function, lambda or comprehension and the names bound in it."""

    kind: str
    node: ast.AST
    parent: "Scope | None"
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Tables:
    """What the walk found: scopes (the module's first), uses by name, import statements, star imports and guarded blocks."""

    module: Scope
    scopes: list[Scope]
    uses: dict[str, list[Use]]
    imports: list[tuple[ast.Import | ast.ImportFrom, Scope]]
    stars: list[tuple[ast.ImportFrom, Scope]]
    blocks: list[ast.If | ast.Try]


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEAVES = frozenset(
    {type(None), ast.Constant, ast.Pass, ast.Break, ast.Continue, ast.Load, ast.Store, ast.Del, ast.alias}
)
_TRIES: tuple[type, ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(
        name
        for name in kind._fields
        if name not in {"ctx", "op", "ops", "type_comment", "lineno", "id", "attr", "arg", "name", "names", "kwd_attrs"}
    )
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
_FIELDS[ast.ExceptHandler] = ("type", "body")
_FIELDS[ast.MatchAs] = ("pattern",)


def bind(tree: ast.Module) -> Tables:
    """Walk a module once and return its tables."""
    module = Scope("module", tree, None)
    tables = Tables(module, [module], {}, [], [], [])
    pending: list[tuple[Scope, list[ast.AST]]] = [(module, list(tree.body))]
    while pending:
        scope, nodes = pending.pop()
        _walk(scope, nodes, tables, pending)
    for scope in tables.scopes[1:]:  # `global` at the module's own level says nothing
        if scope.globals or scope.nonlocals:
            _redirect(scope, module)
    return tables


def lookup(name: str, scope: Scope) -> Scope | None:
    """Return the scope whose binding a use of `name` in `scope` sees, or `None` for a builtin or a star import."""
    current: Scope | None = scope
    module = scope
    while module.parent is not None:
        module = module.parent
    if name in scope.globals:
        return module if name in module.bindings else None
    if name in scope.nonlocals:
        current = scope.parent
    first = current is scope
    while current is not None:
        if name in current.globals:
            return module if name in module.bindings else None
        if name in current.bindings and name not in current.nonlocals and (first or current.kind != "class"):
            return current
        first = False
        current = current.parent
    return None


def _walk(scope: Scope, stack: list[ast.AST], tables: Tables, pending: list[tuple[Scope, list[ast.AST]]]) -> None:
    uses = tables.uses
    pop, push, extend = stack.pop, stack.append, stack.extend
    fields, leaves = _FIELDS, _LEAVES
    while stack:
        node = pop()
        kind = type(node)
        if kind in leaves:
            continue
        if kind is ast.Name:
            if type(node.ctx) is ast.Load:  # type: ignore[attr-defined]  # narrowed by `kind`
                uses.setdefault(node.id, []).append(Use(node, node, None, scope))  # type: ignore[attr-defined,arg-type]  # as above
            else:
                _bind_name(scope, node)  # type: ignore[arg-type]  # as above
        elif kind is ast.Attribute:
            _use_chain(node, None, scope, uses, stack)  # type: ignore[arg-type]  # as above
        elif kind is ast.Call:
            _use_chain(node.func, node, scope, uses, stack)  # type: ignore[attr-defined,arg-type]  # as above
            extend(node.args)  # type: ignore[attr-defined]  # as above
            for keyword in node.keywords:  # type: ignore[attr-defined]  # as above
                push(keyword.value)
        else:
            special = _SPECIAL.get(kind)
            if special is not None and special(node, scope, tables, pending, stack):
                continue
            for name in fields[kind]:
                value = getattr(node, name, None)
                if value.__class__ is list:
                    extend(value)
                elif value is not None and isinstance(value, ast.AST):
                    push(value)


def _use_chain(
    outer: ast.expr, call: ast.Call | None, scope: Scope, uses: dict[str, list[Use]], stack: list[ast.AST]
) -> None:
    root: ast.expr = outer
    while type(root) is ast.Attribute:
        root = root.value
    if type(root) is ast.Name:
        uses.setdefault(root.id, []).append(Use(root, outer, call, scope))
    else:
        stack.append(root)


def _bind_name(scope: Scope, node: ast.Name) -> None:
    target = scope
    kind = "del" if type(node.ctx) is ast.Del else "other"
    target.bindings.setdefault(node.id, []).append(Binding(kind, node))


def _add(scope: Scope, name: str, binding: Binding) -> None:
    scope.bindings.setdefault(name, []).append(binding)


def _assign(node: ast.AST, scope: Scope, _tables: Tables, _pending: object, stack: list[ast.AST]) -> bool:
    if isinstance(node, ast.Assign):
        plain = len(node.targets) == 1 and type(node.targets[0]) is ast.Name
        if plain:
            _add(scope, node.targets[0].id, Binding("assign", node, None, node.value))  # type: ignore[attr-defined]  # narrowed by `plain`
            stack.append(node.value)
        return plain
    assert isinstance(node, ast.AnnAssign)
    if type(node.target) is not ast.Name or not node.simple:
        return False
    stack.append(node.annotation)
    if node.value is None:
        if scope.kind == "function":
            _add(scope, node.target.id, Binding("other", node))  # declared here, so it is local to the whole function
        return True
    _add(scope, node.target.id, Binding("assign", node, None, node.value))
    stack.append(node.value)
    return True


def _import(node: ast.AST, scope: Scope, tables: Tables, _pending: object, _stack: object) -> bool:
    if isinstance(node, ast.Import):
        tables.imports.append((node, scope))
        for alias in node.names:
            if alias.asname:
                _add(scope, alias.asname, Binding("import", node, alias.name))
            else:
                root = alias.name.partition(".")[0]
                _add(scope, root, Binding("import", node, root))
        return True
    assert isinstance(node, ast.ImportFrom)
    tables.imports.append((node, scope))
    prefix = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            tables.stars.append((node, scope))
            continue
        joiner = "" if prefix.endswith(".") or not prefix else "."
        _add(scope, alias.asname or alias.name, Binding("import", node, f"{prefix}{joiner}{alias.name}"))
    return True


def _function(
    node: ast.AST, scope: Scope, tables: Tables, pending: list[tuple[Scope, list[ast.AST]]], stack: list[ast.AST]
) -> bool:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    body: list[ast.AST]
    if isinstance(node, ast.Lambda):
        kind, body = "lambda", [node.body]
    else:
        kind, body = "function", list(node.body)
        _add(scope, node.name, Binding("def", node, None, node))
        stack.extend(node.decorator_list)
        if node.returns is not None:
            stack.append(node.returns)
    scope_of_annotations = _type_parameters(node, scope, tables, pending)
    inner = Scope(kind, node, scope_of_annotations)
    tables.scopes.append(inner)
    arguments = node.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if argument is not None:
            _add(inner, argument.arg, Binding("param", argument))
            if argument.annotation is not None:
                stack.append(argument.annotation)
    stack.extend(arguments.defaults)
    stack.extend(default for default in arguments.kw_defaults if default is not None)
    pending.append((inner, body))
    return True


def _class(
    node: ast.AST, scope: Scope, tables: Tables, pending: list[tuple[Scope, list[ast.AST]]], stack: list[ast.AST]
) -> bool:
    assert isinstance(node, ast.ClassDef)
    _add(scope, node.name, Binding("class", node, None, node))
    stack.extend(node.decorator_list)
    stack.extend(node.bases)
    stack.extend(keyword.value for keyword in node.keywords)
    inner = Scope("class", node, _type_parameters(node, scope, tables, pending))
    tables.scopes.append(inner)
    pending.append((inner, list(node.body)))
    return True


def _type_parameters(node: ast.AST, scope: Scope, tables: Tables, pending: list[tuple[Scope, list[ast.AST]]]) -> Scope:
    """Return the scope that PEP 695 parameters add between a definition and its surroundings, or the surroundings."""
    parameters: Iterable[ast.AST] = getattr(node, "type_params", ())
    if not parameters:
        return scope
    middle = Scope("function", node, scope)
    tables.scopes.append(middle)
    for parameter in parameters:
        _add(middle, parameter.name, Binding("other", parameter))  # type: ignore[attr-defined]  # every type parameter has a name
        bound = getattr(parameter, "bound", None)
        if bound is not None:
            pending.append((middle, [bound]))
    return middle


def _comprehension(
    node: ast.AST, scope: Scope, tables: Tables, pending: list[tuple[Scope, list[ast.AST]]], stack: list[ast.AST]
) -> bool:
    assert isinstance(node, _COMPREHENSIONS)
    inner = Scope("comprehension", node, scope)
    tables.scopes.append(inner)
    body: list[ast.AST] = []
    for position, generator in enumerate(node.generators):
        (stack if position == 0 else body).append(generator.iter)
        body.append(generator.target)
        body.extend(generator.ifs)
    body.extend([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
    pending.append((inner, body))
    return True


def _walrus(node: ast.AST, scope: Scope, _tables: Tables, _pending: object, stack: list[ast.AST]) -> bool:
    assert isinstance(node, ast.NamedExpr)
    target = scope
    while target.kind == "comprehension" and target.parent is not None:
        target = target.parent
    _add(target, node.target.id, Binding("other", node))
    stack.append(node.value)
    return True


def _declared(node: ast.AST, scope: Scope, *_rest: object) -> bool:
    assert isinstance(node, ast.Global | ast.Nonlocal)
    (scope.globals if isinstance(node, ast.Global) else scope.nonlocals).update(node.names)
    return True


def _named(node: ast.AST, scope: Scope, *_rest: object) -> bool:
    """Bind the name of `except … as name`, `case … as name`, `*name` and `**rest`; the children are walked as usual."""
    name = getattr(node, "name", None) or getattr(node, "rest", None)
    if isinstance(name, str):
        _add(scope, name, Binding("other", node))
    return False


def _block(node: ast.AST, _scope: Scope, tables: Tables, *_rest: object) -> bool:
    tables.blocks.append(node)  # type: ignore[arg-type]  # registered for If and Try only
    return False


def _type_alias(node: ast.AST, scope: Scope, *_rest: object) -> bool:
    _add(scope, node.name.id, Binding("other", node))  # type: ignore[attr-defined]  # registered for TypeAlias only
    return False


_Handler = Callable[[ast.AST, Scope, Tables, list[tuple[Scope, list[ast.AST]]], list[ast.AST]], bool]
_SPECIAL: dict[type, _Handler] = {
    ast.Assign: _assign,
    ast.AnnAssign: _assign,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.Lambda: _function,
    ast.ClassDef: _class,
    ast.NamedExpr: _walrus,
    ast.Global: _declared,
    ast.Nonlocal: _declared,
    ast.ExceptHandler: _named,
    ast.MatchAs: _named,
    ast.MatchStar: _named,
    ast.MatchMapping: _named,
    ast.If: _block,
    **dict.fromkeys(_COMPREHENSIONS, _comprehension),
    **dict.fromkeys(_TRIES, _block),
}
if hasattr(ast, "TypeAlias"):
    _SPECIAL[ast.TypeAlias] = _type_alias


def _redirect(scope: Scope, module: Scope) -> None:
    for name in scope.globals & scope.bindings.keys():
        module.bindings.setdefault(name, []).extend(
            binding._replace(kind="other" if binding.kind == "assign" else binding.kind)
            for binding in scope.bindings.pop(name)
        )
    for name in scope.nonlocals & scope.bindings.keys():
        moved = scope.bindings.pop(name)
        owner = scope.parent
        while owner is not None and (owner.kind == "class" or name not in owner.bindings):
            owner = owner.parent
        if owner is not None:
            owner.bindings[name].extend(binding._replace(kind="other") for binding in moved)
