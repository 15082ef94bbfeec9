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
from ._facts import facts_of
from ._files import is_service_code
from ._project import PATCH_WORDS, Facts, Project, import_names
from ._recipe import Recipe, shortest
from ._semantics import Module
from ._source import UnreadableSource, check_syntax, read_source
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
        mark = b"whole" if words is None else b" ".join(words.modules)

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
    retiring = {names[path][0].rpartition(".")[2].encode() for path in files if _retires(facts[path]) and names[path]}
    if retiring:
        unread = [path for path in files if not _is_told(facts[path])]
        facts |= scanned(unread, replace(usual, modules=tuple(sorted(retiring))))
    lenders = _lenders(
        Project(facts, names=names), {site.split(".")[0] for recipe in options.recipes for site in recipe.sites}
    )
    if lenders:
        facts |= scanned(lenders, None)
    return Scan(facts, digest(*(f"{path} {seen[path]}".encode() for path in sorted(seen))), names)


def _retires(facts: Facts) -> bool:
    """Return whether a recipe may take top-level names of the file away, so that whoever may import it has to be read."""
    return any(isinstance(found, dict) and found.get("retires") for found in facts.recipes.values())


def _is_told(facts: Facts) -> bool:
    """Return whether a file was parsed, as far as its facts show."""
    return bool(facts.uses or facts.exports or facts.recipes or facts.unparsed)


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
    """What a file must hold for its facts to matter to any other file, and the names whose imports always do; plain searches first, since they cost next to nothing."""

    words: tuple[bytes, ...]
    heads: tuple[tuple[bytes, re.Pattern[bytes]], ...]
    named: frozenset[str]
    modules: tuple[bytes, ...] = ()  # the last parts of modules that may lose names

    def passes(self, raw: bytes) -> bool:
        """Return whether the file has to be parsed."""
        if any(word in raw for word in (*self.words, *self.modules, *PATCH_WORDS, *_REFLECTIVE)):
            return True
        if any(word in raw and pattern.search(raw) for word, pattern in _TELLING):
            return True
        return any(head in raw and borrowed.search(raw) for head, borrowed in self.heads)

    def passes_package(self, raw: bytes) -> bool:
        """Return whether a package's own file has to be parsed: it may hand on names, or bind one that a recipe would add."""
        return b"import" in raw or any(head in raw for head, _ in self.heads)


_REFLECTIVE = (b"sys.modules", b"import_module(", b"__import__(", b"run_path(", b"run_module(")
# A plain word to look for first, and the pattern that it is part of. What another file knows as a logger may be set here.
_TELLING = (
    (b"*", re.compile(rb"import[ \t]+\*")),
    (b"vars(", re.compile(rb"\bvars\(\w")),
    (b"dir(", re.compile(rb"\bdir\(\w")),
    (b"getmembers(", re.compile(rb"\bgetmembers\(\w")),
    (b"log", re.compile(rb"log(?:ger)?[ \t]*=(?!=)")),
    (b"def log", re.compile(rb"def log(?:ger)?\(")),
)


def prefilter(recipes: Sequence[Recipe], *, named: frozenset[str]) -> Prefilter:
    """Return what a file must hold to matter to some recipe, or to files that do; `named` are the names whose imports matter in any file."""
    heads = sorted({site.partition(".")[0] for recipe in recipes for site in (*recipe.sites, *recipe.adds)})
    forms = (r"from\s+[.\w]+\s+import\s[^\n]*\b{0}\b", r"[\w)\]]\.{0}\b", r"""["']{0}["']""", r"^[ \t]+{0},?[ \t]*$")
    borrowed = [re.compile("|".join(form.format(head) for form in forms).encode(), re.MULTILINE) for head in heads]
    return Prefilter(
        shortest(word for recipe in recipes for word in recipe.looks_for),
        tuple((head.encode(), pattern) for head, pattern in zip(heads, borrowed, strict=True)),
        named,
    )


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
        # A report names every file that is no Python, whatever it is about. The scan for modules comes second, and only of what was Python.
        if not reason and not words.modules:
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
        if not any(word in raw for word in recipe.looks_for):
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
