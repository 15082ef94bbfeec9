"""`maestro logging …`: the inventory of what a service can log, written and compared (extra `cli`)."""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from maestro_core_logging._inventory import LogSite, UnreadableCodeError, inventory_page, log_sites

_CODE = click.argument("code", type=click.Path(exists=True, path_type=Path))
_OUTPUT = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("docs/log-inventory.md"),
    show_default=True,
    help="The file of the inventory.",
)


@click.group("logging")
def logging_group() -> None:
    """List the events that a service can log, and see that the list is current."""


@logging_group.command()
@_CODE
@_OUTPUT
@click.option("--json", "as_json", is_flag=True, help="Print JSON with line numbers and write no file.")
def inventory(code: Path, output: Path, as_json: bool) -> None:
    """Write the events, levels and fields of the log calls below CODE; nothing of it is imported."""
    sites = _read(code)
    if as_json:
        click.echo(json.dumps([asdict(site) for site in sites], indent=2))
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(inventory_page(sites), encoding="utf-8")
    except OSError as error:
        _refuse(f"cannot write {output}: {error.strerror}")
    click.echo(f"wrote {output}: {len(sites)} log calls")


@logging_group.command()
@_CODE
@_OUTPUT
def check(code: Path, output: Path) -> None:
    """Exit 1 when the inventory in --output is not what the code below CODE would give."""
    expected = inventory_page(_read(code))
    try:
        found = output.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _refuse(f"cannot read {output}: {error}")
    if found == expected:
        click.echo("code and inventory agree")
        return
    lines = difflib.unified_diff(found.splitlines(), expected.splitlines(), str(output), "the code", lineterm="", n=0)
    click.echo("\n".join(lines))
    click.echo(f"the inventory differs; run `maestro logging inventory {code} --output {output}`", err=True)
    sys.exit(1)


def _read(code: Path) -> list[LogSite]:
    try:
        return log_sites(code)
    except UnreadableCodeError as error:
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(2)
