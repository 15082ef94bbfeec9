"""
Replace middleware of one's own where it is proven to do what the library does.

A `BaseHTTPMiddleware` whose `dispatch` does nothing but find or make a request id, set response headers, or say how long an answer took
becomes the library's class for that, told exactly the same header, context variable, format and so on. It keeps its name and its place:
the order in which middleware is added, and the conditions under which, are behaviour.

```py before
import uuid

from starlette.middleware.base import BaseHTTPMiddleware


class Correlation(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        correlation_id = request.headers.get("X-Correlation-ID") or str(uuid.uuid4())
        request.state.correlation_id = correlation_id
        response = await call_next(request)
        response.headers["X-Correlation-ID"] = correlation_id
        return response
```

```py after
import uuid

from maestro_core_api import RequestId


class Correlation(RequestId):
    header = "X-Correlation-ID"
    state = "correlation_id"

    def new(self) -> str:
        return str(uuid.uuid4())
```

Whatever does anything else stays as it is, and is a finding that names the statement:

```py unchanged finding=own-middleware
from starlette.middleware.base import BaseHTTPMiddleware


class Audit(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        await store(request.url.path, response.status_code)
        return response
```

```py unchanged
from middleware import BaseHTTPMiddleware


class Timing(BaseHTTPMiddleware):
    pass
```
"""

import ast
import re
from collections.abc import Iterable, Iterator

from maestro_migrate import Change, Edit, Module, Site
from maestro_migrate._project import is_test_path

from ._advice import advice
from ._dispatch import NotProven, Reading, read_dispatch
from ._told import TARGETS, class_body, registration

ID = "api/replace_own_middleware"
WORDS = ("BaseHTTPMiddleware", ".middleware(", "ContextVar", "async def __call__")
EDIT_WORDS = ("BaseHTTPMiddleware", "def dispatch", ".middleware(", "async def __call__")
SITES = ("starlette.middleware.base.BaseHTTPMiddleware", "fastapi.middleware.base.BaseHTTPMiddleware")
NEEDS = ("maestro-core-api",)
APPS = frozenset(f"{name}()" for name in ("fastapi.FastAPI", "fastapi.applications.FastAPI", "starlette.applications.Starlette", "maestro_core_api.MaestroAPI"))  # fmt: skip
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_DISPATCH = re.compile(rb"\bdispatch\b")
_WITHOUT_BASE = (b".middleware(", b"async def __call__")
_ACTION = "remove it once the library's request ids, access events, headers and metrics replace it"


def scan(module: Module) -> dict[str, list[str]]:
    """Return what the module's middleware is named, which classes it derives from, and whether it may have others, asks for the base class or has a `dispatch` of another kind."""
    found: dict[str, list[str]] = {"retires": _own(module), "derives": _derived(module)}
    if any(word in module.source.text for word in _WITHOUT_BASE):
        found["others"] = ["perhaps"]
    if _DISPATCH.search(module.source.text) and _has_rival(module):
        found["dispatch"] = ["named"]
    if b"subclass" in module.source.text or b"isinstance" in module.source.text:
        found["asks"] = ["here"] if any(_is_asked_for(module, s.node) for s in module.references(*SITES)) else []
    return {name: value for name, value in found.items() if value}


def _own(module: Module) -> list[str]:
    """Return the names of the module's classes and functions that may be replaced."""
    owners = (module.parent(site.node) for site in module.references(*SITES))
    names = {owner.name for owner in owners if isinstance(owner, ast.ClassDef)}
    return sorted(names | {function.name for function in _functions(module)})


def _derived(module: Module) -> list[str]:
    """Return which classes those of a file derive from that say something of their own."""
    nodes = (scope.node for scope in module.tables.scopes)
    classes = (node for node in nodes if isinstance(node, ast.ClassDef) and _adds(node))
    bases = {module.resolve(base) for node in classes for base in node.bases}
    return sorted(base for base in bases if base is not None)


