"""
From a folder to a plan: scan every file for facts, join them, rewrite every file that a recipe may touch. Nothing is written.

Two phases with a barrier between them, each over processes in chunks of equal bytes; results are sorted by path, so that the plan is the same for
any number of workers. A file that kills its worker is named and left alone.
"""

import gc
import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ._cache import ResultCache, build_digest, digest
from ._cycles import closed_circles
from ._facts import facts_of
from ._files import is_service_code, python_files
from ._plan import FileWrite, MigrationPlan, UnparsedFile
from ._project import PATCH_WORDS, Facts, Project, import_names
from ._recipe import Recipe
from ._rounds import FileResult, rewrite_file
from ._semantics import Module
from ._source import UnreadableSource, read_source
from ._spans import Change, Edit, Finding, Safety

__all__ = ["Options", "plan", "scan"]

CHUNK_BYTES = 400_000
# Which names the project is imported by is wanted of files that no recipe looks at, too; a line that only looks like an import does no harm.
_IMPORTS = re.compile(rb"(?m)^[ \t]*(?:from|import)[ \t]+([A-Za-z_][\w.]*)")
INLINE_BYTES = 1_500_000


@dataclass(frozen=True)
class Options:
    """How to plan: recipes, whether to apply changes that want review, processes, cache, who is told of progress, and (recipe, path) pairs to leave out."""

    recipes: tuple[Recipe, ...]
    unsafe: bool = False
    jobs: int = 0
    cache: Path | None = None
    progress: Callable[[str, int, int], None] | None = None
    withheld: frozenset[tuple[str, str]] = frozenset()


def scan(root: Path, options: Options, *, paths: Sequence[str] | None = None) -> Project:
    """Return the project that the Python files below `root` make up."""
    files = list(paths) if paths is not None else python_files(root)
    with_cache = ResultCache(options.cache)
    try:
        return Project(_facts(root, files, options, with_cache), files=files)
    finally:
        with_cache.close()


def plan(root: Path, options: Options, *, service: str = "", paths: Sequence[str] | None = None) -> MigrationPlan:
    """Return everything that the recipes would do to the service in `root`."""
    files = list(paths) if paths is not None else python_files(root)
    made = _planned(root, options, service, files)
    held: dict[tuple[str, str], Finding] = {}
    while fresh := closed_circles(root, files, made.writes):
        held |= fresh
        made = _planned(root, replace(options, withheld=options.withheld | held.keys()), service, files)
    made.findings = sorted({*made.findings, *held.values()})
    return made


def _planned(root: Path, options: Options, service: str, files: list[str]) -> MigrationPlan:
    store = ResultCache(options.cache)
    try:
        facts = _facts(root, files, options, store)
        project = Project(facts, files=files, deploy=_deployment(root))
        results = _results(root, project, options, store)
    finally:
        store.close()
    made = MigrationPlan(service or root.name, scanned=len(files), requires=frozenset())
    made.unparsed = [UnparsedFile(path, facts[path].unparsed) for path in files if facts[path].unparsed]
    for path in files:
        for name, count in facts[path].sites.items():
            made.sites[name] = made.sites.get(name, 0) + count
        for name, reason in facts[path].failed.items():
            made.findings.append(
                Finding(path, 1, name, f"recipe-failed: {reason}", "report it to the recipe's author", "warning")
            )
    contributions: dict[str, list[tuple[str, Any]]] = {}
    for result in results:
        made.findings += result.findings
        made.rounds = max(made.rounds, result.rounds)
        for name, item in result.contributions:
            contributions.setdefault(name, []).append((result.path, item))
        if result.after is not None:
            made.writes.append(
                FileWrite(
                    result.path,
                    (root / result.path).read_bytes(),
                    result.after,
                    tuple(sorted(result.changes, key=lambda c: c.line)),
                    _theme(result.changes),
                )
            )
        if result.unparsed and not facts[result.path].unparsed:
            made.unparsed.append(UnparsedFile(result.path, result.unparsed))
    for recipe in options.recipes:
        if recipe.finish is not None and recipe.id in contributions:
            writes, findings = recipe.finish(project, contributions[recipe.id], root)
            made.writes += writes
            made.findings += findings
    made.writes.sort(key=lambda write: write.path)
    made.findings = sorted(set(made.findings))
    used = {change.recipe for write in made.writes for change in write.changes}
    made.requires = frozenset(need for recipe in options.recipes if recipe.id in used for need in recipe.needs)
    return made


