"""Who looks at what a set-up writes, and which names it sees."""

import ast
from collections.abc import Iterable

from maestro_migrate import Module, Site
from maestro_migrate._binder import Scope, lookup
from maestro_migrate._project import is_test_path

from ._lines import is_tool

__all__ = [
    "captured_by_tests",
    "is_handed_on",
    "keeps_text",
    "left_to_structlog",
    "looked_at_by_tests",
    "names_in",
    "read_by_tests",
    "sees_module_names",
    "structlog_use",
    "tests_using",
]


def looked_at_by_tests(module: Module, site: Site) -> str:
    """Return which test calls the set-up that a site stands in, or an empty string: such a test may look at its handlers and lines."""
    outermost = [
        node.name
        for node in module.ancestors(site.node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return tests_using(module, outermost[-1]) if outermost else ""


def tests_using(module: Module, name: str) -> str:
    """Return which test uses a name of this module, or an empty string."""
    wanted = {f"{each}.{name}" for each in module.names}
    for path, facts in sorted(module.project.facts.items()):
        if is_test_path(path) and any(use in wanted or use.rpartition(".")[0] in wanted for use in facts.uses):
            return f"{path} uses `{name}`"
    return ""


def captured_by_tests(module: Module) -> str:
    """Return which test catches what is written to a standard stream, or an empty string: it may look at lines."""
    return _looking(module, {"capsys"}) or _looking(module, {"capfd"})


def read_by_tests(module: Module) -> str:
    """Return which test may look at the text of lines that are JSON, or asks for structlog's renderer, or an empty string."""
    means = ({"JSONRenderer"}, {"capsys", "json"}, {"capfd", "json"}, {"caplog", "json"})
    replaced = "tests replace structlog.configure" if _replaces(module, "structlog.configure") else ""
    return next(filter(None, (_looking(module, each) for each in means)), replaced)


def _looking(module: Module, wanted: set[str]) -> str:
    found = (path for path, facts in sorted(module.project.facts.items()) if wanted <= set(facts.looks_with))
    path = next(found, "")
    return f"{path} looks at what is written ({', '.join(sorted(wanted))})" if path else ""


def _replaces(module: Module, name: str) -> bool:
    return any(
        patch == name or patch.endswith(f".{name}")
        for facts in module.project.facts.values()
        for patch in facts.patches
    )


def is_handed_on(module: Module, site: Site) -> bool:
    """Return whether a function itself is an argument of a call or a default value, where only calling it makes sense."""
    parent = module.parent(site.node)
    if isinstance(parent, ast.arguments | ast.keyword):
        return True
    return isinstance(parent, ast.Call) and parent.func is not site.node


def structlog_use(module: Module) -> dict[str, bool]:
    """Return, as facts, whether a module has loggers of structlog's and whether it configures them."""
    loggers = module.references("structlog.get_logger", "structlog.getLogger", "structlog.stdlib.get_logger")
    configured = module.references(
        "structlog.configure", "structlog.configure_once", "structlog.stdlib.recreate_defaults"
    )
    rendered = module.references("structlog.stdlib.LoggerFactory")
    found = {
        "structlog": any(True for _ in loggers),
        "configures_structlog": any(True for _ in configured),
        "hands_lines_to_logging": any(True for _ in rendered),
    }
    return {name: True for name, holds in found.items() if holds}


def keeps_text(module: Module) -> bool:
    """Return whether lines have to look as they did: people read them, or what structlog hands to `logging` are whole lines already, JSON as a rule."""
    told = module.project.told(module.recipe)
    return is_tool(module) or any(each.get("hands_lines_to_logging") for each in told.values())


def left_to_structlog(module: Module, recipe: str) -> str:
    """Return the file whose loggers of structlog's would write otherwise once the library configures them, or an empty string."""
    facts = module.project.told(recipe)
    if any(each.get("configures_structlog") for each in facts.values()):
        return ""
    return next((path for path, each in facts.items() if each.get("structlog")), "")


def names_in(sources: Iterable[str]) -> set[str]:
    """Return the names that some expressions use."""
    trees = (ast.parse(source, mode="eval") for source in sources)
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


def sees_module_names(module: Module, sources: Iterable[str], scope: Scope) -> bool:
    """Return whether every name in some expressions means in a scope what it means at the top of the module."""
    return all(lookup(name, scope) in {None, module.tables.module} for name in names_in(sources))
