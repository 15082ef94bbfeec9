"""Where the settings file of some code stands, and whether that code can import it however it is started."""

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from ..._project import Project, is_test_path, remembered
from ..._semantics import Module

__all__ = ["SettingsHome", "leading_imports", "settings_home", "start_of"]

ID = "config/read_settings_from_one_class"
_LONGEST_MAPPING = 2_000  # characters


@dataclass(frozen=True)
class SettingsHome:
    """Where a settings object lives: the file, and the qualified name by which its users import it."""

    path: str
    qualname: str


def settings_home(project: Project, path: str) -> SettingsHome | str:
    """Return the settings home for the code in `path`, or the reason why no import of it is proven to work."""
    home = _home_for(project, path)
    if isinstance(home, str):
        return home
    hidden = _left_out(project, home.path)
    if hidden:
        return f"left-out: {hidden} leaves {home.path} out, so it would not be shipped with the code"
    return _unreachable(project, path, home.qualname.partition(".")[0]) or home


def _home_for(project: Project, path: str) -> SettingsHome | str:
    folder = path.rpartition("/")[0]
    if f"{folder}/__init__.py" in project.files:
        package = folder
        while f"{package.rpartition('/')[0]}/__init__.py" in project.files:
            package = package.rpartition("/")[0]
        name = _package_name(project, package)
        if name is None:
            return f"import-unproven: nothing in the project shows by which name {package}/ is imported"
        return _home(project, package, f"{name}.settings")
    if not folder:
        shared = _home_of_the_root(project)
        if shared is not None:
            return shared
        lister = project.shipped_by_name(path.removesuffix(".py"))
        return (
            f"shipped-by-name: {lister} lists {path} by name, so a new file beside it would not be shipped"
            if lister
            else _home(project, "", "settings")
        )
    above = project.import_name(path).rpartition(".")[0]
    if above and _is_own_name(project, folder, above):
        folder, prefix = _outermost_package(project, folder, above)
        return _home(project, folder, f"{prefix}.settings")
    return f"import-unproven: nothing in the project shows how {folder}/ is imported"


@remembered
def _home_of_the_root(project: Project) -> SettingsHome | None:
    """
    Return the home of a package's settings where the files beside it, which start it, can share it: `run.py` beside `app/`.

    All of them that read anything have imported the package before they do anything else, so that importing its settings there runs nothing earlier.
    """
    told = {path for path, found in project.told(ID).items() if found and not is_test_path(path)}
    beside = [project.facts[path].marks.get("leads", ()) for path in told if "/" not in path]
    leading = [{name.partition(".")[0] for name in names} for names in beside]
    packages = {path.partition("/")[0] for path in told if "/" in path} & set.intersection(*leading) if leading else ()
    homes = [
        _home_for(project, f"{package}/__init__.py")
        for package in packages
        if f"{package}/__init__.py" in project.files
    ]
    if len(homes) != 1 or isinstance(homes[0], str) or "fields" in _marks(project, "settings.py"):
        return None
    return homes[0] if homes[0].qualname.partition(".")[0] in packages else None


def _marks(project: Project, path: str) -> Mapping[str, object]:
    return project.facts[path].marks if path in project.facts else {}


def leading_imports(module: Module) -> list[str]:
    """Return the modules that a file imports before it does anything else."""
    names: list[str] = []
    for statement in module.tree.body:
        match statement:
            case ast.Import():
                names += [alias.name for alias in statement.names]
            case ast.ImportFrom(str() as name, _, 0):
                names.append(name)
            case ast.Expr(ast.Constant(str())):
                continue
            case _:
                break
    return names


@remembered
def _is_own_name(project: Project, folder: str, name: str) -> bool:
    """
    Return whether the project imports modules of a folder without `__init__.py` by the folder's dotted name.

    `from locust import HttpUser` in `locust/load.py` speaks of the library: a folder has its files and nothing else.
    """
    parts, folders = name.split("."), folder.split("/")
    for depth in range(len(parts), 0, -1):
        outer = "/".join(folders[: len(folders) - len(parts) + depth])
        asked, inside = project.asked_below(".".join(parts[:depth])), _neighbours(project, outer)
        if f"{outer}/__init__.py" not in project.files and not asked <= inside:
            return False
    return not project.asked_below(name).isdisjoint(_neighbours(project, folder))


