"""
What every file tells the others, gathered before any of them is rewritten.

A file is parsed only if it holds a word that some recipe looks for, or could hand something on to a file that does.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from ._cache import ResultCache, build_digest, digest
from ._exact_headers import MAY_COMPARE
from ._facts import LOOKS_WITH, facts_of
from ._files import is_service_code
from ._patch_words import PATCH_WORDS
from ._project import Facts, Project, import_names
from ._recipe import Recipe
from ._semantics import Module
from ._source import UnreadableSource, check_syntax, read_source
from ._words import Words
from ._workers import Work, run_over

__all__ = ["Options", "Prefilter", "Scan", "prefilter", "scan_files"]

# Which names the project is imported by is wanted of files that no recipe looks at, too; a line that only looks like an import does no harm.
_IMPORTS = re.compile(rb"(?m)^[ \t]*(?:from|import)[ \t]+([A-Za-z_][\w.]*)")


@dataclass(frozen=True)
class Options:
    """How to plan: recipes, whether to apply changes that want review, processes, cache, who is told of progress, and (recipe, path) pairs to leave out."""

    recipes: tuple[Recipe, ...]
    unsafe: bool = False
    jobs: int = 0
    cache: Path | None = None
    progress: Callable[[str, int, int], None] | None = None
    withheld: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Scan:
    """The facts of some files, a digest of them all, and the names by which each can be imported."""

    facts: Mapping[str, Facts]
    digest: str
    names: Mapping[str, tuple[str, ...]]


def scan_files(root: Path, files: Sequence[str], options: Options, store: ResultCache) -> Scan:
    """Return what the files below `root` tell each other."""
    names = import_names(files)
    roots = frozenset(part for each in names.values() for name in each[:2] for part in [name.split(".")[0]])
    recipes = (f"{r.id} {r.version}".encode() for r in options.recipes)
    named = roots | {part for path in files for part in path.removesuffix(".py").split("/")} - sys.stdlib_module_names
    context = digest(build_digest().encode(), "\0".join(sorted(named)).encode(), *recipes).encode()
    empty = Project({}, files=files, names=names)
    seen: dict[str, str] = {}
    memo: dict[str, str] = {}

    def scanned(paths: Sequence[str], words: Prefilter | None) -> dict[str, Facts]:
        mark = b"whole" if words is None else b" ".join(words.retiring)

        def key(path: str, raw: bytes) -> str:
            return digest(context, mark, path.encode(), names[path][0].encode() if names[path] else b"", raw)

        work = Work("scan", partial(_scan_file, empty, roots, options.recipes, words), key, _unread)
        texts = run_over(root, paths, work, store=store, jobs=options.jobs, progress=options.progress)
        found = {}
        for path in paths:
            text = texts[path]
            seen[path] = digest(text.encode())
            found[path] = _facts(text, memo)
        return found

    usual = prefilter(options.recipes, named=named)
    facts = scanned(files, usual)
    retiring, changing = _retiring(facts, names)
    if retiring:
        unread = [path for path in files if not facts[path].is_read and not facts[path].unparsed]
        users = _users(Project(facts, names=names), changing) if changing else []
        facts |= scanned([*unread, *users], replace(usual, retiring=retiring))
    lenders = _lenders(
        Project(facts, names=names), {site.split(".")[0] for recipe in options.recipes for site in recipe.sites}
    )
    if lenders:
        facts |= scanned(lenders, None)
    return Scan(facts, digest(*(f"{path} {seen[path]}".encode() for path in sorted(seen))), names)


def _retiring(
    facts: Mapping[str, Facts], names: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[bytes, ...], frozenset[str]]:
    """Return words of which whoever may import what recipes take away or make something else of holds one, and the qualified names of the latter."""
    words: set[str] = set()
    changing: set[str] = set()
    for path, told in facts.items():
        for found in told.recipes.values():
            retired = found.get("retires") if isinstance(found, dict) else None
            if retired and names[path]:
                words.add(names[path][0].rpartition(".")[2])
                words |= {"from ."} if path.endswith("__init__.py") else set()
                changing |= {
                    f"{name}.{each}" for name in names[path] for each in (retired if retired is not True else ())
                }
    last = {name.rpartition(".")[2] for name in changing}
    if last:
        words |= last
        words |= {
            name
            for told in facts.values()
            for name, target in told.exports.items()
            if target.rpartition(".")[2] in last
        }
    return tuple(sorted(word.encode() for word in words)), frozenset(changing)


def _users(project: Project, changing: frozenset[str]) -> list[str]:
    """Return the files that were read and use one of the names."""
    return [
        path for path, told in project.facts.items() if any(project.canonical(use) in changing for use in told.uses)
    ]


def _unread(reason: str) -> str:
    return json.dumps({"unparsed": reason})


_NONE: dict[str, Any] = {
    each.name: each.default_factory() for each in fields(Facts) if each.default_factory is not MISSING
}
_NOTHING = Facts(**_NONE)


def _facts(text: str, memo: dict[str, str]) -> Facts:
    """Return the facts that a text holds, which nobody changes any more: each name is kept once, however many files speak of it, and so is what is empty."""
    if text == "{}":
        return _NOTHING
    plain = json.loads(text)
    for name in ("uses", "imports", "bound", "rebinds"):
        if name in plain:
            plain[name] = [memo.setdefault(each, each) for each in plain[name]]
    if "exports" in plain:
        plain["exports"] = {memo.setdefault(k, k): memo.setdefault(v, v) for k, v in plain["exports"].items()}
    return Facts(**(_NONE | plain))


def _lenders(project: Project, heads: set[str]) -> list[str]:
    """Return the files that must be read whole: others star-import them, or take the plumbing's module from them although they do not use it."""
    wanted: set[str] = set()
    for each in project.facts.values():
        wanted.update(each.stars, _lending(each.uses, heads))
    return sorted({path for name in wanted if (path := project.path_of(name)) is not None})


