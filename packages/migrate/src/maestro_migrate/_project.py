"""
What the files of a service say about each other: re-exports, who uses whose names, and what tests patch.

Each file contributes `Facts`, plain data that the cache keeps; `Project` joins them. Nothing of the service is imported.
"""

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from ._layout import line_length
from ._line_breaks import line_limit
from ._told_style import ToldStyle

__all__ = ["Facts", "Project", "import_names", "is_test_path", "module_names", "remembered"]

MOST_HOPS = 32
"""No chain of re-exports is followed further."""

_STANDARD = frozenset(sys.stdlib_module_names)


@dataclass(slots=True)
class Facts:
    """
    What one file tells the others.

    `exports` maps module-level names to what they are imported from, or to `f()` for the result of calling `f`; `uses` are chains into
    imported modules; `patches` dotted names that tests replace; `loose` attribute names replaced on an object that could not be told;
    `imports` the modules as the import statements name them, relative ones with their dots; `marks` what an earlier migration left in the file; `swapped` modules that are
    replaced in `sys.modules`; `bound` every module-level name, kept only for modules that another one star-imports (of a package those that a recipe would add); `failed` why a
    recipe could not read the file; `hidden` whether it reaches plumbing in a way that names do not show; `named` the project's modules that strings may
    import; `borrowed` the words and chains of the plumbing that are read as attributes of something unknown; `rebinds` the attributes set on objects whose class is not shown;
    `is_read` whether the file was parsed at all; `compares_headers` the line that compares all headers of a response, 0 where none does; `looks_with` what a test may look
    at written lines with: fixtures of pytest's that catch them, structlog's renderer, and `json` where it also spells a piece of JSON.
    """

    exports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    patches: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    recipes: dict[str, Any] = field(default_factory=dict)
    sites: dict[str, int] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    marks: dict[str, Any] = field(default_factory=dict)
    unparsed: str = ""
    swapped: list[str] = field(default_factory=list)
    bound: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    hidden: bool = False
    named: list[str] = field(default_factory=list)
    borrowed: list[str] = field(default_factory=list)
    rebinds: list[str] = field(default_factory=list)
    is_read: bool = False
    compares_headers: int = 0
    looks_with: list[str] = field(default_factory=list)


def module_names(path: str) -> tuple[str, ...]:
    """Return every dotted name under which a file could be imported, longest first: `src/a/b.py` gives `src.a.b`, `a.b`, `b`."""
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    return tuple(".".join(parts[start:]) for start in range(len(parts)))


