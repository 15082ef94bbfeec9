"""
Write what a middleware was proven to do as parameters of the library's class: in a class body, or in a call.

The two forms say the same. A class keeps its name, place and users; a decorated function has only its place to keep.
"""

import ast
from collections.abc import Iterator
from itertools import groupby

from maestro_migrate import Module

from ._dispatch import HeaderSetting, NotProven, Reading

__all__ = ["TARGETS", "class_body", "registration"]

TARGETS = {
    "request id": "maestro_core_api.RequestId",
    "headers": "maestro_core_api.ResponseHeaders",
    "response time": "maestro_core_api.ResponseTime",
}
_WIDTH = 88


def class_body(module: Module, reading: Reading, indent: str) -> str:
    """Return the statements of a class that derives from the library's, the first one without its indentation."""
    if reading.headers:
        lines = _headers_body(module, reading.headers)
    elif reading.time_header is not None:
        lines = _attributes(_time_parameters(module, reading))
        lines += _methods(_time_methods(reading), after=lines)
    else:
        lines = _attributes(_id_parameters(module, reading))
        lines += _methods(_id_methods(module, reading), after=lines)
    newline = module.source.newline
    return newline.join((indent + line if line else line) for line in lines)[len(indent) :]


def registration(module: Module, reading: Reading, *, app: str, local: str, indent: str) -> str:
    """
    Return `app.add_middleware(…)` with the library's class and its parameters.

    Raises:
        NotProven: the headers depend on something that may change between responses.
    """
    if reading.headers:
        late = next((each for each in reading.headers if not each.is_constant), None)
        if late is not None:
            at = late.value or late.mapping
            assert at is not None
            raise NotProven(at, "it is read anew for each response")
        pairs = [f"{_slice(module, each.name)}: {_slice(module, each.value)}" for each in reading.headers]
        arguments = [f"headers={{{', '.join(pairs)}}}"]
    elif reading.time_header is not None:
        arguments = _arguments(_time_parameters(module, reading), _time_methods(reading))
    else:
        arguments = _arguments(_id_parameters(module, reading), _id_methods(module, reading))
    one_line = f"{app}.add_middleware({', '.join([local, *arguments])})"
    if len(indent + one_line) <= _WIDTH and "\n" not in one_line:
        return one_line
    newline, step = module.source.newline, indent + "    "
    inner = "".join(f"{step}{each},{newline}" for each in [local, *arguments])
    return f"{app}.add_middleware({newline}{inner}{indent})"


def _arguments(parameters: dict[str, str], methods: dict[str, str]) -> list[str]:
    arguments = [f"{name}={text}" for name, text in parameters.items()]
    for head, text in methods.items():
        name, _, rest = head.partition("(self")
        parameter = rest.strip(", ").partition(":")[0].partition(")")[0]
        arguments.append(f"{name}=lambda{' ' if parameter else ''}{parameter}: {text}")
    return arguments


def _attributes(parameters: dict[str, str]) -> list[str]:
    return [f"{name} = {text}" for name, text in parameters.items()]


def _methods(methods: dict[str, str], *, after: list[str]) -> list[str]:
    lines: list[str] = []
    for head, text in methods.items():
        lines += [*([""] if after or lines else []), f"def {head}:", f"    return {text}"]
    return lines


def _id_parameters(module: Module, reading: Reading) -> dict[str, str]:
    """Return what differs from the library's defaults; the header is always said."""
    header = reading.id_header or reading.echo
    if reading.id_header is not None and reading.echo is not None and not _is_same(reading.id_header, reading.echo):
        raise NotProven(reading.echo, "it reads one header and writes another")
    if len(reading.states) > 1:
        raise NotProven(header or module.tree, "it keeps the id under two names")
    told: dict[str, str] = {}
    if header is not None:
        told["header"] = module.source.slice(header)
    if reading.variable is not None:
        told["variable"] = module.source.slice(reading.variable)
    if reading.states:
        told["state"] = f'"{reading.states[0]}"'
    switches = {
        "takes_empty": (reading.takes_empty, "True"),
        "trusts_caller": (reading.id_header is None, "False"),
        "echoes": (reading.echo is None, "False"),
        "echoes_state": (reading.echoes_state, "True"),
        "resets": (reading.variable is not None and not reading.resets, "False"),
    }
    return told | {name: value for name, (is_needed, value) in switches.items() if is_needed}


