"""
The engine's commands; the `maestro` command line finds them by entry point.

Exit codes: 0 done, 1 a check failed, 2 wrong use or unreadable input, 129, 130 and 143 interrupted. Nothing is half-done in any of them.
"""

import difflib
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from .errors import MigrateError

if TYPE_CHECKING:
    from ._plan import MigrationPlan

P = ParamSpec("P")
R = TypeVar("R")


def _tell_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the engine's errors into one line on stderr and their exit code."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with _interrupted_once():
                return command(*args, **kwargs)
        except (KeyboardInterrupt, _Terminated) as interruption:
            with suppress(OSError):  # the terminal may be what is gone
                click.echo("maestro: interrupted; what was begun is undone, and what was started is ended", err=True)
            sys.exit(128 + (interruption.number if isinstance(interruption, _Terminated) else signal.SIGINT))
        except MigrateError as error:
            click.echo(f"maestro: {error}", err=True)
            sys.exit(error.exit_code)
        except OSError as error:
            if isinstance(error, shutil.Error):  # a list of all that could not be copied: the first says why
                error = OSError(error.args[0][0][2])
            where = f"{error.filename}: " if error.filename else ""
            advice = "check its permissions" if isinstance(error, PermissionError) else "mend that"
            click.echo(f"maestro: {where}{error.strerror or error}; {advice} and run again", err=True)
            sys.exit(2)

    return told


@contextmanager
def _already_done(what: str) -> Iterator[None]:
    """Keep a stream that takes no more text (a full disk, a closed pipe) from looking as if the work before it had failed."""
    try:
        yield
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what is still buffered would fail once more on exit
        click.echo(f"maestro: {what}, and it could not be printed: {error.strerror or error}", err=True)


class _Terminated(BaseException):
    """The process was told to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """
    Unwind on SIGTERM, and on the SIGHUP of a terminal that closes, as on Ctrl-C: copies are removed, children ended, and a half-made change is undone.

    What comes after the first is ignored until the process ends, since it would stop that half-way.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    own = os.getpid()
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # Under nohup, SIGHUP is ignored and stays so.
    before = {each: signal.getsignal(each) for each in ending if signal.getsignal(each) is not signal.SIG_IGN}

    def end(number: int, _frame: object) -> None:
        if os.getpid() != own:
            os._exit(128 + number)  # a worker that was forked: it has nothing to undo
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise _Terminated(number)

    for each in before:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each, handler in before.items():
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, handler)


@click.group()
def migrate() -> None:
    """Migrate a service, a configuration module, or take a migration back."""


