"""
One service from inventory to report. The plan is verified in copies before a byte of the service changes.

A recipe whose changes make a test fail that passed before is withheld, with a finding that names the test; only what keeps every test is applied.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from ._cache import ResultCache
from ._dependencies import declare_dependencies
from ._engine import Options, plan
from ._files import require_folder, walk_files
from ._locks import refresh_locks
from ._original_lines import at_original_lines
from ._plan import MigrationPlan
from ._recipe import Recipe, select
from ._resolution import pin_conflict, resolvable
from ._spans import Finding
from ._verify import Verification, Verifier
from ._withheld import forget_withheld, pairs_withheld, remember_withheld, remembered_withheld, withheld
from .errors import MigrateError, ReportLost, UnusableInput
from .manifests import find_manifests
from .proof import Generated, scan_security
from .report import BeforeAfter, EditRow, Evidence, FileDiff, Files, NotMeasured, RecipeSummary, Report, write_report
from .report.duplication import duplicated_lines, loc
from .transaction import (
    CommitRefused,
    GitUnusable,
    apply,
    commit_theme,
    last_commit,
    recover,
    require_identity,
    rollback,
    take_back_commits,
    worktree_status,
)

__all__ = ["DirtyTree", "Migrated", "Request", "migrate_service", "plan_service", "report_plan"]

SETTINGS_RECIPE = "config/read_settings_from_one_class"
MOST_FILES_TRIED = 8
"""In how many files a recipe's changes are tried one by one when it breaks a test; with more, the recipe is withheld whole."""