def _lending(uses: Iterable[str], heads: set[str]) -> Iterable[str]:
    for use in uses:
        owner, _, last = use.rpartition(".")
        if last in heads:
            yield owner
        yield from (use.partition(f".{head}.")[0] for head in heads if f".{head}." in use)


@dataclass(frozen=True)
class Prefilter:
    """
    What a file must hold for its facts to matter to any other file, and the names whose imports always do.

    `retiring` is what whoever may import a retiring name holds: the name, or that of its module.
    """

    words: Words
    heads: tuple[tuple[bytes, Words], ...]
    named: frozenset[str]
    retiring: tuple[bytes, ...] = ()

    def passes(self, raw: bytes) -> bool:
        """Return whether the file has to be parsed."""
        if any(word in raw for word in self.retiring) or self.words.occur_in(raw):
            return True
        return any(head in raw and forms.occur_in(raw) for head, forms in self.heads)

    def passes_package(self, raw: bytes) -> bool:
        """Return whether a package's own file has to be parsed: it may hand on names, or bind one that a recipe would add."""
        return b"import" in raw or any(head in raw for head, _ in self.heads)


_REFLECTIVE = (b"sys.modules", b"import_module(", b"__import__(", b"run_path(", b"run_module(")
# What another file knows as a logger may be set here.
_TELLING = (
    ("*", r"import[ \t]+\*"),
    ("vars(", r"\bvars\(\w"),
    ("dir(", r"\bdir\(\w"),
    ("getmembers(", r"\bgetmembers\(\w"),
    ("log", r"log(?:ger)?[ \t]*=(?!=)"),
    ("def log", r"def log(?:ger)?\("),
    (".headers", MAY_COMPARE),
    *LOOKS_WITH,
)
_LISTED = r"from\s+[.\w]+\s+import\s[^\n]*\b{0}\b|^[ \t]+{0},?[ \t]*$"
_BORROWED: tuple[str | tuple[str, str], ...] = (
    "'{0}'",
    '"{0}"',
    (".{0}", r"[\w)\]]\.{0}\b"),
    *((f"{before}{{0}}", _LISTED) for before in (" ", "\t", ",", "(", "\\")),
)
"""How a file may ask another one for a module that it does not import itself."""


def prefilter(recipes: Sequence[Recipe], *, named: frozenset[str]) -> Prefilter:
    """Return what a file must hold to matter to some recipe, or to files that do; `named` are the names whose imports matter in any file."""
    of_recipes = [word for recipe in recipes for word in recipe.words or ("",)]
    heads = sorted({site.partition(".")[0] for recipe in recipes for site in (*recipe.sites, *recipe.adds)})
    return Prefilter(
        Words.of([*of_recipes, *PATCH_WORDS, *_REFLECTIVE, *_TELLING]),
        tuple((head.encode(), Words.of(_spelled(form, head) for form in _BORROWED)) for head in heads),
        named,
    )


def _spelled(form: str | tuple[str, str], head: str) -> str | tuple[str, str]:
    return form.format(head) if isinstance(form, str) else (form[0].format(head), form[1].format(head))


@cache
def _sites_of(groups: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    return frozenset(site for group in groups for site in group)


def _scan_file(
    project: Project,
    roots: frozenset[str],
    recipes: Sequence[Recipe],
    words: Prefilter | None,
    path: str,
    raw: bytes,
) -> str:
    if words is not None and not words.passes(raw) and not (path.endswith("__init__.py") and words.passes_package(raw)):
        reason = ""
        if b"\0" in raw:
            reason = "holds NUL bytes: binary, or UTF-16 text that Python does not read either"
        imports = sorted(
            {name.decode() for name in _IMPORTS.findall(raw) if name.split(b".")[0].decode() in words.named}
        )
        # A report names every file that is no Python, whatever it is about. The scan for what retires comes second, and only of what was Python.
        if not reason and not words.retiring:
            try:
                check_syntax(read_source(raw, path))
            except UnreadableSource as error:
                reason = str(error)
        return json.dumps({"unparsed": reason} if reason else {"imports": imports} if imports else {})
    try:
        module = Module(read_source(raw, path), project)
    except UnreadableSource as error:
        return json.dumps({"unparsed": str(error)})
    facts = facts_of(module, roots, sites=_sites_of(tuple(recipe.sites for recipe in recipes)))
    for recipe in recipes if is_service_code(path, raw) else ():
        is_wanted = words is None or recipe.looks_for.occur_in(raw) or any(word in raw for word in words.retiring)
        if not is_wanted:
            continue
        if recipe.sites:
            count = module.count(recipe.sites)
            if count:
                facts.sites[recipe.id] = count
            elif not facts.hidden and module.mentions(recipe.sites):
                facts.hidden = True
        if recipe.scan is not None:
            module.recipe = recipe.id
            try:
                found = recipe.scan(module)
            except Exception as error:  # noqa: BLE001  # the boundary to recipes, which anybody writes
                facts.failed[recipe.id] = f"{type(error).__name__}: {error}"
                continue
            if found:
                facts.recipes[recipe.id] = found
    facts.marks = module.marks
    bound = module.tables.module.bindings.keys()
    if words is None:
        facts.bound = sorted(bound)
    elif path.endswith("__init__.py"):
        facts.bound = sorted(bound & {name for recipe in recipes for name in recipe.adds})
    plain = ((each.name, getattr(facts, each.name)) for each in fields(facts))
    return json.dumps({name: value for name, value in plain if value})