@migrate.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Name of the service; the folder's name by default.")
@click.option(
    "--recipes",
    "recipe_ids",
    default="",
    metavar="IDS",
    help="Only these recipes or themes, separated by commas; files of your own too.",
)
@click.option("--exclude", default="", metavar="IDS", help="All recipes but these.")
@click.option("--dry-run", is_flag=True, help="Print a unified diff and write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if anything would change.")
@click.option(
    "--backup/--no-backup",
    default=True,
    help="Keep the original bytes for `maestro migrate rollback`.  [default: backup]",
)
@click.option("--allow-dirty", is_flag=True, help="Migrate a git tree that has uncommitted changes.")
@click.option("--unsafe", is_flag=True, help="Also apply changes that want review.")
@click.option(
    "--verify/--no-verify",
    default=True,
    help="Run the service's own tests before and after, in copies.  [default: verify]",
)
@click.option(
    "--parity/--no-parity",
    default=True,
    help="Send the old code and the new the same requests, in copies without a network.  [default: parity]",
)
@click.option(
    "--generate-tests/--no-generate-tests",
    default=None,
    help="Add tests made from the old code to the service, or make none; by default they prove the migration and stay beside the report.",
)
@click.option(
    "--venv",
    type=click.Path(path_type=Path),
    help="An environment in which the service's tests run; it is copied, never modified.",
)
@click.option("--test-command", metavar="CMD", help="How the tests are run; found out by default.")
@click.option(
    "--setup-command",
    "setup_commands",
    multiple=True,
    metavar="CMD",
    help="Run in each copy before its tests; may be given again.",
)
@click.option("--env", "env", multiple=True, metavar="K=V", help="A variable for the tests; may be given again.")
@click.option(
    "--libs", metavar="DIR_OR_INDEX", help="Where the maestro distributions come from: a folder of wheels or an index."
)
@click.option(
    "--lock", is_flag=True, help="Make stale lock files anew, in a copy first, by the command that their finding names."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes to plan with; one for each core by default.")
@click.option("--commits", is_flag=True, help="Make one commit for each theme.")
@click.option("--report", "report_folder", type=click.Path(path_type=Path), help="Where the report goes.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, with --dry-run and --check too.")
@_tell_errors
def service(
    path: Path, *, name: str, recipe_ids: str, exclude: str, dry_run: bool, check: bool, backup: bool, allow_dirty: bool, unsafe: bool, verify: bool, parity: bool, generate_tests: bool | None, venv: Path | None,
    test_command: str | None, setup_commands: tuple[str, ...], env: tuple[str, ...], libs: str | None, lock: bool, jobs: int | None, commits: bool, report_folder: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Move the service in PATH onto the shared libraries, and prove that it still behaves as it did."""
    from ._migration import Request, migrate_service, plan_service, report_plan
    from .report import as_json as report_text

    if dry_run and check:
        raise click.UsageError("--dry-run and --check exclude each other: the first prints, the second only answers")
    if generate_tests and not verify:
        raise click.UsageError(
            "--generate-tests needs the verification, which keeps only tests that pass: leave --no-verify out"
        )
    with _progress() as progress:
        request = Request(
            root=path, name=name, recipes=_listed(recipe_ids), exclude=_listed(exclude), unsafe=unsafe, backup=backup, allow_dirty=allow_dirty, verify=verify, parity=parity, generate_tests=generate_tests, venv=venv,
            test_command=test_command, setup_commands=setup_commands, env=tuple(_assignment(pair) for pair in env), libs=libs, lock=lock, jobs=jobs or 0, commits=commits,
            report=report_folder, progress=progress, tell=lambda text: click.echo(text, err=True),
        )  # fmt: skip
        if dry_run or check:
            made = plan_service(request)
        else:
            done = migrate_service(request)
            made = done.plan
    if as_json and (dry_run or check):
        click.echo(report_text(report_plan(request, made)), nl=False)
    if check:
        click.echo(f"{len(made.writes)} files would change", err=True)
        sys.exit(1 if made.writes else 0)
    if dry_run:
        if not as_json:
            _show_plan(made)
            if generate_tests and made.writes:
                click.echo("the generated tests are not shown: they are recorded from the running code", err=True)
        return
    with _already_done(f"the migration is done, its report is {done.paths['html']}"):
        if as_json:
            click.echo(done.paths["json"].read_text(), nl=False)
        else:
            _show(done)
    sys.exit(done.exit_code)


def _show_plan(made: "MigrationPlan") -> None:
    """Print the diff, and beside it, for people, what would be left and why."""
    for write in made.writes:
        click.echo(unified_diff(write.path, write.before, write.after), nl=False)
    for unparsed in made.unparsed:
        click.echo(f"{unparsed.path}: not read: {unparsed.reason}", err=True)
    for finding in made.findings:
        click.echo(f"{finding.path}:{finding.line}: {finding.reason}; {finding.action}", err=True)
    click.echo(f"{len(made.writes)} files would change, {len(made.findings)} findings", err=True)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _assignment(pair: str) -> tuple[str, str]:
    name, sign, value = pair.partition("=")
    if not sign or not name:
        raise click.BadParameter(f"{pair!r} is not K=V", param_hint="--env")
    return name, value


def unified_diff(path: str, before: bytes | None, after: bytes | None) -> str:
    """Return a diff that `patch -p1` and `git apply` take."""
    old, new = ((side or b"").decode("utf-8-sig", errors="replace") for side in (before, after))
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        f"a/{path}" if before is not None else "/dev/null",
        f"b/{path}" if after is not None else "/dev/null",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@contextmanager
def _progress() -> Any:
    """Give a callback that moves a bar on a terminal, and nothing in a pipe."""
    if sys.stderr is None or not sys.stderr.isatty():  # `2>&-`
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield tell


def _counted(tests: Any) -> str:  # Any: the report is imported when a command runs
    errors = f", {tests.errors} in error" if tests.errors else ""
    return f"{tests.passed} passed, {tests.failed} failed{errors}"


def _show(done: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    report = done.report
    table = Table()
    for column in ("recipe", "sites", "rewritten", "left, with a reason"):
        first = column == "recipe"
        table.add_column(column, justify="left" if first else "right", no_wrap=first)
    for name, summary in sorted(report.recipes.items()):
        table.add_row(name, str(summary.sites), str(summary.applied), str(summary.findings))
    console = Console(soft_wrap=True)
    if report.recipes:
        Console(width=max(console.width, 80)).print(table)  # where less is left, rich leaves the numbers out
    elif report.files.scanned:
        console.print("none of the recipes found anything to do")
    console.print(
        f"{report.files.scanned} Python files read, {report.files.changed} files changed, {len(report.files.unparsed)} not readable as Python"
    )
    tests = report.tests
    if hasattr(tests.after, "passed"):
        console.print(
            f"tests before: {_counted(tests.before)}; after: {_counted(tests.after)}; regressions: {len(tests.regressions)}"
        )
        if not tests.before.passed:
            console.print("no test passed before, so the tests prove nothing")
    else:
        console.print(f"tests: {tests.after.reason}")
    generated = tests.generated
    if hasattr(generated, "names"):
        console.print(f"generated tests: {generated.before} pass on the old code, {generated.after} on the new")
    parity = report.parity
    if hasattr(parity, "requests"):
        safe = ", GET, HEAD and OPTIONS only" if parity.only_safe_methods else ""
        console.print(
            f"requests answered alike by the old code and the new: {parity.identical} of {parity.requests}{safe}"
        )
    for test in tests.regressions[:20]:
        console.print(f"  fails now: {test}")
    if tests.regressions:
        console.print("take it back with: maestro migrate rollback PATH")
    console.print(f"report: {done.paths['html']}")


@migrate.command()
@click.option("--source", required=True, type=click.Path(path_type=Path), help="The old configuration module.")
@click.option("--target", required=True, type=click.Path(path_type=Path), help="Where the typed one is written.")
@click.option("--overwrite", is_flag=True, help="Replace a target that holds something else.")
@_tell_errors
def config(source: Path, target: Path, *, overwrite: bool) -> None:
    """Make a typed configuration module from an old one: the same names, one settings class."""
    from ._config_module import typed_module, write_target

    text, findings = typed_module(source)
    written = write_target(target, text, overwrite=overwrite)
    click.echo(f"{target} written" if written else f"{target} is so already")
    for finding in findings:
        click.echo(f"{target}:{finding.line}: {finding.reason}; {finding.action}")


@migrate.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--list", "list_them", is_flag=True, help="List the migrations of this folder.")
@click.option("--id", "migration_id", metavar="ID", help="Which migration to take back; the last one by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the list, or what was taken back, as JSON.")
@_tell_errors
def rollback(path: Path, *, list_them: bool, migration_id: str | None, as_json: bool) -> None:
    """Put back every byte and mode that a migration changed."""
    from ._files import require_folder
    from ._withheld import forget_withheld
    from .transaction import migrations, recover
    from .transaction import rollback as take_back

    root = require_folder(path)
    recover(root)
    if list_them:
        known = migrations(root)
        if as_json:
            click.echo(json.dumps([_plain(each) for each in known], indent=2))
            return
        for each in known:
            click.echo(f"{each.id}  {each.at}  {each.status}  {each.service}  {len(each.files)} files")
        if not known:
            click.echo(f"no migration of {root} is kept", err=True)
        return
    done = take_back(root, migration_id=migration_id)
    forget_withheld(root)
    told = f"migration {done.id} of {done.service} taken back: {len(done.files)} files are as they were"
    with _already_done(told):
        click.echo(json.dumps(_plain(done), indent=2) if as_json else told)


def _plain(migration: Any) -> dict[str, Any]:
    return {
        "id": migration.id,
        "at": migration.at,
        "status": str(migration.status),
        "service": migration.service,
        "files": list(migration.files),
    }


@click.group()
def recipes() -> None:
    """List, show and test recipes."""


@recipes.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_tell_errors
def list_recipes(*, as_json: bool) -> None:
    """List every recipe with its title, the text in order of names, the JSON in the order in which they run."""
    from ._recipe import all_recipes

    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "id": r.id,
                        "title": r.title,
                        "opt_in": r.opt_in,
                        "reports_only": r.reports_only,
                        "needs": list(r.needs),
                    }
                    for r in all_recipes()
                ],
                indent=2,
            )
        )
        return
    width = max(len(recipe.id) for recipe in all_recipes())
    for recipe in sorted(all_recipes(), key=lambda r: r.id):
        click.echo(
            f"{recipe.id:<{width}}  {recipe.title}{'  (opt-in)' if recipe.opt_in else ''}{'  (reports only)' if recipe.reports_only else ''}"
        )


@recipes.command("show")
@click.argument("recipe_id", metavar="ID")
@_tell_errors
def show_recipe(recipe_id: str) -> None:
    """Print the page of a recipe, of every recipe of a theme, or of those in a recipe file."""
    from ._recipe import select

    for recipe in select([recipe_id]):
        click.echo(f"# {recipe.id}\n\n{recipe.page}\n")


@recipes.command("test")
@click.argument("file", type=click.Path(path_type=Path))
@_tell_errors
def test_recipe(file: Path) -> None:
    """Run the examples of a recipe file; exit 1 if one does not hold."""
    from ._recipe import from_file
    from .testing import check_examples

    failures = [failure for recipe in from_file(file) for failure in check_examples(recipe)]
    for failure in failures:
        click.echo(str(failure))
    click.echo(f"{file}: {'all examples hold' if not failures else f'examples that do not hold: {len(failures)}'}")
    sys.exit(1 if failures else 0)


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_tell_errors
def inventory(path: Path, *, as_json: bool) -> None:
    """Count the plumbing of the service in PATH, by recipe and by file."""
    from ._cache import ResultCache
    from ._engine import Options
    from ._engine import inventory as count
    from ._engine import scan
    from ._files import require_folder
    from ._recipe import select

    root = require_folder(path)
    with _progress() as progress:
        project = scan(root, Options(select(), cache=ResultCache.default_path(), progress=progress))
    counted = count(project)
    unparsed = {path: facts.unparsed for path, facts in sorted(project.facts.items()) if facts.unparsed}
    if as_json:
        click.echo(
            json.dumps({"files": len(project.files), "sites": counted, "unparsed": unparsed}, indent=2, sort_keys=True)
        )
        return
    for recipe, files in sorted(counted.items()):
        click.echo(f"{sum(files.values()):>6}  {recipe}")
        for name, number in sorted(files.items()):
            click.echo(f"        {number:>4}  {name}")
    click.echo(
        f"{sum(sum(files.values()) for files in counted.values()):>6}  sites in {len(project.files)} Python files"
    )
    for name, reason in unparsed.items():
        click.echo(f"not readable as Python: {name}: {reason}")
