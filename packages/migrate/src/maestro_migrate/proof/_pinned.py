# mypy: ignore-errors
"""
The part of a generated test file that is the same for every service: how a question about its code is asked and answered.

`_pins` copies it into that file and `_record` runs it as it is, so that what was asked while recording is what is asked ever after. It goes where
the service's own interpreter runs it: Python 3.8 and later, no annotations, nothing but the standard library.
"""

import ast
import asyncio
import contextlib
import importlib
import math
import os
import signal
import subprocess
import sys

TIMEOUT_S = 120
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def ask(root, paths, environment, question, *, python=sys.executable, script=__file__, timeout_s=TIMEOUT_S):
    """Ask a fresh interpreter that works in `root` a question; raise `AssertionError` where no answer comes."""
    child = subprocess.Popen(
        [str(python), str(script), "--observe", repr(([str(path) for path in paths], question))],
        cwd=str(root),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answer, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"no answer within {timeout_s:g} seconds") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # and whatever the service started
        child.wait()
        child.stdout.close()
    try:
        return ast.literal_eval(answer.decode())
    except (SyntaxError, ValueError):
        raise AssertionError(f"the interpreter ended with {child.returncode} and no answer") from None


def observe_imports(modules):
    """Import one module after the other and return for each its error, or an empty string."""
    return {name: _error_of(importlib.import_module, name) for name in modules}


def observe_values(names, cases):
    """Return for each case, a dictionary of environment variables, the plain values of names like `app.config:Settings.PORT`."""
    answers = []
    for variables in cases:  # each in a copy of this interpreter, in which nothing is imported yet
        reader, writer = os.pipe()
        copy = os.fork()
        if not copy:
            os.environ.update(variables)
            with os.fdopen(writer, "w", encoding="utf-8", errors="backslashreplace") as answer:
                answer.write(repr({name: _value_of(name) for name in names}))
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as answer:
            answers.append(ast.literal_eval(answer.read() or "{}"))
        os.waitpid(copy, 0)
    return answers


def observe_apps(modules):
    """Return the applications that the modules hold or make: the name of each, and its routes as `METHOD /path`."""
    apps = {}
    for module in map(importlib.import_module, modules):
        for name, value in sorted(vars(module).items()):
            if name in ("create_app", "make_app", "build_app", "get_app") and value.__module__ == module.__name__:
                apps.setdefault(id(value), f"{module.__name__}:{name}()")
            elif _is_app(value):
                apps.setdefault(id(value), f"{module.__name__}:{name}")
    return {name: observe_served(name, [])[0] for name in sorted(apps.values())}


def observe_served(app, paths):
    """Return the routes of an application as `METHOD /path`, and the status with which it answers a GET of each path."""
    found = _found(app)
    return _routes(found), {path: _status(found, path) for path in paths}


def _routes(app):
    routes = set()
    if hasattr(app, "url_map"):
        routes.update(f"{method} {rule.rule}" for rule in app.url_map.iter_rules() for method in rule.methods or ())
    pending = [("", route) for route in getattr(app, "routes", ())]
    while pending:
        prefix, route = pending.pop()
        path = prefix + getattr(route, "path", "")
        routes.update(f"{method} {path}" for method in getattr(route, "methods", None) or ())
        pending += [(path, inner) for inner in getattr(route, "routes", None) or ()]
    with contextlib.suppress(Exception):  # an application without a document, or with one that cannot be made
        for path, operations in app.openapi()["paths"].items():
            routes.update(f"{method.upper()} {path}" for method in operations)
    return sorted(route for route in routes if route.partition(" ")[0] in _METHODS)


def _status(app, path):
    if hasattr(app, "test_client"):
        return app.test_client().get(path).status_code
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [(b"host", b"testserver")],
        "client": ("testclient", 50000), "server": ("testserver", 80), "state": {},
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return next(message["status"] for message in sent if message["type"] == "http.response.start")


def _found(name):
    module, _, path = name.partition(":")
    value = importlib.import_module(module)
    for part in path.split("."):
        value = getattr(value, part[:-2])() if part.endswith("()") else getattr(value, part)
    return value


def _is_app(value):
    with contextlib.suppress(Exception):  # stand-ins such as Flask's `current_app` fail outside of a request
        if callable(value) and not isinstance(value, type):
            return hasattr(value, "url_map") or (hasattr(value, "routes") and hasattr(value, "add_middleware"))
    return False


def _error_of(call, *arguments):
    try:
        call(*arguments)
    except BaseException as error:  # noqa: BLE001  # a service may raise anything, `SystemExit` included
        return f"{type(error).__name__}: {error}"
    return ""


def _value_of(name):
    try:
        return _plain(_found(name))
    except BaseException as error:  # noqa: BLE001  # a service may raise anything, `SystemExit` included
        return f"<{type(error).__name__}>"


def _plain(value):
    """Return a value that `repr` and `ast.literal_eval` keep as it is, or raise `TypeError`."""
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if type(value) is dict:
        return {_plain(key): _plain(each) for key, each in value.items()}
    if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
        return value
    raise TypeError(type(value).__name__)


def observe():
    """Answer the question in `sys.argv` on standard output, which nothing else reaches."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    paths, (kind, *arguments) = ast.literal_eval(sys.argv[2])
    sys.path[:1] = paths
    answer.write(repr(globals()["observe_" + kind](*arguments)))
    answer.close()
    os._exit(0)  # what the service leaves running must not keep this alive


if __name__ == "__main__":
    observe()