def _deployment(root: Path) -> dict[str, str]:
    """Return the text of the files in a service's root that say what is shipped."""
    found: dict[str, str] = {}
    for path in sorted(root.iterdir()):
        if (
            path.name in {"setup.py", "setup.cfg", "pyproject.toml"}
            or path.name.startswith("Dockerfile")
            or path.suffix == ".dockerfile"
        ) and path.is_file():
            try:
                found[path.name] = path.read_text(encoding="utf-8", errors="replace")[:200_000]
            except OSError:
                continue
    return found


def _theme(changes: Iterable[Change]) -> str:
    themes = sorted({change.recipe.partition("/")[0] for change in changes})
    return themes[0] if len(themes) == 1 else "code"


def _facts(root: Path, files: Sequence[str], options: Options, store: ResultCache) -> dict[str, Facts]:
    names = import_names(files)
    roots = frozenset(part for each in names.values() for name in each[:2] for part in [name.split(".")[0]])
    context = digest(
        build_digest().encode(),
        "\0".join(sorted(roots)).encode(),
        *(f"{r.id} {r.version}".encode() for r in options.recipes),
    ).encode()
    empty = Project({}, files=files)

    def scanned(paths: Sequence[str], words: _Prefilter | None) -> dict[str, Facts]:
        work = partial(_scan_file, empty, roots, options.recipes, words)
        mark = b"whole" if words is None else b""
        raw = _run(
            root,
            paths,
            work,
            options,
            store,
            lambda path, data: digest(
                context, mark, path.encode(), names[path][0].encode() if names[path] else b"", data
            ),
            "scan",
        )
        return {path: Facts(**json.loads(raw[path])) for path in paths}

    facts = scanned(files, _prefilter(options.recipes))
    lenders = _lenders(facts, {site.split(".")[0] for recipe in options.recipes for site in recipe.sites})
    return facts | scanned(lenders, None) if lenders else facts


def _lenders(facts: Mapping[str, Facts], heads: set[str]) -> list[str]:
    """Return the files that must be read whole: others star-import them, or take the plumbing's module from them although they do not use it."""
    project = Project(facts)
    wanted = {star for each in facts.values() for star in each.stars}
    wanted |= {
        use.rpartition(".")[0] for each in facts.values() for use in each.uses if use.rpartition(".")[2] in heads
    }
    wanted |= {
        use.partition(f".{head}.")[0]
        for each in facts.values()
        for use in each.uses
        for head in heads
        if f".{head}." in use
    }
    return sorted({path for name in wanted if (path := project.path_of(name)) is not None})


@dataclass(frozen=True)
class _Prefilter:
    """What a file must hold for its facts to matter to any other file; plain searches first, since they cost next to nothing."""

    words: tuple[bytes, ...]
    heads: tuple[tuple[bytes, re.Pattern[bytes]], ...]

    def passes(self, raw: bytes) -> bool:
        """Return whether the file has to be parsed."""
        if any(word in raw for word in self.words) or PATCH_WORDS.search(raw) or _STAR.search(raw):
            return True
        return any(head in raw and borrowed.search(raw) for head, borrowed in self.heads)


_STAR = re.compile(rb"import[ \t]+\*|sys\.modules|\b(?:vars|dir|getmembers)\(\w")


def _prefilter(recipes: Sequence[Recipe]) -> _Prefilter:
    words = tuple(sorted({word.encode() for recipe in recipes for word in recipe.words}))
    heads = sorted({site.partition(".")[0] for recipe in recipes for site in recipe.sites})
    forms = (r"from\s+[.\w]+\s+import\s[^\n]*\b{0}\b", r"\w\.{0}\b", r"""["']{0}["']""", r"^[ \t]+{0},?[ \t]*$")
    borrowed = [re.compile("|".join(form.format(head) for form in forms).encode(), re.MULTILINE) for head in heads]
    return _Prefilter(words, tuple((head.encode(), pattern) for head, pattern in zip(heads, borrowed, strict=True)))