class DirtyTree(MigrateError):
    """The service has uncommitted changes, which a migration would be mixed up with."""

    def __init__(self, changes: Sequence[str]) -> None:
        shown = ", ".join(changes[:5]) + (f" and {len(changes) - 5} more" if len(changes) > 5 else "")
        super().__init__(
            f"the git tree has uncommitted changes ({shown}): commit or stash them first, or say --allow-dirty"
        )


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to migrate and how; the fields are the options of `maestro migrate service`."""

    root: Path
    name: str = ""
    recipes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    unsafe: bool = False
    backup: bool = True
    allow_dirty: bool = False
    verify: bool = True
    parity: bool = True
    generate_tests: bool | None = None
    venv: Path | None = None
    test_command: str | None = None
    setup_commands: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    libs: str | None = None
    lock: bool = False
    jobs: int = 0
    commits: bool = False
    report: Path | None = None
    cache: bool = True
    progress: Callable[[str, int, int], None] | None = None
    tell: Callable[[str], None] = lambda _text: None


@dataclass
class Migrated:
    """What was done: the plan that was applied, how it was verified, the report and where it lies."""

    plan: MigrationPlan
    report: Report
    paths: dict[str, Path]
    verification: Verification | None
    migration_id: str | None = None
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """Return 1 where a test that passed before fails now, else 0."""
        return 1 if self.report.tests.regressions else 0


def plan_service(request: Request) -> MigrationPlan:
    """
    Return everything a migration of the service would write; nothing is touched.

    Findings name the lines of the files as they are, while those of an applied migration name the lines of the files as it leaves them.

    Raises:
        UnusableInput: the folder or a recipe cannot be worked with.
    """
    root = require_folder(request.root)
    findings = remembered_withheld(root)
    known = {finding.recipe for finding in findings if finding.path == "."}
    recipes = [recipe for recipe in select(request.recipes, request.exclude) if recipe.id not in known]
    kept, unusable = resolvable(recipes, pin_conflict(root, request.libs, recipes, venv=request.venv))
    findings += _missed(root, request, recipes, unusable)
    made = _full_plan(root, request, kept, findings)
    _refresh_locks(root, request, made)
    fresh = at_original_lines(set(made.findings) - set(findings), made.writes)
    made.findings = sorted({*fresh, *findings})
    return made


def report_plan(request: Request, made: MigrationPlan) -> Report:
    """Return the report on a plan that is not applied; what only a verified migration measures is not measured, with that reason."""
    return _report(
        require_folder(request.root), request, made, select(request.recipes, request.exclude), None, {}, None
    )


def migrate_service(request: Request) -> Migrated:
    """
    Plan, verify, apply and report.

    Raises:
        DirtyTree: uncommitted changes without `allow_dirty`.
        GitUnusable: commits are wanted and there is no git tree.
        MigrateError: the input, the environment or the tree cannot be worked with; nothing was changed.
    """
    root = require_folder(request.root)
    recover(root)
    status = worktree_status(root)
    if status.state == "dirty" and not request.allow_dirty:
        raise DirtyTree([str(change) for change in status.changes])
    if request.commits:
        if status.state == "no git tree":
            raise GitUnusable(root, "it is in no git tree")
        require_identity(root)
    reports = _writable(request.report or default_report_folder(root))
    timings: dict[str, float] = {}
    recipes = select(request.recipes, request.exclude)
    verifier = (
        Verifier(
            root,
            venv=request.venv,
            test_command=request.test_command,
            setup_commands=request.setup_commands,
            env=dict(request.env),
            libs=request.libs,
            parity=request.parity,
            logs=reports,
            generates=request.generate_tests is not False,
            keeps_generated=request.generate_tests is True,
            tell=request.tell,
        )
        if request.verify
        else None
    )
    try:
        findings = [each for each in remembered_withheld(root) if each.path != "."]
        with _timed(timings, "resolve"):
            wanted = recipes
            recipes, unusable = resolvable(
                wanted, verifier.conflict if verifier else pin_conflict(root, request.libs, wanted, venv=request.venv)
            )
            findings += _missed(root, request, wanted, unusable)
        with _timed(timings, "plan"):
            made = _full_plan(root, request, recipes, findings)
        verification = None
        if verifier is not None:
            with _timed(timings, "verify"):
                made, verification = _verified(root, request, verifier, recipes, made, findings)
    finally:
        if verifier is not None:
            verifier.close()
    if verification is not None and verification.generated is not None:
        _keep_generated(made, verification.generated, request, reports)
    with _timed(timings, "lock"):
        _refresh_locks(root, request, made)
    with _applied(root, request, made, timings) as migration_id:
        with _timed(timings, "security"):
            security = scan_security(root, made.writes) if request.verify else None
        report = _report(root, request, made, recipes, verification, timings, migration_id)
        if security is not None:
            report = replace(
                report,
                security=security.security,
                findings=tuple(sorted({*report.findings, *security.findings})),
            )
        paths = write_report(report, reports)
    return Migrated(made, report, paths, verification, migration_id, timings)


def _keep_generated(made: MigrationPlan, generated: Generated, request: Request, reports: Path) -> None:
    """Make the generated tests a part of the migration where that is wanted, else leave them beside the report."""
    if not generated.names or not made.writes:
        return
    if request.generate_tests:
        made.writes = sorted([*made.writes, generated.write], key=lambda write: write.path)
    else:
        (reports / Path(generated.place).name).write_bytes(generated.text)


def default_report_folder(root: Path) -> Path:
    """Return where a report goes when nothing else is said: beside the engine's other state, outside the service's tree."""
    from .transaction import report_folder

    return report_folder(root)


def _writable(folder: Path) -> Path:
    """Return the report's folder, which is found to be unusable before anything is changed and not after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise UnusableInput(folder, problem, advice="give another folder for the report with --report") from error


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    timings[stage] = round(timings.get(stage, 0.0) + time.monotonic() - start, 3)


def _missed(root: Path, request: Request, recipes: Sequence[Recipe], unusable: Sequence[Finding]) -> list[Finding]:
    """Return the findings of those recipes without their libraries that would have had anything to do."""
    names = {finding.recipe for finding in unusable}
    if not names:
        return []
    made = plan(root, _options(request, [recipe for recipe in recipes if recipe.id in names], ()))
    busy = {change.recipe for write in made.writes for change in write.changes} | {
        each.recipe for each in made.findings
    }
    return [finding for finding in unusable if finding.recipe in busy]


