"""
From a folder to a plan: scan every file for facts, join them, rewrite every file that a recipe may touch. Nothing is written.

Two phases with a barrier between them, each over processes; results are sorted by path, so that the plan is the same for any number of workers.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from ._cache import ResultCache, build_digest, digest
from ._cycles import closed_circles
from ._files import is_service_code, python_files
from ._line_breaks import LINE_CHECKERS
from ._plan import FileWrite, MigrationPlan, UnparsedFile
from ._project import Facts, Project
from ._recipe import Recipe
from ._rounds import FileResult, rewrite_file
from ._scan import Options, scan_files
from ._spans import Change, Edit, Finding, Safety
from ._workers import Work, run_over

__all__ = ["Options", "plan", "scan"]


def scan(root: Path, options: Options, *, paths: Sequence[str] | None = None) -> Project:
    """Return the project that the Python files below `root` make up."""
    files = list(paths) if paths is not None else python_files(root)
    with_cache = ResultCache(options.cache)
    try:
        scanned = scan_files(root, files, options, with_cache)
        return Project(scanned.facts, files=files, names=scanned.names)
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
        scanned = scan_files(root, files, options, store)
        facts = scanned.facts
        project = Project(
            facts,
            files=files,
            deploy=_texts(root, _DEPLOYS),
            settings=_settings(root),
            styles=_texts(root, LINE_CHECKERS),
            names=scanned.names,
        )
        results = _results(root, project, scanned.digest, options, store)
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


_MOST_BYTES = 200_000
_DEPLOYS = re.compile(
    r"setup\.py|setup\.cfg|pyproject\.toml|Pipfile|Procfile|Makefile|\.gitignore|\.dockerignore|Dockerfile.*|.*\.dockerfile|.*\.sh"
    r"|requirements[\w.-]*\.(?:txt|in)|(?:docker-)?compose[\w.-]*\.ya?ml"
)
"""Files that say what is shipped, what is left out, what is needed and how it is started."""


def _texts(root: Path, wanted: re.Pattern[str]) -> dict[str, str]:
    """Return the text of the files in a service's root with names of a kind."""
    found: dict[str, str] = {}
    for path in sorted(root.iterdir()):
        if wanted.fullmatch(path.name) and path.is_file():
            try:
                found[path.name] = path.read_text(encoding="utf-8", errors="replace")[:_MOST_BYTES]
            except OSError:
                continue
    return found


_SETTINGS = re.compile(r".*\.(?:cfg|conf|ini|json|toml|ya?ml)|gunicorn.*\.py")


def _settings(root: Path) -> str:
    """Return the text of the settings files in a service's root and in its folders, which may name code that they start or configure."""
    folders = [path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    texts: list[str] = []
    for folder in (
        root,
        *(each for each in folders if each.name != "node_modules" and not (each / "pyvenv.cfg").exists()),
    ):
        try:
            files = [path for path in sorted(folder.iterdir()) if _SETTINGS.fullmatch(path.name) and path.is_file()]
            texts += [path.read_text(errors="replace") for path in files if path.stat().st_size <= _MOST_BYTES]
        except OSError:
            continue
    return "\n".join(texts)


def _theme(changes: Iterable[Change]) -> str:
    themes = sorted({change.recipe.partition("/")[0] for change in changes})
    return themes[0] if len(themes) == 1 else "code"


def _results(root: Path, project: Project, known: str, options: Options, store: ResultCache) -> list[FileResult]:
    facts = project.facts
    files = [path for path in sorted(facts) if facts[path].is_read]
    context = digest(
        build_digest().encode(),
        known.encode(),
        json.dumps([project.deploy, project.settings, project.styles], sort_keys=True).encode(),
        str((options.unsafe, sorted(options.withheld))).encode(),
        *(json.dumps([r.id, r.page, r.words, r.version]).encode() for r in options.recipes),
    ).encode()
    work = Work(
        "rewrite",
        partial(_rewrite, project, options),
        lambda path, raw: digest(context, path.encode(), raw),
        _unwritten,
    )
    texts = run_over(root, files, work, store=store, jobs=options.jobs, progress=options.progress)
    return [_decode(path, texts[path]) for path in files]


def _unwritten(reason: str) -> str:
    return json.dumps({"unparsed": reason})


def _rewrite(project: Project, options: Options, path: str, raw: bytes) -> str:
    facts = project.facts[path]
    if not any(_may_change(recipe, facts, project, raw) for recipe in options.recipes) or not is_service_code(
        path, raw
    ):
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


def _may_change(recipe: Recipe, facts: Facts, project: Project, raw: bytes) -> bool:
    """Return whether a file holds what a recipe looks for and the scan found something for it, or the file gets names of the plumbing's, maybe by way of others."""
    if not recipe.edits_with.occur_in(raw):
        return False
    if not recipe.sites or recipe.id in facts.sites or recipe.id in facts.recipes or facts.hidden or facts.stars:
        return True
    heads = {site.partition(".")[0] for site in recipe.sites}
    names = (*facts.imports, *(project.canonical(use) for use in facts.uses))
    return any(name.partition(".")[0] in heads for name in names)


def _decode(path: str, text: str) -> FileResult:
    if not text:
        return FileResult(path)
    plain = json.loads(text)
    if "after" not in plain:
        return FileResult(path, unparsed=plain["unparsed"])
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


def inventory(project: Project) -> Mapping[str, dict[str, int]]:
    """Return the plumbing sites of each recipe by file."""
    found: dict[str, dict[str, int]] = {}
    for path, facts in sorted(project.facts.items()):
        for recipe, count in facts.sites.items():
            found.setdefault(recipe, {})[path] = count
    return found
