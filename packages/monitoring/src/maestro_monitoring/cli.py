"""`maestro monitoring`: rules, tests and dashboards from the SLOs in the code (extra `cli`)."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ._artifacts import RULE_TESTS, RULES, artifacts, drift, write
from ._slo import SLO
from .errors import MonitoringError, TargetError

_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("deploy/monitoring"),
    show_default=True,
    help="Folder of the generated files.",
)
_DASHBOARDS = click.option(
    "--dashboards/--no-dashboards", default=True, help="With Grafana dashboards (extra `grafana`)."
)


@click.group()
def monitoring() -> None:
    """Rules, alerts and dashboards from the SLOs that a service declares in code."""


@monitoring.command()
@click.argument("target")
@_OUT
@_DASHBOARDS
def generate(target: str, out: Path, dashboards: bool) -> None:
    """Write rules, their tests, sloth, pyrra and OpenSLO files and dashboards for TARGET (module:attribute)."""
    files = _expected(target, dashboards=dashboards)
    changed = write(files, out)
    for path in changed:
        click.echo(f"wrote {path}")
    click.echo(f"{len(files)} files, {len(changed)} changed")


@monitoring.command()
@click.argument("target")
@_OUT
@_DASHBOARDS
@click.option("--promtool", default="promtool", show_default=True, help="The promtool to test the rules with.")
@click.option("--no-promtool", is_flag=True, help="Compare the files only.")
def check(target: str, out: Path, dashboards: bool, promtool: str, no_promtool: bool) -> None:
    """Exit 1 when the files in --out are not what TARGET would generate, or when promtool refuses the rules."""
    differences = drift(_expected(target, dashboards=dashboards), out)
    for difference in differences:
        click.echo(difference)
    if differences:
        click.echo(
            f"{len(differences)} files differ from the code; run `maestro monitoring generate {target} --out {out}`",
            err=True,
        )
        sys.exit(1)
    if not no_promtool:
        _run_promtool(promtool, out)
    click.echo("code and files agree" + ("" if no_promtool else ", and the rules pass their tests"))


def load_slos(target: str) -> Sequence[SLO]:
    """Import `module:attribute` and give the SLOs that it is or, called, gives.

    Raises:
        TargetError: it cannot be imported, or is something else.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise TargetError(target, "has no colon between module and attribute")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise TargetError(target, f"cannot be imported ({error})") from error
    slos = found() if callable(found) else found
    if isinstance(slos, SLO):
        slos = [slos]
    try:
        listed = list(slos)
    except TypeError as error:
        raise TargetError(target, f"is a {type(slos).__name__}") from error
    if not listed or not all(isinstance(slo, SLO) for slo in listed):
        raise TargetError(target, "holds no SLOs, or something else besides")
    return listed


def _expected(target: str, *, dashboards: bool) -> dict[str, str]:
    try:
        return artifacts(load_slos(target), dashboards=dashboards)
    except MonitoringError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)


def _run_promtool(promtool: str, out: Path) -> None:
    executable = shutil.which(promtool)
    if executable is None:
        click.echo(
            f"error: {promtool} not found, so the rules were not tested; install Debian's package `prometheus` or use --no-promtool",
            err=True,
        )
        sys.exit(2)
    for command in (["check", "rules", Path(RULES).name], ["test", "rules", Path(RULE_TESTS).name]):
        ran = subprocess.run(
            [executable, *command], cwd=(out / RULES).parent, capture_output=True, text=True, check=False
        )
        if ran.returncode != 0 or "FAILED" in ran.stderr:
            click.echo(ran.stdout + ran.stderr, err=True)
            sys.exit(1)