def _options(request: Request, recipes: Sequence[Recipe], findings: Sequence[Finding]) -> Options:
    return Options(
        tuple(recipes),
        unsafe=request.unsafe,
        jobs=request.jobs,
        cache=ResultCache.default_path() if request.cache else None,
        progress=request.progress,
        withheld=pairs_withheld(findings),
    )


def _full_plan(
    root: Path,
    request: Request,
    recipes: Sequence[Recipe],
    findings: Sequence[Finding],
) -> MigrationPlan:
    made = plan(root, _options(request, recipes, findings), service=request.name or root.name)
    made.findings = sorted({*made.findings, *findings})
    writes, left = declare_dependencies(root, made, recipes)
    made.writes = sorted([*made.writes, *writes], key=lambda write: write.path)
    made.findings = sorted({*made.findings, *left})
    return made


def _refresh_locks(root: Path, request: Request, made: MigrationPlan) -> None:
    if request.lock:
        made.writes, made.findings = refresh_locks(
            root, made.writes, made.findings, libs=request.libs, venv=request.venv
        )


def _verified(
    root: Path,
    request: Request,
    verifier: Verifier,
    recipes: Sequence[Recipe],
    made: MigrationPlan,
    findings: Sequence[Finding],
) -> tuple[MigrationPlan, Verification]:
    """Return a plan under which no test fails that passed, leaving out as little as a bounded number of runs can find."""
    verification = verifier.verify(made)
    if not verification.regressions or not made.writes:
        return made, verification
    broken = verification.regressions
    request.tell(f"{len(broken)} tests fail that passed before; looking for the change that breaks them")
    files: dict[str, set[str]] = {}
    for write in made.writes:
        for change in write.changes:
            files.setdefault(change.recipe, set()).add(write.path)
    used = sorted(name for name in files if any(recipe.id == name for recipe in recipes))

    def without(pairs: set[tuple[str, str]]) -> tuple[MigrationPlan, Verification]:
        blamed = [withheld(name, path, f"with it {_shown(broken)}") for name, path in sorted(pairs)]
        candidate = _full_plan(root, request, recipes, [*findings, *blamed])
        return candidate, verifier.verify(candidate)

    for name in used:
        every = {(name, path) for path in files[name]}
        candidate, outcome = without(every)
        if outcome.regressions:
            continue
        if 1 < len(every) <= MOST_FILES_TRIED:
            for pair in sorted(every):
                smaller, smaller_outcome = without({pair})
                if not smaller_outcome.regressions:
                    return smaller, smaller_outcome
        return candidate, outcome
    return without({(name, path) for name in used for path in files[name]})


def _shown(tests: Sequence[str]) -> str:
    return f"{tests[0]} fails" if len(tests) == 1 else f"{tests[0]} and {len(tests) - 1} more fail"


@contextmanager
def _applied(root: Path, request: Request, made: MigrationPlan, timings: dict[str, float]) -> Iterator[str | None]:
    """
    Apply and commit, and take both back where what follows does not come to its end: a migration is not done without its report.

    Raises:
        CommitRefused: git took no commit.
        ReportLost: the system refused a write after the files were changed.
    """
    before = last_commit(root) if request.commits else ""
    with _timed(timings, "apply"):
        migration = apply(root, made.writes, service=made.service, backup=request.backup) if made.writes else None
    is_undone = request.backup and migration is not None
    try:
        if request.commits and migration is not None:
            _commit(root, made)
        remember_withheld(root, made.findings)
        yield None if migration is None else migration.id
    except BaseException as problem:
        if migration is not None and is_undone:
            if request.commits:
                take_back_commits(root, before, [write.path for write in made.writes])
            rollback(root, migration_id=migration.id)
            forget_withheld(root)
        if isinstance(problem, CommitRefused) and is_undone:
            raise CommitRefused(root, problem.output, is_undone=True) from problem
        if isinstance(problem, OSError) and migration is not None:
            raise ReportLost(problem, is_undone=is_undone) from problem
        raise