def _scan_file(
    project: Project,
    roots: frozenset[str],
    recipes: Sequence[Recipe],
    words: _Prefilter | None,
    path: str,
    raw: bytes,
) -> str:
    if words is not None and not words.passes(raw) and not (path.endswith("__init__.py") and b"import" in raw):
        reason = ""
        if b"\0" in raw:
            reason = "holds NUL bytes: binary, or UTF-16 text that Python does not read either"
        imports = sorted({name.decode() for name in _IMPORTS.findall(raw) if name.split(b".")[0].decode() in roots})
        return json.dumps({"unparsed": reason} if reason else {"imports": imports} if imports else {})
    try:
        module = Module(read_source(raw, path), project)
    except UnreadableSource as error:
        return json.dumps({"unparsed": str(error)})
    facts = facts_of(module, roots)
    for recipe in recipes if is_service_code(path, raw) else ():
        if recipe.words and not any(word.encode() in raw for word in recipe.words):
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
    if words is None:
        facts.bound = sorted(module.tables.module.bindings)
    return json.dumps({key: value for key, value in asdict(facts).items() if value})


def _results(root: Path, project: Project, options: Options, store: ResultCache) -> list[FileResult]:
    words = sorted({word for recipe in options.recipes for word in recipe.words})
    pattern = re.compile("|".join(map(re.escape, words)).encode()) if words else re.compile(b"")
    facts = project.facts
    files = [path for path in sorted(facts) if _may_change(facts[path], project, options.recipes)]
    joined = json.dumps(
        [project.deploy, [[path, asdict(facts[path])] for path in sorted(facts)]], sort_keys=True
    ).encode()
    recipe_pages = [json.dumps([r.id, r.page, r.words, r.version]).encode() for r in options.recipes]
    context = digest(
        build_digest().encode(), joined, str((options.unsafe, sorted(options.withheld))).encode(), *recipe_pages
    ).encode()
    work = partial(_rewrite, project, options, pattern)
    raw = _run(root, files, work, options, store, lambda path, data: digest(context, path.encode(), data), "rewrite")
    return [_decode(path, raw[path]) for path in files]


def _may_change(facts: Facts, project: Project, recipes: Sequence[Recipe]) -> bool:
    """Return whether a file uses the plumbing itself, may get it from another module, or is of interest to a recipe that names no sites."""
    if facts.unparsed:
        return False
    if facts.sites or facts.recipes or facts.hidden or facts.stars or any(not recipe.sites for recipe in recipes):
        return True
    heads = {site.partition(".")[0] for recipe in recipes for site in recipe.sites}
    return any(project.canonical(use).partition(".")[0] in heads for use in facts.uses)


def _rewrite(project: Project, options: Options, pattern: re.Pattern[bytes], path: str, raw: bytes) -> str:
    if pattern.search(raw) is None or not is_service_code(path, raw):
        return ""
    recipes = [recipe for recipe in options.recipes if (recipe.id, path) not in options.withheld]
    result = rewrite_file(raw, path, project, recipes, unsafe=options.unsafe)
    if result.after is None and not result.findings and not result.unparsed and not result.contributions:
        return ""
    plain = {
        "after": None if result.after is None else result.after.decode("latin-1"),
        "changes": [asdict(change) for change in result.changes],
        "findings": [[f.line, f.recipe, f.reason, f.action, f.level] for f in result.findings],
        "contributions": result.contributions,
        "unparsed": result.unparsed,
        "rounds": result.rounds,
    }
    return json.dumps(plain)


def _decode(path: str, text: str) -> FileResult:
    if not text:
        return FileResult(path)
    plain = json.loads(text)
    changes = [
        Change(
            tuple(Edit(**e) for e in c["edits"]),
            c["line"],
            c["recipe"],
            c["reason"],
            Safety(c["safety"]),
            tuple(c["requires"]),
            c["sites"],
            tuple(map(tuple, c["contributes"])),
        )
        for c in plain["changes"]
    ]
    after = None if plain["after"] is None else plain["after"].encode("latin-1")
    findings = [Finding(path, *each) for each in plain["findings"]]
    return FileResult(
        path, after, changes, findings, [(r, i) for r, i in plain["contributions"]], plain["unparsed"], plain["rounds"]
    )