def _is_asked_for(module: Module, base: ast.AST) -> bool:
    """Return whether the base class is what `issubclass`, `isinstance` or `__subclasses__` is asked about, which a class of the library's is none of."""
    for outer in module.ancestors(base):
        if (
            isinstance(outer, ast.Call)
            and isinstance(outer.func, ast.Name)
            and outer.func.id in {"issubclass", "isinstance"}
        ):
            return True
        if isinstance(outer, ast.Attribute) and outer.attr == "__subclasses__":
            return True
        if isinstance(outer, ast.stmt):
            break
    return isinstance(base, ast.Attribute) and base.attr == "__subclasses__"


def _has_rival(module: Module) -> bool:
    """Return whether something is named `dispatch` that is no method of a middleware."""
    return (
        any(node.attr == "dispatch" for node in module.nodes(ast.Attribute))
        or any(node.arg == "dispatch" for node in module.nodes(ast.keyword))
        or any(node.value == "dispatch" for node in module.nodes(ast.Constant))
        or any(_defines_rival(module, node) for node in module.nodes(ast.ClassDef))
    )


def _defines_rival(module: Module, node: ast.ClassDef) -> bool:
    return any(getattr(each, "name", "") == "dispatch" for each in node.body) and not any(
        module.resolve(base) in SITES for base in node.bases
    )


def edit(module: Module) -> Iterator[Change]:
    """Yield one change for every middleware that is proven; the others become findings that say what stands against it."""
    for site in module.sites(*SITES, action=_ACTION):
        owner = module.parent(site.node)
        if isinstance(owner, ast.ClassDef) and site.node in owner.bases:
            yield from _replaced_class(module, owner, site)
        elif site.call is not None or not isinstance(owner, ast.arg | ast.AnnAssign):
            module.refuse(site.node, "own-middleware: it is built from a function that is not known here", _ACTION)
    for function in _functions(module):
        yield from _replaced_function(module, function)
    if b"async def __call__" in module.source.text:
        _name_asgi_classes(module)


def _functions(module: Module) -> list[_Function]:
    """Return the functions that are added to an application by `@app.middleware("http")`."""
    if b".middleware(" not in module.source.text:
        return []
    functions: list[_Function] = [*module.nodes(ast.AsyncFunctionDef), *module.nodes(ast.FunctionDef)]
    return [function for function in functions if _is_middleware(function)]


def _replaced_class(module: Module, owner: ast.ClassDef, site: Site) -> Iterator[Change]:
    try:
        dispatch, first = _only_dispatch(module, owner)
        request, call_next = _parameters(dispatch, 3)[1:]
        _refuse_rivals(module, owner.name, dispatch)
        reading = read_dispatch(module, dispatch, request, call_next)
        _refuse_patched(module, dispatch, reading.late)
        target, local = _target(module, reading, owner)
        start, end = module.source.span(first)[0], module.source.span(owner.body[-1])[1]
        text = class_body(module, reading, _indent(module, first))
    except NotProven as reason:
        _refuse(module, owner, owner.name, reason)
        return
    yield module.change(
        module.replace(site.node, local),
        Edit(start, end, text),
        at=owner,
        reason=f"the library's {target.rpartition('.')[2]} does the same in the same place",
        requires=[target],
        dead=[(module.source.line_bounds(first.lineno)[0], end)],
    )


def _replaced_function(module: Module, function: _Function) -> Iterator[Change]:
    try:
        if not isinstance(function, ast.AsyncFunctionDef) or len(function.decorator_list) != 1:
            raise NotProven(function, "it is decorated twice, or not asynchronous")
        decorator = function.decorator_list[0]
        assert isinstance(decorator, ast.Call)
        assert isinstance(decorator.func, ast.Attribute)
        receiver = decorator.func.value
        if not _is_app(module, receiver):
            raise NotProven(decorator, "what it is added to is not known to be an application")
        request, call_next = _parameters(function, 2)
        _refuse_name_used(module, function)
        reading = read_dispatch(module, function, request, call_next)
        _refuse_patched(module, function, reading.late)
        target, local = _target(module, reading, function)
        app, indent = module.source.slice(receiver), _indent(module, function)
        text = registration(module, reading, app=app, local=local, indent=indent)
    except NotProven as reason:
        _refuse(module, function, function.name, reason)
        return
    start = module.source.text.rindex(b"@", 0, module.source.span(decorator)[0])
    end = module.source.span(function)[1]
    yield module.change(
        Edit(start, end, text),
        at=function,
        reason=f"the library's {target.rpartition('.')[2]} does the same in the same place",
        requires=[target],
        sites=0,
        dead=[(module.source.line_bounds(decorator.lineno)[0], end)],
    )