def _commit(root: Path, made: MigrationPlan) -> None:
    for theme in sorted({write.theme for write in made.writes}):
        paths = [write.path for write in made.writes if write.theme == theme]
        commit_theme(root, paths, f"Move {theme} onto the shared libraries")


def _documented(root: Path, summaries: Mapping[str, RecipeSummary], recipes: Sequence[Recipe]) -> dict[str, Evidence]:
    """Return what shows that dependencies and configuration were documented; nothing where nothing was read."""
    evidence: dict[str, Evidence] = {}
    manifests = sorted(Path(manifest.path).name for manifest in find_manifests(root))
    if manifests:
        evidence["dependencies-documented"] = Evidence(f"{len(manifests)} manifests were read: {', '.join(manifests)}")
    readings = summaries.get(SETTINGS_RECIPE)
    if readings is not None:
        evidence["configuration-documented"] = Evidence(
            f"{readings.applied} of {readings.sites} readings are fields of the settings class, {readings.findings} are findings"
        )
    elif any(recipe.id == SETTINGS_RECIPE for recipe in recipes):
        evidence["configuration-documented"] = Evidence("the code reads no environment variable", applies=False)
    return evidence


def _flaky(verification: Verification | None) -> list[Finding]:
    """Return a finding for each test that both passed and failed on the same code, so that it proves nothing."""
    tests = verification.flaky if verification is not None else ()
    return [
        Finding(
            ".",
            1,
            "verify/own_tests",
            f"flaky: {test} passed in one run and not in another",
            "make the test steady, then verify again",
        )
        for test in tests
    ]


def _report(
    root: Path,
    request: Request,
    made: MigrationPlan,
    recipes: Sequence[Recipe],
    verification: Verification | None,
    timings: dict[str, float],
    migration_id: str | None,
) -> Report:
    edits = tuple(EditRow(w.path, c.line, c.recipe, c.safety, c.reason) for w in made.writes for c in w.changes)
    summaries = {}
    for recipe in recipes:
        applied = sum(c.sites for w in made.writes for c in w.changes if c.recipe == recipe.id)
        left = sum(1 for f in made.findings if f.recipe == recipe.id and f.level != "none")
        sites = max(made.sites.get(recipe.id, 0), applied)
        if sites or left:
            summaries[recipe.id] = RecipeSummary(sites, applied, left, title=recipe.title, page=recipe.page)
    unread = {each.path for each in made.unparsed}
    before = (
        {path: (root / path).read_bytes() for path in walk_files(root) if path.endswith(".py") and path not in unread}
        if made.scanned < 3000
        else {}
    )
    after = dict(before)
    for write in made.writes:
        if write.path.endswith(".py"):
            if write.before is not None:
                before[write.path] = write.before
            else:
                before.pop(write.path, None)
            if write.after is not None:
                after[write.path] = write.after
    evidence = _documented(root, summaries, recipes)
    if migration_id is not None and request.backup:
        evidence["backup"] = Evidence(f"migration {migration_id}: `maestro migrate rollback` puts every byte back")
    elif not made.writes:
        evidence["backup"] = Evidence("nothing was changed", applies=False)
    report = Report(
        service=made.service,
        engine_version=version("maestro-migrate"),
        files=Files(made.scanned, len(made.writes), tuple(made.unparsed)),
        recipes=summaries,
        edits=edits,
        findings=tuple(sorted({*made.findings, *_flaky(verification)})),
        diffs=tuple(FileDiff.of(write) for write in made.writes),
        duplication=(
            BeforeAfter(duplicated_lines(before), duplicated_lines(after))
            if before
            else NotMeasured("the tree is too large to count")
        ),
        loc=BeforeAfter(loc(before), loc(after)) if before else NotMeasured("the tree is too large to count"),
        evidence=evidence,
        timings=timings,
    )
    if verification is None:
        return report
    return replace(report, tests=verification.tests, parity=verification.parity, performance=verification.performance)