# Work over processes --------------------------------------------------------------------------------------------------

_WORK: Callable[[str, bytes], str] | None = None
_ROOT = Path()


def _run(
    root: Path,
    files: Sequence[str],
    work: Callable[[str, bytes], str],
    options: Options,
    store: ResultCache,
    key: Callable[[str, bytes], str],
    stage: str,
) -> dict[str, str]:
    """Return the work's result for every file; files that are known by content are not worked on again."""
    results: dict[str, str] = {}
    todo: list[tuple[str, int]] = []
    keys: dict[str, str] = {}
    total = len(files)
    for start in range(0, total, 512):
        part: dict[str, bytes] = {}
        for path in files[start : start + 512]:
            try:
                part[path] = (root / path).read_bytes()
            except OSError as error:
                results[path] = json.dumps({"unparsed": f"cannot be read: {error.strerror}"}) if stage == "scan" else ""
        keys |= {path: key(path, data) for path, data in part.items()}
        known = store.read(keys[path] for path in part)
        results |= {path: known[keys[path]] for path in part if keys[path] in known}
        todo += [(path, len(data)) for path, data in part.items() if path not in results]
    if not todo:
        return results
    collects = gc.isenabled()
    gc.disable()  # trees hold no cycles, and a collection walks every node of the one at hand
    try:
        fresh = dict(_spread(root, todo, work, options, stage, total))
    finally:
        if collects:
            gc.enable()
    store.write((keys[path], value) for path, value in fresh.items())
    return results | fresh


def _spread(
    root: Path,
    todo: Sequence[tuple[str, int]],
    work: Callable[[str, bytes], str],
    options: Options,
    stage: str,
    total: int,
) -> Iterable[tuple[str, str]]:
    global _WORK, _ROOT
    _WORK, _ROOT = work, root
    size = sum(length for _, length in todo)
    jobs = options.jobs or min(os.cpu_count() or 1, 8)
    tell = options.progress or (lambda *_: None)
    done = total - len(todo)
    if jobs == 1 or size < INLINE_BYTES:
        for path, _ in todo:
            yield path, _guarded(path)
            done += 1
            tell(stage, done, total)
        return
    chunks = _chunks(todo)
    broken: list[str] = []
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        futures = [(chunk, pool.submit(_work_chunk, chunk)) for chunk in chunks]
        for chunk, future in futures:
            try:
                yield from future.result()
            except BrokenProcessPool:
                broken += chunk
            done += len(chunk)
            tell(stage, done, total)
    for path in broken:
        try:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
                yield from pool.submit(_work_chunk, [path]).result()
        except BrokenProcessPool:
            yield path, json.dumps({"unparsed": "it killed the process that read it"}) if stage == "scan" else ""


def _chunks(todo: Sequence[tuple[str, int]]) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    size = 0
    for path, length in todo:
        if size >= CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(path)
        size += length
    return chunks


def _work_chunk(paths: Sequence[str]) -> list[tuple[str, str]]:
    return [(path, _guarded(path)) for path in paths]


def _guarded(path: str) -> str:
    assert _WORK is not None
    try:
        return _WORK(path, (_ROOT / path).read_bytes())
    except (RecursionError, MemoryError, OSError) as error:
        return json.dumps({"unparsed": f"the engine gave up on it: {type(error).__name__}: {error}"}) if _WORK.func is _scan_file else ""  # type: ignore[attr-defined]  # work is always a partial


def inventory(project: Project) -> Mapping[str, dict[str, int]]:
    """Return the plumbing sites of each recipe by file."""
    found: dict[str, dict[str, int]] = {}
    for path, facts in sorted(project.facts.items()):
        for recipe, count in facts.sites.items():
            found.setdefault(recipe, {})[path] = count
    return found
