"""
From a folder to a plan: scan every file for facts, join them, rewrite every file that a recipe may touch. Nothing is written.

Two phases with a barrier between them, each over processes in chunks of equal bytes; results are sorted by path, so that the plan is the same for
any number of workers. A file that kills its worker is named and left alone.
"""

import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ._cache import ResultCache, build_digest, digest
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
INLINE_BYTES = 1_500_000


@dataclass(frozen=True)
class Options:
    """How to plan: recipes, whether to apply changes that want review, processes, cache, and who is told of progress."""

    recipes: tuple[Recipe, ...]
    unsafe: bool = False
    jobs: int = 0
    cache: Path | None = None
    progress: Callable[[str, int, int], None] | None = None


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
        for recipe, count in facts[path].sites.items():
            made.sites[recipe] = made.sites.get(recipe, 0) + count
    contributions: dict[str, list[tuple[str, Any]]] = {}
    for result in results:
        made.findings += result.findings
        made.rounds = max(made.rounds, result.rounds)
        for recipe, item in result.contributions:
            contributions.setdefault(recipe, []).append((result.path, item))
        if result.after is not None:
            made.writes.append(FileWrite(result.path, (root / result.path).read_bytes(), result.after, tuple(sorted(result.changes, key=lambda c: c.line)), _theme(result.changes)))
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
        if (path.name in {"setup.py", "setup.cfg", "pyproject.toml"} or path.name.startswith("Dockerfile") or path.suffix == ".dockerfile") and path.is_file():
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
    context = digest(build_digest().encode(), "\0".join(sorted(roots)).encode(), *(r.id.encode() for r in options.recipes)).encode()
    empty = Project({}, files=files)
    work = partial(_scan_file, root, empty, roots, options.recipes, _scan_words(options.recipes))
    raw = _run(root, files, work, options, store, lambda path, data: digest(context, path.encode(), names[path][0].encode() if names[path] else b"", data), "scan")
    return {path: Facts(**json.loads(raw[path])) for path in files}


def _scan_words(recipes: Sequence[Recipe]) -> re.Pattern[bytes]:
    """Return what a file must hold for its facts to matter to any other file."""
    words = {re.escape(word) for recipe in recipes for word in recipe.words}
    heads = sorted({site.split(".")[0] for recipe in recipes for site in recipe.sites})
    borrowed = [rf"from\s+[.\w]+\s+import\s[^\n]*\b{head}\b|\w\.{head}\b|^[ \t]+{head},?[ \t]*$" for head in heads]
    return re.compile("|".join([*sorted(words), PATCH_WORDS.pattern.decode(), r"import\s+\*", r"sys\.modules", *borrowed]).encode(), re.MULTILINE)


def _scan_file(root: Path, project: Project, roots: frozenset[str], recipes: Sequence[Recipe], words: re.Pattern[bytes], path: str, raw: bytes) -> str:
    if words.search(raw) is None and not (path.endswith("__init__.py") and b"import" in raw):
        reason = ""
        if b"\0" in raw:
            reason = "holds NUL bytes: binary, or UTF-16 text that Python does not read either"
        return json.dumps({"unparsed": reason} if reason else {})
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
        if recipe.scan is not None:
            module.recipe = recipe.id
            found = recipe.scan(module)
            if found:
                facts.recipes[recipe.id] = found
    facts.marks = module.marks
    return json.dumps({key: value for key, value in asdict(facts).items() if value})


def _results(root: Path, project: Project, options: Options, store: ResultCache) -> list[FileResult]:
    words = sorted({word for recipe in options.recipes for word in recipe.words})
    pattern = re.compile("|".join(map(re.escape, words)).encode()) if words else re.compile(b"")
    facts = project.facts
    files = [path for path in sorted(facts) if not facts[path].unparsed and (facts[path].sites or facts[path].exports or facts[path].uses or facts[path].recipes or facts[path].stars)]
    joined = json.dumps([project.deploy, [[path, asdict(facts[path])] for path in sorted(facts)]], sort_keys=True).encode()
    recipe_pages = [json.dumps([r.id, r.page, r.words]).encode() for r in options.recipes]
    context = digest(build_digest().encode(), joined, str(options.unsafe).encode(), *recipe_pages).encode()
    work = partial(_rewrite, project, options.recipes, options.unsafe, pattern)
    raw = _run(root, files, work, options, store, lambda path, data: digest(context, path.encode(), data), "rewrite")
    return [_decode(path, raw[path]) for path in files]


def _rewrite(project: Project, recipes: Sequence[Recipe], unsafe: bool, pattern: re.Pattern[bytes], path: str, raw: bytes) -> str:  # noqa: FBT001  # bound by `partial`, never passed by position elsewhere
    if pattern.search(raw) is None or not is_service_code(path, raw):
        return ""
    result = rewrite_file(raw, path, project, recipes, unsafe=unsafe)
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
        Change(tuple(Edit(**e) for e in c["edits"]), c["line"], c["recipe"], c["reason"], Safety(c["safety"]), tuple(c["requires"]), c["sites"], tuple(map(tuple, c["contributes"])))
        for c in plain["changes"]
    ]
    after = None if plain["after"] is None else plain["after"].encode("latin-1")
    findings = [Finding(path, *each) for each in plain["findings"]]
    return FileResult(path, after, changes, findings, [(r, i) for r, i in plain["contributions"]], plain["unparsed"], plain["rounds"])


# Work over processes --------------------------------------------------------------------------------------------------

_WORK: Callable[[str, bytes], str] | None = None
_ROOT = Path()


def _run(root: Path, files: Sequence[str], work: Callable[[str, bytes], str], options: Options, store: ResultCache, key: Callable[[str, bytes], str], stage: str) -> dict[str, str]:
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
    fresh = dict(_spread(root, todo, work, options, stage, total))
    store.write((keys[path], value) for path, value in fresh.items())
    return results | fresh


def _spread(root: Path, todo: Sequence[tuple[str, int]], work: Callable[[str, bytes], str], options: Options, stage: str, total: int) -> Iterable[tuple[str, str]]:
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