def _indent(module: Module, statement: ast.stmt) -> str:
    """Return what stands before a statement on its line: spaces or tabs."""
    start = module.source.line_bounds(statement.lineno)[0]
    text = module.source.text[start : module.source.span(statement)[0]].decode()
    return text[: len(text) - len(text.lstrip())]


def _refuse(module: Module, at: ast.AST, name: str, reason: NotProven) -> None:
    line = getattr(reason.node, "lineno", getattr(at, "lineno", 1))
    shown = module.source.slice(reason.node).splitlines()[0] if hasattr(reason.node, "lineno") else ""
    where = f" (line {line}, `{shown[:80]}`)" if shown and reason.node is not at else ""
    action = advice(module.source.slice(at), several="several things" in reason.why)
    module.refuse(at, f"own-middleware: {name} stays: {reason.why}{where}", action)


def _only_dispatch(module: Module, owner: ast.ClassDef) -> tuple[ast.AsyncFunctionDef, ast.stmt]:
    """Return the dispatch method and the first statement to replace: beside it, only a docstring and an `__init__` that adds nothing."""
    if owner not in module.tree.body:
        raise NotProven(owner, "it is not a class of the module itself")
    if owner.decorator_list or owner.keywords or len(owner.bases) != 1:
        raise NotProven(owner, "it has decorators, keywords or other bases")
    body = owner.body[1:] if ast.get_docstring(owner, clean=False) is not None else owner.body
    if len(body) == 2 and _is_plain_init(body[0]):
        first, last = body
    elif len(body) == 1:
        first = last = body[0]
    else:
        at = next((each for each in body if getattr(each, "name", "") != "dispatch"), owner)
        has_init = getattr(at, "name", "") == "__init__"
        own = "its constructor does more than hand on the app" if has_init else "it has a part beside `dispatch`"
        raise NotProven(at, f"{own}, and the library's classes have none like it")
    if not isinstance(last, ast.AsyncFunctionDef) or last.name != "dispatch" or last.decorator_list:
        raise NotProven(last, "it has no plain `async def dispatch`")
    if last.lineno == owner.lineno or (first.lineno == owner.lineno):
        raise NotProven(owner, "it stands on one line")
    return last, first


