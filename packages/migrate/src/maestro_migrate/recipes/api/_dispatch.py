"""
Read what a middleware of one's own does, statement by statement; accept only what is understood whole.

`read_dispatch` gives a `Reading`, or raises `NotProven` at the first statement that could do anything else.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from maestro_migrate import Module

__all__ = ["HeaderSetting", "NotProven", "Reading", "read_dispatch"]

_CLOCKS = frozenset({"time.perf_counter", "time.monotonic", "time.time"})
_RANDOM = ("uuid.uuid1", "uuid.uuid4", "secrets.token_hex", "secrets.token_urlsafe")
_CONTEXTS = frozenset({"loguru.logger.contextualize", "structlog.contextvars.bound_contextvars"})
_WRITERS = frozenset({"str", "round", "format"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class NotProven(Exception):
    """A statement or expression that the reader does not know to be harmless; `node` is where it stands."""

    def __init__(self, node: ast.AST, why: str) -> None:
        self.node = node
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class HeaderSetting:
    """A response header that is set: by `name` and `value`, or from all pairs of `mapping`; only where `test` holds."""

    name: ast.expr | None = None
    value: ast.expr | None = None
    mapping: ast.expr | None = None
    test: ast.expr | None = None

    @property
    def is_constant(self) -> bool:
        """Whether it is the same pair of texts for every response."""
        return self.test is None and isinstance(self.value, ast.Constant)


@dataclass(slots=True)
class Reading:
    """What a dispatch function was proven to do."""

    id_header: ast.expr | None = None
    new: ast.expr | None = None
    takes_empty: bool = False
    states: list[str] = field(default_factory=list)
    variable: ast.expr | None = None
    resets: bool = False
    echo: ast.expr | None = None
    echoes_state: bool = False
    context: ast.Call | None = None
    headers: list[HeaderSetting] = field(default_factory=list)
    clock: ast.expr | None = None
    time_header: ast.expr | None = None
    time_text: ast.expr | None = None

    @property
    def late(self) -> list[ast.expr]:
        """Return the expressions that are read anew for each request, as they were, whatever tests put in their place."""
        found = [] if self.new is None else [self.new]
        if not all(each.is_constant for each in self.headers):
            for each in self.headers:
                found += [part for part in (each.name, each.value, each.mapping, each.test) if part is not None]
        return found if self.context is None else [*found, self.context]

    @property
    def concerns(self) -> list[str]:
        """Return what it is for, in the order of the classes that stand in for it."""
        found = [("request id", self.new), ("headers", self.headers), ("response time", self.time_header)]
        return [name for name, there in found if there]


def read_dispatch(module: Module, function: ast.AsyncFunctionDef, request: str, call_next: str) -> Reading:
    """
    Return what a dispatch function does.

    Raises:
        NotProven: it does something else, or might.
    """
    return _Reader(module, function, request, call_next).read()


class _Reader:
    """One walk through one function, in the order in which it runs."""

    def __init__(self, module: Module, function: ast.AsyncFunctionDef, request: str, call_next: str) -> None:
        self.module, self.function = module, function
        self.request, self.call_next = request, call_next
        self.found = Reading()
        self.ids: set[str] = set()
        self.begun = self.token = self.response = ""
        self.seconds: dict[str, ast.expr] = {}  # locals that hold a duration, in terms of `seconds`
        self.is_called = self.is_reset = self.is_returned = False
        self.locals = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and _is_stored(node)}
        self.locals |= {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}

    def read(self) -> Reading:
        body = self.function.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        self._run(body)
        if not self.is_returned:
            raise NotProven(self.function, "it does not end by returning the response")
        if self.token and not self.is_reset:
            raise NotProven(self.function, "it keeps a token that it never uses")
        self.found.resets = self.is_reset
        if self.begun and self.found.time_header is None:
            raise NotProven(self.function, "it takes a time that goes into no header")
        self._refuse_two_spellings()
        if not self.found.concerns:
            raise NotProven(self.function, "it does nothing that the library could do instead")
        return self.found

    def _refuse_two_spellings(self) -> None:
        """Make sure that no header is set under two spellings, which are two keys of a dictionary, so that another one would win."""
        spelled: dict[str, str] = {}
        for each in self.found.headers:
            if isinstance(each.name, ast.Constant):
                name = str(each.name.value)
                if spelled.setdefault(name.lower(), name) != name:
                    raise NotProven(each.name, "it spells one header in two ways")

    def _run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            if self.is_returned:
                raise NotProven(statement, "it stands after the return")
            around = (self._call, self._try, self._with)
            steps = (*around, self._after if self.is_called else self._before)
            if not any(step(statement) for step in steps):
                raise NotProven(statement, "the library does not do this")

    # Around the application ----------------------------------------------------------------------------------------------

    def _call(self, statement: ast.stmt) -> bool:
        """`response = await call_next(request)`, or the same returned at once."""
        value = getattr(statement, "value", None)
        if not (isinstance(value, ast.Await) and isinstance(value.value, ast.Call)):
            return False
        call = value.value
        arguments = [argument.id for argument in call.args if isinstance(argument, ast.Name)]
        is_next = isinstance(call.func, ast.Name) and call.func.id == self.call_next
        if not is_next or arguments != [self.request] or len(call.args) != 1 or call.keywords or self.is_called:
            return False
        self.is_called = True
        if isinstance(statement, ast.Return):
            self.is_returned = True
            return True
        self.response = _assigned(statement)
        return bool(self.response)

    def _try(self, statement: ast.stmt) -> bool:
        """`try: … finally: variable.reset(token)` around the call; no handler, since that would see exceptions."""
        if not isinstance(statement, ast.Try) or statement.handlers or statement.orelse or self.is_called:
            return False
        if len(statement.finalbody) != 1 or not self._is_reset(statement.finalbody[0]):
            return False
        self._run(statement.body)
        self.is_reset = True
        return self.is_called

    def _with(self, statement: ast.stmt) -> bool:
        """`with logger.contextualize(name=request_id):` around the call."""
        match statement:
            case ast.With([ast.withitem(ast.Call(func, [], [ast.keyword(str(), given)]) as call, None)], body) if (
                self.found.context is None and not self.is_called
            ):
                if self.module.resolve(func) not in _CONTEXTS or not self._is_whole_id(given):
                    return False
                self.found.context = call
                self._run(body)
                return self.is_called
        return False

    def _is_reset(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(value, "reset"), [ast.Name(token)], [])):
                known = self.found.variable
                return known is not None and ast.dump(value) == ast.dump(known) and token == self.token != ""
        return False

    # Before it ----------------------------------------------------------------------------------------------------------

    def _before(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.If):
            return self._fallback(statement)
        if isinstance(statement, ast.Expr):
            return self._set_variable(statement.value)
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            match statement.targets[0]:
                case ast.Attribute(ast.Attribute(ast.Name(self.request), "state"), name) if self._is_whole_id(value):
                    self.found.states.append(name)
                    return True
        name = _assigned(statement)
        if not name or value is None or name in self.ids:
            return False
        if self._is_clock(value) and not self.begun:
            self.begun, self.found.clock = name, value.func
            return True
        if self._set_variable(value):
            self.token = name
            return True
        if self._is_id(value):
            self.ids.add(name)
            return True
        return False

    def _set_variable(self, value: ast.expr) -> bool:
        match value:
            case ast.Call(ast.Attribute(variable, "set"), [given], []) if self.found.variable is None:
                is_known = self.module.provenance(variable) == "contextvars.ContextVar()"
                if is_known and self._is_settled(variable) and self._is_whole_id(given):
                    self.found.variable = variable
                    return True
        return False

    def _fallback(self, statement: ast.If) -> bool:
        """`if not name: name = new()` after `name = request.headers.get(…)`; with `is None` an empty header is an id."""
        match statement:
            case ast.If(test, [ast.Assign([ast.Name(name)], value)], []) if name in self.ids and self.found.new is None:
                is_none = ast.unparse(test) == f"{name} is None"
                if (is_none or ast.unparse(test) == f"not {name}") and self._is_new(value, is_eager=False):
                    self.found.new, self.found.takes_empty = value, is_none
                    return True
        return False

    def _is_whole_id(self, value: ast.expr | None) -> bool:
        return self._is_id(value) and self.found.new is not None

    def _is_id(self, value: ast.expr | None) -> bool:
        """Return whether an expression is the request's id, which its first one says how to find."""
        found = self.found
        if self._is_state(value):
            return True
        if isinstance(value, ast.Name):
            return value.id in self.ids and found.new is not None
        if value is None or found.new is not None or found.id_header is not None:
            return False
        match value:
            case ast.BoolOp(ast.Or(), [read, new]) if self._is_new(new, is_eager=False) and self._reads(read):
                found.new = new
            case ast.Call(func, [header, new], []) if self._is_new(new, is_eager=True):
                read = ast.Call(func, [header], [])
                if not self._reads(read):
                    return False
                found.new, found.takes_empty = new, True
            case _ if self._reads(value):
                return True  # what to do without a header follows
            case _ if self._is_new(value, is_eager=True):
                found.new = value
            case _:
                return False
        return True

    def _reads(self, value: ast.expr) -> bool:
        match value:
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name(self.request), "headers"), "get"), [header], []):
                if self._is_header(header):
                    self.found.id_header = header
                    return True
        return False

    def _is_new(self, node: ast.expr, *, is_eager: bool) -> bool:
        """Return whether an expression makes an id: a text of random digits, or what a function of the project gives where it is asked as often as here."""
        match node:
            case ast.Call(ast.Name("str"), [inner], []) if self._is_builtin("str"):
                return self._is_random(inner) or self._is_new(inner, is_eager=is_eager)
            case ast.Attribute(inner, "hex"):
                return self._is_random(inner)
            case ast.Subscript(inner, ast.Slice(low, high, None)):
                bounds = [bound for bound in (low, high) if bound is not None]
                return all(isinstance(b, ast.Constant) for b in bounds) and self._is_new(inner, is_eager=is_eager)
            case ast.JoinedStr(parts):
                held = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
                return bool(held) and all(self._is_new(h, is_eager=is_eager) or self._is_random(h) for h in held)
            case ast.Call(func):
                return (self.module.resolve(func) or "").startswith("secrets.") and self._is_random(node)
        return False

    def _is_random(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func, arguments, []):
                return self.module.resolve(func) in _RANDOM and all(isinstance(a, ast.Constant) for a in arguments)
        return False

    # After it ------------------------------------------------------------------------------------------------------------

    def _after(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Return(ast.Name(name)) if name == self.response:
                self.is_returned = True
                return True
            case ast.Assign([ast.Subscript(target, header)], value) if self._is_headers(target):
                return self._set_header(header, value)
            case ast.Expr(ast.Call(ast.Attribute(target, "update"), [mapping], [])) if self._is_headers(target):
                return self._set_all(mapping)
            case ast.For(ast.Tuple([ast.Name(key), ast.Name(each)]), source, [inner], []):
                return self._set_each(key, each, source, inner)
            case ast.If(test, body, []) if self._is_free(test):
                return self._set_where(test, body)
        name = _assigned(statement)
        given: ast.expr | None = getattr(statement, "value", None)
        duration = self._duration(given) if name and given is not None else None
        if duration is None or name in self.seconds:
            return False
        self.seconds[name] = duration
        return True

    def _is_headers(self, node: ast.expr) -> bool:
        match node:
            case ast.Attribute(ast.Name(name), "headers"):
                return name == self.response
        return False

    def _set_header(self, header: ast.expr, value: ast.expr) -> bool:
        found = self.found
        if not self._is_header(header):
            return False
        if self._is_written_id(value) or self._is_state(value):
            found.echo, found.echoes_state, is_first = header, self._is_state(value), found.echo is None
            return is_first
        duration = self._duration(value)
        if duration is not None:
            found.time_header, found.time_text, is_first = header, duration, found.time_header is None
            return is_first and _is_textual(duration)
        if not self._is_value(value):
            return False
        found.headers.append(HeaderSetting(name=header, value=value))
        return True

    def _set_all(self, mapping: ast.expr) -> bool:
        if not self._is_free(mapping):
            return False
        self.found.headers.append(HeaderSetting(mapping=mapping))
        return True

    def _set_each(self, key: str, each: str, source: ast.expr, inner: ast.stmt) -> bool:
        """`for name, value in MAPPING.items(): response.headers[name] = value`."""
        match source, inner:
            case (
                ast.Call(ast.Attribute(mapping, "items"), [], []),
                ast.Assign([ast.Subscript(target, ast.Name(header))], ast.Name(value)),
            ):
                return self._is_headers(target) and (header, value) == (key, each) and self._set_all(mapping)
        return False

    def _set_where(self, test: ast.expr, body: Sequence[ast.stmt]) -> bool:
        for statement in body:
            match statement:
                case ast.Assign([ast.Subscript(target, header)], value) if (
                    self._is_headers(target) and self._is_header(header) and self._is_value(value)
                ):
                    self.found.headers.append(HeaderSetting(name=header, value=value, test=test))
                case _:
                    raise NotProven(statement, "the library does not do this")
        return True

    def _is_value(self, value: ast.expr) -> bool:
        return _is_text(value) if isinstance(value, ast.Constant) else self._is_free(value)

    def _is_written_id(self, value: ast.expr) -> bool:
        match value:
            case ast.Name(name):
                return name in self.ids and self.found.new is not None
            case ast.Call(ast.Name("str"), [ast.Name(name)], []):
                return self._is_builtin("str") and name in self.ids and self.found.new is not None
        return False

    def _is_state(self, value: ast.expr | None) -> bool:
        match value:
            case ast.Attribute(ast.Attribute(ast.Name(self.request), "state"), name):
                return name in self.found.states
        return False

    # Expressions ---------------------------------------------------------------------------------------------------------

    def _is_clock(self, node: ast.expr | None) -> bool:
        match node:
            case ast.Call(func, [], []):
                qualname = self.module.resolve(func)
                clock = self.found.clock
                return qualname in _CLOCKS and (clock is None or self.module.resolve(clock) == qualname)
        return False

    def _duration(self, node: ast.expr) -> ast.expr | None:
        """Return an expression over the time taken in terms of `seconds`, `None` where it is anything else."""
        if not self.begun:
            return None
        seen: list[int] = []

        def replaced(part: ast.AST) -> ast.AST | None:
            match part:
                case ast.BinOp(left, ast.Sub(), ast.Name(name)) if name == self.begun and self._is_clock(left):
                    seen.append(1)
                    return ast.Name("seconds", ast.Load())
                case ast.Name(name) if name in self.seconds:
                    seen.append(1)
                    return self.seconds[name]
            return None

        made = _rebuilt(node, replaced)
        assert isinstance(made, ast.expr)
        return made if seen and self._is_writing(made) else None

    def _is_writing(self, node: ast.expr) -> bool:
        """Return whether an expression only computes with and formats `seconds` and constants."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id != "seconds":
                if part.id not in _WRITERS or not self._is_builtin(part.id):
                    return False
            elif isinstance(part, ast.Call):
                is_format = isinstance(part.func, ast.Attribute) and isinstance(part.func.value, ast.Constant)
                if not (isinstance(part.func, ast.Name) or (is_format and part.func.attr == "format")):  # type: ignore[attr-defined]  # narrowed by `is_format`
                    return False
            elif isinstance(part, ast.Await | ast.NamedExpr | ast.Lambda | ast.Starred | ast.Yield):
                return False
        return True

    def _is_free(self, node: ast.expr) -> bool:
        """Return whether an expression calls nothing and reads nothing of this request."""
        allowed = (ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.JoinedStr, ast.FormattedValue, ast.Dict, ast.Set, ast.Tuple, ast.List)  # fmt: skip
        plain = (ast.expr_context, ast.boolop, ast.unaryop, ast.cmpop)
        return all(
            isinstance(part, plain) or (isinstance(part, allowed) and getattr(part, "id", "") not in self.locals)
            for part in ast.walk(node)
        )

    def _is_header(self, node: ast.expr) -> bool:
        """Return whether an expression names a header, always the same."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str) and _TOKEN.fullmatch(node.value) is not None
        return isinstance(node, ast.Name) and node.id not in self.locals and self._is_settled(node)

    def _is_settled(self, node: ast.expr) -> bool:
        """Return whether a name has its one value before the function is defined, so that reading it earlier reads the same."""
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in self.locals:
            return False
        bindings = self.module.tables.module.bindings.get(root.id, [])
        if len(bindings) != 1 or getattr(bindings[0].node, "lineno", 0) >= self.function.lineno:
            return False
        first = bindings[0]
        is_top = any(first.node is statement for statement in self.module.tree.body)
        return is_top and (first.kind == "import" or first.value is not None)

    def _is_builtin(self, name: str) -> bool:
        return name not in self.locals and not any(name in scope.bindings for scope in self.module.tables.scopes)


def _assigned(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign([ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name), simple=1):
            return name
    return ""


def _is_stored(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _is_text(node: ast.Constant) -> bool:
    try:
        return isinstance(node.value, str) and bool(node.value.encode("latin-1")) and node.value.isprintable()
    except UnicodeEncodeError:
        return False


def _is_textual(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr() | ast.Call(ast.Name("str" | "format")) | ast.Call(ast.Attribute(ast.Constant(), "format")):
            return True
        case ast.BinOp(ast.Constant(str()), ast.Mod()):
            return True
        case ast.BinOp(left, ast.Add(), right):
            return all(_is_textual(side) or isinstance(side, ast.Constant) for side in (left, right))
    return False


def _rebuilt(node: ast.AST, replaced: Callable[[ast.AST], ast.AST | None]) -> ast.AST:
    """Return a copy of an expression with parts replaced, outermost first."""
    new = replaced(node)
    if new is not None:
        return new
    fields: dict[str, object] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            fields[name] = [_rebuilt(each, replaced) if isinstance(each, ast.AST) else each for each in value]
        else:
            fields[name] = _rebuilt(value, replaced) if isinstance(value, ast.AST) else value
    return type(node)(**fields)
