"""The engine's commands; `maestro` finds them by entry point."""

import click


@click.group()
def migrate() -> None:
    """Migrate services."""


@click.group()
def recipes() -> None:
    """List, show and test recipes."""


@click.command()
def inventory() -> None:
    """Count the plumbing of a tree."""