def _id_methods(module: Module, reading: Reading) -> dict[str, str]:
    methods = {"new(self) -> str": _slice(module, reading.new)}
    if reading.context is not None:
        context = reading.context
        text = f"{module.source.slice(context.func)}({context.keywords[0].arg}=request_id)"
        methods["context(self, request_id: str)"] = text
    return methods


def _is_same(one: ast.expr, other: ast.expr) -> bool:
    if isinstance(one, ast.Constant) and isinstance(other, ast.Constant):
        return str(one.value).lower() == str(other.value).lower()
    return ast.dump(one) == ast.dump(other)


def _time_parameters(module: Module, reading: Reading) -> dict[str, str]:
    return {"header": _slice(module, reading.time_header)}


def _time_methods(reading: Reading) -> dict[str, str]:
    assert reading.clock is not None
    assert reading.time_text is not None
    clock, text = ast.unparse(reading.clock), _double_quoted(ast.unparse(reading.time_text))
    methods = {} if clock == "time.perf_counter" else {"clock(self) -> float": f"{clock}()"}
    return methods if text == "str(seconds)" else methods | {"text(self, seconds: float) -> str": text}


def _double_quoted(text: str) -> str:
    return text if '"' in text or "\\" in text else text.replace("'", '"')


def _headers_body(module: Module, settings: list[HeaderSetting]) -> list[str]:
    if all(each.is_constant for each in settings):
        return ["headers = {", *_entries(module, settings, "    "), "}"]
    lines = ["def chosen(self):"]
    if len(settings) == 1 and settings[0].mapping is not None:
        return [*lines, f"    return {module.source.slice(settings[0].mapping)}"]
    lead = []
    for each in settings:
        if each.test is not None or each.mapping is not None:
            break
        lead.append(each)
    rest = settings[len(lead) :]
    opening = "return" if not rest else "headers ="
    lines += [f"    {opening} {{", *_entries(module, lead, " " * 8), "    }"] if lead else [f"    {opening} {{}}"]
    for test, group in groupby(rest, key=lambda each: each.test):
        step = "    "
        if test is not None:
            lines.append(f"    if {_slice(module, test)}:")
            step = " " * 8
        lines += [f"{step}{_statement(module, each)}" for each in group]
    return [*lines, "    return headers"] if rest else lines


def _entries(module: Module, settings: list[HeaderSetting], indent: str) -> Iterator[str]:
    for each in settings:
        assert each.value is not None
        yield from (f"{indent}{comment}" for comment in _comments_above(module, each.value))
        yield f"{indent}{_slice(module, each.name)}: {_slice(module, each.value)},"


def _comments_above(module: Module, node: ast.expr) -> list[str]:
    """Return the comments on the lines right above a statement, and the one at its end: they are about the header."""
    source = module.source
    found: list[str] = []
    line = module.statement(node).lineno - 1
    while line > 0 and (text := source.text[slice(*source.line_bounds(line))].strip()).startswith(b"#"):
        found.insert(0, text.decode())
        line -= 1
    rest = source.text[source.span(module.statement(node))[1] : source.line_bounds(node.end_lineno or node.lineno)[1]]
    return [*found, *([rest.strip().decode()] if rest.strip().startswith(b"#") else [])]


def _statement(module: Module, setting: HeaderSetting) -> str:
    if setting.mapping is not None:
        return f"headers.update({module.source.slice(setting.mapping)})"
    return f"headers[{_slice(module, setting.name)}] = {_slice(module, setting.value)}"


def _slice(module: Module, node: ast.expr | None) -> str:
    """Return an expression's text, in parentheses where it runs over several lines."""
    assert node is not None
    text = module.source.slice(node)
    return f"({text})" if "\n" in text or "\r" in text else text