def import_names(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """
    Return the dotted names by which each file can be imported, most likely first.

    A folder with an `__init__.py` is never stripped from the front; folders without one may be entries of `sys.path`.
    """
    files = set(paths)
    names: dict[str, tuple[str, ...]] = {}
    for path in files:
        parts = path.removesuffix(".py").split("/")
        folders = parts[:-1]
        if parts[-1] == "__init__":
            parts, folders = parts[:-1], parts[:-2]
        top = len(folders)
        while top > 0 and "/".join([*folders[:top], "__init__.py"]) in files:
            top -= 1
        best = top if top < len(folders) or top == 0 else (1 if folders and folders[0] in {"src", "lib"} else 0)
        order = [best, *(start for start in range(top + 1) if start != best)]
        names[path] = tuple(".".join(parts[start:]) for start in order if parts[start:])
    return names


def is_test_path(path: str) -> bool:
    """Return whether a path belongs to a test-suite by the naming that pytest and unittest go by."""
    *folders, name = path.split("/")
    return (
        name.startswith("test_")
        or name.endswith("_test.py")
        or name in {"conftest.py", "tests.py"}
        or bool({"tests", "test", "testing"} & set(folders))
    )


class Project:
    """
    The joined facts of a service's files.

    `deploy` is the text of the files that say what is shipped (Dockerfile, setup.py, …), `settings` of those that may name code,
    `styles` of those that say how it is to look.
    """

    def __init__(
        self,
        facts: Mapping[str, Facts],
        *,
        files: Iterable[str] = (),
        deploy: Mapping[str, str] | None = None,
        settings: str = "",
        styles: Mapping[str, str] | None = None,
        names: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.facts = facts
        self.deploy = deploy or {}
        self.settings = settings
        self.styles = styles or {}
        self.files = frozenset(files) | frozenset(path for path in facts if path.endswith(".py"))
        self.names = names if names is not None else import_names(self.files)
        self.answers: dict[object, dict[Any, Any]] = {}
        self._by_name = self._index_names()
        self._canonical: dict[str, str] = {}
        self._spelt: dict[str, str] = {}

    def _index_names(self) -> dict[str, str]:
        claimed: dict[str, list[str]] = {}
        for path, names in self.names.items():
            for position, name in enumerate(names):
                if position == 0 or ("." in name or (name not in _STANDARD)):
                    claimed.setdefault(name, []).append(path)
        index = {name: paths[0] for name, paths in claimed.items() if len(paths) == 1}
        for path, names in sorted(self.names.items()):
            if names:
                index.setdefault(names[0], path)
        return index

    def shipped_by_name(self, module: str) -> str | None:
        """Return the deployment file that lists the top-level module file by name, so that a new file beside it would not be shipped."""
        for name, text in sorted(self.deploy.items()):
            if re.search(rf"(?m)^\s*(?:COPY|ADD)\b[^\n]*\b{re.escape(module)}\.py\b", text) or re.search(
                rf"py[_-]modules[^\]\n]*\b{re.escape(module)}\b", text
            ):
                return name
        return None

    def told(self, recipe: str) -> Mapping[str, Any]:
        """Return what a recipe's scan found in each file where it found something, by path in order."""
        return self._told.get(recipe, {})

    @cached_property
    def _told(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path in sorted(self.facts):
            for recipe, what in self.facts[path].recipes.items():
                found.setdefault(recipe, {})[path] = what
        return found

    @cached_property
    def replaced_attributes(self) -> frozenset[str]:
        """Return the last names of all that tests and code put something else in the place of, whatever it belongs to."""
        every = (name for facts in self.facts.values() for name in (*facts.patches, *facts.loose))
        return frozenset(name.rpartition(".")[2] for name in every)

    def may_be_rebound(self, attribute: str, result: str) -> bool:
        """Return whether anything in the project may set an attribute of this name to something other than the result of the call."""
        others = self._rebound.get(attribute, frozenset()) | self._rebound.get(f".{attribute}", frozenset())
        return not others <= {result}

    def is_set_from_outside(self, attribute: str) -> bool:
        """Return whether an attribute of this name is set on something that is no class's own `self`: a module, too, if it was handed in."""
        return f".{attribute}" in self._rebound

    @cached_property
    def _rebound(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for facts in self.facts.values():
            for entry in facts.rebinds:
                name, _, value = entry.partition("=")
                found.setdefault(name, set()).add(self.value_of(value[:-2]) or value)
        return {name: frozenset(values) for name, values in found.items()}

    @cached_property
    def line_length(self) -> int | None:
        """Return how long the lines may be that the service's formatter makes, `None` where it has none that is configured."""
        return line_length(self.deploy.get("pyproject.toml", ""))

    @cached_property
    def line_limit(self) -> int | None:
        """Return how long the lines may be that the service's formatter makes or its linter lets pass, `None` where nothing complains."""
        return line_limit({**self.deploy, **self.styles})

    @cached_property
    def header_comparison(self) -> str:
        """Return where a test compares all headers of a response with what it expects, empty where none does."""
        found = ((path, self.facts[path].compares_headers) for path in sorted(self.facts) if is_test_path(path))
        return next((f"{path}:{line}" for path, line in found if line), "")

    @cached_property
    def told_style(self) -> ToldStyle:
        """Return what the service's linters are told about imports and commas."""
        return ToldStyle.of({**self.deploy, **self.styles})

    @cached_property
    def first_party(self) -> frozenset[str]:
        """Return the top-level names that the project's own files are imported by."""
        return frozenset(self.import_name(path).split(".")[0] for path in self.files)

    def import_name(self, path: str) -> str:
        """Return the dotted name by which the file is most likely imported."""
        names = self.names.get(path) or module_names(path)
        used = next((name for name in names if name in self._imported), None)
        below = next((name for name in names if "." in name and name.rpartition(".")[0] in self._imported), None)
        return used or below or (names[0] if names else path)

    def is_imported(self, name: str) -> bool:
        """Return whether some file of the project imports this module by this name, or a name below it."""
        return name in self._imported

    def asked_below(self, name: str) -> frozenset[str]:
        """Return what files of the project ask of a module by this name: its submodules, and what else they take from it."""
        pairs = (each.rpartition(".") for each in self._imported)
        return frozenset(last for owner, _, last in pairs if owner == name)

    @cached_property
    def _imported(self) -> frozenset[str]:
        prefixes: set[str] = set()
        for facts in self.facts.values():
            for use in (*facts.uses, *facts.stars, *(name for name in facts.imports if not name.startswith("."))):
                prefixes.update(_prefixes(use, self._spelt))
        return frozenset(prefixes)

    def path_of(self, name: str) -> str | None:
        """Return the file that a dotted module name stands for, or `None` when it is not of this project."""
        return self._by_name.get(name)

    def canonical(self, qualname: str) -> str:
        """Return a qualified name with the project's own re-exports followed to where the thing comes from."""
        known = self._canonical.get(qualname)
        if known is None:
            known = self._canonical[qualname] = self._follow(qualname)
        return known

    def _follow(self, qualname: str) -> str:
        current = qualname
        for _ in range(MOST_HOPS):
            step = self._export(current)
            if step is None or step[0].endswith("()"):
                return current
            asked = ".".join(current.split(".")[: -len(step[1])]) if step[1] else current
            if step[0].startswith(f"{asked}."):
                return current  # `from .settings import settings` of a submodule that is no file here: the name hides the way to itself
            current = ".".join([step[0], *step[1]])
        return qualname  # names that lead to each other for ever

    def _export(self, qualname: str) -> tuple[str, list[str]] | None:
        parts = qualname.split(".")
        for end in range(len(parts) - 1, 0, -1):
            path = self._by_name.get(".".join(parts[:end]))
            if path is None:
                continue
            target = self.facts[path].exports.get(parts[end]) if path in self.facts else None
            return (target, parts[end + 1 :]) if target else None
        return None

    def value_of(self, qualname: str) -> str | None:
        """Return `f()` where a qualified name of this project holds the result of calling `f`."""
        step = self._export(self.canonical(qualname))
        if step is None or step[1] or not step[0].endswith("()"):
            return None
        return self.canonical(step[0][:-2]) + "()"

    def star_is_harmless(self, source: str, name: str, target: str) -> bool:
        """Return whether `from source import *` is proven not to change what `name`, imported from `target`, means."""
        path = self._by_name.get(source)
        if path is None or path not in self.facts or self.facts[path].stars or self.facts[path].unparsed:
            return False
        return name not in self.facts[path].bound or self.facts[path].exports.get(name) == target

    def is_starred(self, path: str) -> bool:
        """Return whether another module of the project star-imports this file."""
        return any(name in self._starred for name in module_names(path))

    def hides(self, path: str, target: str) -> str:
        """
        Return the project's file that the name of a standard module may mean instead, or an empty string.

        An import finds it first when the code is run from its folder; in a package's own file, whoever imports the submodule rebinds the name.
        """
        root = target.partition(".")[0]
        if root not in self._standard_names:
            return ""
        folder = path.rpartition("/")[0]
        own = f"{folder}/__init__.py" if f"{folder}/__init__.py" in self.files else None
        places = {"", "src/", "lib/"} | ({f"{folder}/"} if folder and own in {path, None} else set())
        return next(
            (
                file
                for place in sorted(places)
                for file in (f"{place}{root}.py", f"{place}{root}/__init__.py")
                if file in self.files
            ),
            "",
        )

    @cached_property
    def _standard_names(self) -> frozenset[str]:
        """Return the standard modules whose name some file of the project has too."""
        found = set()
        for path in self.files:
            *folders, name = path.split("/")
            found.add(folders[-1] if name == "__init__.py" and folders else name.removesuffix(".py"))
        return frozenset(found & _STANDARD)

    @cached_property
    def _replaced(self) -> dict[str, str]:
        """Return each prefix of a patched name with the patch that it comes from."""
        found: dict[str, str] = {}
        for path in sorted(self.facts):
            for name in self.facts[path].patches:
                parts = name.split(".")
                for end in range(2, len(parts) + 1):
                    found.setdefault(".".join(parts[:end]), f'"{name}" in {path}')
        return found

    @cached_property
    def _replaced_whole(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in sorted(self.facts):
            for name in self.facts[path].patches:
                found.setdefault(self._slot(name), f'"{name}" in {path}')
        return found

    @cached_property
    def _swapped(self) -> dict[str, str]:
        return {name: path for path in sorted(self.facts, reverse=True) for name in self.facts[path].swapped}

    def _slot(self, qualname: str) -> str:
        """Return the attribute that a dotted name stands for: where its owner comes from, and its own last part."""
        owner, _, last = qualname.rpartition(".")
        return f"{self.canonical(owner)}.{last}" if owner else qualname

    @cached_property
    def _loose(self) -> dict[str, str]:
        return {name: f'attribute "{name}" in {path}' for path in sorted(self.facts) for name in self.facts[path].loose}

    def patched(
        self, names: Iterable[str], local: str, raw: str, qualname: str, *, through: Collection[str] = ()
    ) -> str:
        """
        Return the patch that replaces something which a use goes through, or an empty string.

        `names` are the dotted names of the module, `local` the name it uses, `raw` the chain as imported, `qualname` what that comes from and
        `through` what the library looks up where this use does, so that it meets the same patch.
        """
        for name in names:
            hit = self._replaced.get(f"{name}.{local}") or self._replaced.get(f"{name}.*")
            if hit:
                return hit
        if local in self._loose:
            return self._loose[local]
        if qualname.partition(".")[0] in self._swapped:
            return f"sys.modules[{qualname.partition('.')[0]!r}] in {self._swapped[qualname.partition('.')[0]]}"
        is_handed_on = raw != qualname
        for chain in {raw, qualname}:
            parts = chain.split(".")
            for end in range(2, len(parts) + 1):
                slot = self._slot(".".join(parts[:end]))
                if slot in through and not is_handed_on:
                    continue
                hit = self._replaced_whole.get(slot) or self._replaced_whole.get(f"{slot.rpartition('.')[0]}.*")
                if hit:
                    return hit
        parts = qualname.split(".")
        hit = self._loose.get(parts[-1], "") if len(parts) == 2 else ""
        if qualname == "os.getenv":
            return hit or self._replaced_whole.get("os.environ.get", "")  # which `os.getenv` goes through
        return hit

    def needs_name(self, path: str, local: str, *, listed: Collection[str] | None = None) -> str:
        """
        Return who else relies on a module's local name (an import, an attribute, a patch, a star import), or an empty string.

        `listed` are the names in the module's `__all__`, where it is known, which are all that a star import takes.
        """
        for name in module_names(path):
            key = f"{name}.{local}"
            if f"{name}.*" in self._used:
                return f"the names of {name} are listed in {self._used[f'{name}.*']}"
            if key in self._replaced or f"{name}.*" in self._replaced:
                return self._replaced.get(key) or self._replaced[f"{name}.*"]
            if name in self._named and local in self._borrowed:
                return f"{name} is imported by a string in {self._named[name]}, and .{local} of something is used in {self._borrowed[local]}"
            if key in self._used:
                return f"{key} is used in {self._used[key]}"
            if name in self._starred and (listed is None or local in listed):
                return f"{name} is star-imported in {self._starred[name]}"
        return self._loose.get(local) or self._borrowed_through(local)

    def _borrowed_through(self, local: str) -> str:
        chains = (chain for chain in self._borrowed if chain.startswith(f"{local}."))
        return next((f".{chain} of something is used in {self._borrowed[chain]}" for chain in chains), "")

    def is_asked_for(self, path: str, local: str) -> bool:
        """Return whether another file asks a module for this very name, by an attribute, an import, a patch or `getattr`."""
        keys = [f"{name}.{local}" for name in module_names(path)]
        return any(key in self._used or key in self._replaced for key in keys)

    def lists_names_of(self, path: str) -> str:
        """Return the file that lists a module's names, those that are no constants included, or an empty string."""
        return next((user for name in module_names(path) if (user := self._used.get(f"{name}.*"))), "")

    @cached_property
    def _used(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in sorted(self.facts):
            for use in self.facts[path].uses:
                if use.partition(".")[0] in self._standard_names and not self.hides(path, use):
                    continue  # the standard module itself, and no file of ours that is called like it
                for prefix in _prefixes(use, self._spelt):
                    if "." in prefix:
                        found.setdefault(prefix, path)
        return found

    @cached_property
    def _named(self) -> dict[str, str]:
        return {name: path for path in sorted(self.facts, reverse=True) for name in self.facts[path].named}

    @cached_property
    def _borrowed(self) -> dict[str, str]:
        return {name: path for path in sorted(self.facts, reverse=True) for name in self.facts[path].borrowed}

    @cached_property
    def _starred(self) -> dict[str, str]:
        return {source: path for path in sorted(self.facts) for source in self.facts[path].stars}


def _prefixes(qualname: str, spelt: dict[str, str]) -> Iterator[str]:
    """Yield a dotted name's first part, first two parts, and so on to the whole; each is kept in memory once for all that ask."""
    end = qualname.find(".")
    while end != -1:
        yield spelt.setdefault(prefix := qualname[:end], prefix)
        end = qualname.find(".", end + 1)
    yield spelt.setdefault(qualname, qualname)


P = ParamSpec("P")
R = TypeVar("R")


def remembered(asks: Callable[Concatenate[Project, P], R]) -> Callable[Concatenate[Project, P], R]:
    """Remember what a function says about a project for as long as the project lives, and no longer."""

    @wraps(asks)
    def asked(project: Project, /, *args: P.args, **kwargs: P.kwargs) -> R:
        known = project.answers.setdefault(asks, {})
        key = (args, *sorted(kwargs.items()))
        if key not in known:
            known[key] = asks(project, *args, **kwargs)
        answer: R = known[key]
        return answer

    return asked