def _outermost_package(project: Project, folder: str, name: str) -> tuple[str, str]:
    """
    Return the outermost regular package that the dotted name of a folder without `__init__.py` goes through, else the folder.

    Whoever imports `app.views.page` imports `app` by that name, so the settings of the folders below it can live in one file.
    """
    packages = folder.split("/")
    names = name.split(".")
    for depth in range(1, len(names)):
        outer = "/".join(packages[: len(packages) - len(names) + depth])
        if packages[-len(names) :] == names and f"{outer}/__init__.py" in project.files:
            return outer, ".".join(names[:depth])
    return folder, name


@remembered
def _package_name(project: Project, package: str) -> str | None:
    """
    Return the dotted name by which the files of a top package import each other or are imported, `None` where that is not shown.

    A package directly in the root or in `src/` is imported by its own name, unless its files import each other by bare name, as scripts that are
    run from inside it do, or it is installed under another one; then that, too, is not shown.
    """
    if _is_renamed(project, package):
        return None
    inside = [other for other in project.facts if other.startswith(f"{package}/")]
    imports = {name for facts in project.facts.values() for name in facts.imports}
    parts = package.split("/")
    names = [".".join(parts[start:]) for start in range(len(parts))]
    shown = [name for name in names if any(each == name or each.startswith(f"{name}.") for each in imports)]
    if len(shown) == 1:
        return shown[0]
    if shown or parts[:-1] not in ([], ["src"], ["lib"]):
        return None
    stems = {other.rpartition("/")[2].removesuffix(".py") for other in inside} - {"__init__", *sys.stdlib_module_names}
    is_relative = any(each.startswith(".") for other in inside for each in project.facts[other].imports)
    is_bare = any(stems & {each.split(".")[0] for each in project.facts[other].imports} for other in inside)
    return parts[-1] if is_relative or not is_bare else None


def _is_renamed(project: Project, package: str) -> bool:
    """Return whether packaging maps a folder to a package of another name: `package_dir={"shop": "src"}`."""
    mapped = re.compile(rf"""([\w.]+)["']?\s*[=:]\s*["']?(?:\./)?{re.escape(package)}/?["']?\s*(?:[,}}\n]|$)""")
    return any(
        not f".{package.replace('/', '.')}".endswith(f".{match[1]}")
        for text in project.deploy.values()
        for start in re.finditer(r"package[_-]dir", text)
        for match in mapped.finditer(text, start.end(), start.end() + _LONGEST_MAPPING)
    )


def _home(project: Project, folder: str, module: str) -> SettingsHome:
    path = f"{folder}/settings.py" if folder else "settings.py"
    ours = path in project.files and "fields" in project.facts[path].marks
    if not ours and _is_taken(project, folder, path, module):
        path = path.removesuffix("settings.py") + "maestro_settings.py"
        module = module.removesuffix("settings") + "maestro_settings"
    return SettingsHome(path, f"{module}.settings")


def _is_taken(project: Project, folder: str, path: str, module: str) -> bool:
    """Return whether `settings` already is something: a file, a name of the package, a module that comes from elsewhere, a file that is not shipped."""
    if path in project.files or f"{path.removesuffix('.py')}/__init__.py" in project.files:
        return True
    if _left_out(project, path):
        return True
    package = project.facts.get(f"{folder}/__init__.py") if folder else None
    if package is not None and ("settings" in package.bound or package.stars):
        return True
    return project.is_imported(module) or (
        package is not None and project.is_asked_for(f"{folder}/__init__.py", "settings")
    )


def start_of(module: Module) -> list[str] | None:
    """
    Return what a file that may be run by its path imports in any case, `None` for a file that nothing shows to be run so.

    A file with a `__main__` guard, or a `#!` line and something to do, can be started from anywhere; only what it imports outside of `try` shows what is
    importable then. A `#!` line above nothing but definitions, as editors put it into every file once, starts nothing.
    """
    text = module.source.text
    is_script = text.startswith(b"#!") and any(map(_does_something, module.tree.body))
    if not is_script and re.search(rb"""__name__\s*==\s*["']__main__["']""", text) is None:
        return None
    return sorted(
        alias.name if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
        for node, _scope in module.tables.imports
        for alias in node.names
        if not module.is_typing_only(node) and not any(isinstance(outer, ast.Try) for outer in module.ancestors(node))
    )


