"""The `maestro` command line: every installed `maestro-*` distribution contributes its commands by entry point."""

from importlib.metadata import entry_points

import click

__all__ = ["main"]


class InstalledCommands(click.Group):
    """A command group whose members are the `maestro.commands` entry points, loaded only when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click calls it with the context
        """Return the sorted names of the installed commands."""
        return sorted(point.name for point in entry_points(group="maestro.commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        """Load one command, or return `None` when no distribution offers it."""
        for point in entry_points(group="maestro.commands", name=cmd_name):
            command: click.Command = point.load()
            return command
        return None


@click.group(cls=InstalledCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="maestro-command-line", prog_name="maestro")
def main() -> None:
    """Move Python services onto the shared libraries, and prove that each still behaves as it did."""