def _is_plain_init(node: ast.stmt) -> bool:
    """Whether this is `def __init__(self, app): super().__init__(app)`."""
    if not isinstance(node, ast.FunctionDef) or node.name != "__init__" or node.decorator_list:
        return False
    names = [argument.arg for argument in node.args.args]
    body = [each for each in node.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    if len(names) != 2 or len(body) != 1 or node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
        return False
    return ast.unparse(body[0]) in {f"super().__init__({names[1]})", f"super().__init__(app={names[1]})"}


def _parameters(function: ast.AsyncFunctionDef, count: int) -> list[str]:
    """
    Return the names of the parameters.

    Raises:
        NotProven: there are others.
    """
    taken = function.args
    names = [argument.arg for argument in taken.args]
    if len(names) != count or taken.posonlyargs or taken.kwonlyargs or taken.vararg or taken.kwarg or taken.defaults:
        raise NotProven(function, "it takes other parameters than a request and what comes next")
    return names


def _target(module: Module, reading: Reading, at: ast.AST) -> tuple[str, str]:
    concerns = reading.concerns
    if len(concerns) > 1:
        raise NotProven(at, f"it does several things: {', '.join(concerns)}; the library has one class for each")
    target = TARGETS[concerns[0]]
    local = module.local_name(target)
    if local is None:
        raise NotProven(at, f"`{target.rpartition('.')[2]}` means something else in this file")
    return target, local


def _refuse_rivals(module: Module, name: str, dispatch: ast.AsyncFunctionDef) -> None:
    """
    Make sure that nobody relies on more than adding the class to an application.

    Raises:
        NotProven: another file may call or override its dispatch, or tests replace what it goes through.
    """
    for node in module.nodes(ast.ClassDef):
        if _adds(node) and name in {getattr(base, "id", "") for base in node.bases}:
            raise NotProven(node, f"{node.name} derives from it, and its own parts may mean something to the library")
    keys = {f"{each}.{name}" for each in module.names}
    if module.project.is_starred(module.path):
        raise NotProven(dispatch, "another module star-imports it, so that its users cannot be told")
    asker = next((path for path, told in module.project.told(ID).items() if "asks" in told), None)
    if asker is not None:
        raise NotProven(dispatch, f"{asker} asks what is a BaseHTTPMiddleware, which the library's classes are not")
    for path, facts in module.project.facts.items():
        is_own = path == module.path
        used = map(module.project.canonical, facts.uses)
        if not is_own and not any(use in keys or use.rpartition(".")[0] in keys for use in used):
            continue
        if not is_own and is_test_path(path):
            raise NotProven(dispatch, f"{path} tests it by itself")
        told = facts.recipes.get(ID, {})
        if any(module.project.canonical(base) in keys for base in told.get("derives", ())):
            raise NotProven(dispatch, f"{path} derives from it, and what it adds may mean something to the library")
        if "dispatch" in told:
            raise NotProven(dispatch, f"{path} calls, overrides or names a `dispatch`")
    if patch := module.project.patched(module.names, name, name, f"{module.name}.{name}"):
        raise NotProven(dispatch, f"tests patch {patch}")


def _adds(node: ast.ClassDef) -> bool:
    """Return whether a class says more than a docstring or `pass`."""
    return any(not isinstance(each, ast.Pass | ast.Expr) for each in node.body)


def _refuse_patched(module: Module, function: ast.AsyncFunctionDef, late: Iterable[ast.expr]) -> None:
    """
    Make sure that tests replace nothing which the function goes through, but in the parts that stay and are read as late as before.

    Raises:
        NotProven: they do.
    """
    start, end = module.source.span(function)
    stays = [module.source.span(part) for part in late]
    for name, uses in module.tables.uses.items():
        for use in uses:
            at = module.source.span(use.root)[0]
            if not start <= at < end or any(low <= at < high for low, high in stays):
                continue
            target, _ = module.binding_target(name, use.scope)
            qualname = module.resolve(use.outer) if target is not None else f"{module.name}.{name}"
            if target is not None and qualname is not None:
                obstacle = module.obstacle(Site(qualname, use.outer, use.call, use.root, use.scope))
            else:
                obstacle = module.project.patched(module.names, name, name, str(qualname))
            if obstacle:
                raise NotProven(use.root, obstacle)


def _refuse_name_used(module: Module, function: ast.AsyncFunctionDef) -> None:
    name = function.name
    owner = next((scope for scope in module.tables.scopes if any(b.node is function for b in scope.bindings.get(name, ()))), None)  # fmt: skip
    if owner is None or len(owner.bindings[name]) != 1 or module.tables.uses.get(name):
        raise NotProven(function, "its name is used besides")
    if owner.kind == "class" or b"__all__" in module.source.text:
        raise NotProven(function, "its name may be used besides")
    if owner is module.tables.module and (user := module.project.needs_name(module.path, name)):
        raise NotProven(function, user)


def _is_middleware(function: _Function) -> bool:
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(ast.Attribute(_, "middleware"), [ast.Constant("http")], []):
                return True
    return False


def _is_app(module: Module, receiver: ast.expr) -> bool:
    if module.provenance(receiver) in APPS:
        return True
    if not isinstance(receiver, ast.Name):
        return False
    scope = module.scope_of(receiver)
    bindings = scope.bindings.get(receiver.id, [])
    annotation = bindings[0].node.annotation if len(bindings) == 1 and isinstance(bindings[0].node, ast.arg) else None
    return annotation is not None and f"{module.resolve(annotation)}()" in APPS


def _name_asgi_classes(module: Module) -> None:
    for node in module.nodes(ast.ClassDef):
        for part in node.body:
            if isinstance(part, ast.AsyncFunctionDef) and part.name == "__call__" and len(part.args.args) == 4:
                reason = f"own-middleware: {node.name} stays: what an ASGI application of one's own does is not read"
                module.refuse(node, reason, advice(module.source.slice(node)))