def _does_something(node: ast.AST) -> bool:
    """Return whether a statement of a file does more than define names."""
    if isinstance(node, ast.If | ast.Try | ast.TryStar | ast.ExceptHandler):
        inner = (each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt | ast.ExceptHandler))
        return any(map(_does_something, inner))
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return isinstance(node, ast.For | ast.While | ast.With | ast.Match | ast.Delete | ast.Raise)


def _unreachable(project: Project, path: str, top: str) -> str:
    """Return why code in `path` may run where the top package of its settings cannot be imported, or an empty string."""
    if "/" not in path or path.endswith("/__main__.py"):
        return ""
    facts = project.facts[path]
    bare = _bare_use(project, path)
    if bare and not _imports_below(facts.imports, top):
        return f"import-unproven: {bare}, as code does that is run from inside the folder, where {top} may not be importable"
    starts = facts.marks.get("starts")
    if starts is not None and not _imports_below(starts, top):
        return (
            f"import-unproven: {path} can be run by its path, and nothing in it shows that {top} can be imported then"
        )
    caller = next((name for name, text in sorted(project.deploy.items()) if _runs_by_path(text, path)), "")
    if caller and not _imports_below(facts.imports, top):
        return f"import-unproven: {caller} runs {path} by its path, and nothing in it shows that {top} can be imported then"
    return ""


def _imports_below(imports: Iterable[str], top: str) -> bool:
    return any(name.startswith((".", f"{top}.")) or name == top for name in imports)


def _runs_by_path(text: str, path: str) -> bool:
    return (
        re.search(rf"python[\d.]*[\"']?(?:[ ,]+[\"']?-\w+[\"']?)*[ ,]+[\"']?(?:\S*/)?{re.escape(path)}\b", text)
        is not None
    )


def _bare_use(project: Project, path: str) -> str:
    """Return who imports `path` by a name without its package, or that it imports a neighbour so; empty where nobody does."""
    package = path.rpartition("/")[0]
    while f"{package.rpartition('/')[0]}/__init__.py" in project.files:
        package = package.rpartition("/")[0]
    below = path.removesuffix(".py").removeprefix(f"{package}/").split("/")
    own = {".".join(below[start:end]) for start in range(len(below)) for end in range(start + 1, len(below) + 1)}
    near = _neighbours_of(project, path, package)
    for other, name in _bare_imports(project, package):
        if other == path and name.partition(".")[0] in near:
            return f"it imports {name} by its bare name"
        if other != path and name in own and name.partition(".")[0] in _neighbours_of(project, other, package):
            return f"{other} imports {name} by its bare name"
    return ""


@remembered
def _bare_imports(project: Project, package: str) -> tuple[tuple[str, str], ...]:
    """Return the absolute imports inside a package that are neither of the standard library nor of a distribution that the project asks for."""
    needed = "\n".join(project.deploy.values()).lower().replace("-", "_")
    return tuple(
        (other, name)
        for other in sorted(project.facts)
        if other.startswith(f"{package}/")
        for name in project.facts[other].imports
        if not name.startswith(".") and (top := name.partition(".")[0]) not in sys.stdlib_module_names
        and re.search(rf"(?m)(?:^|[\"'])\s*{re.escape(top.lower())}\s*(?:[\[=<>~!;,\"'@]|$)", needed) is None
    )  # fmt: skip


def _neighbours_of(project: Project, path: str, package: str) -> frozenset[str]:
    stem = path.rpartition("/")[2].removesuffix(".py")
    return (_neighbours(project, path.rpartition("/")[0]) | _neighbours(project, package)) - {stem}


@remembered
def _neighbours(project: Project, folder: str) -> frozenset[str]:
    """Return the names by which the modules of a folder are imported when it is on the path."""
    inside = (path.removeprefix(f"{folder}/") for path in project.files if path.startswith(f"{folder}/"))
    return frozenset(each.partition("/")[0].removesuffix(".py") for each in inside) - {"__init__"}


def _left_out(project: Project, path: str) -> str:
    """Return the ignore file whose patterns leave a new file out, or an empty string."""
    for name in (".gitignore", ".dockerignore"):
        for line in project.deploy.get(name, "").splitlines():
            pattern = line.strip().removeprefix("/").removeprefix("**/")
            if (
                pattern.strip("*/")
                and pattern[0] not in "#!"
                and (fnmatch(path, pattern) or fnmatch(path.rpartition("/")[2], pattern))
            ):
                return name
    return ""
