"""The command line holds no logic: it offers what installed distributions contribute."""

from click.testing import CliRunner

from maestro_cli import main


def test_commands_are_the_installed_entry_points():
    """The engine's commands are there without the command line naming them."""
    shown = CliRunner().invoke(main, ["--help"]).output
    for command in ("migrate", "recipes", "inventory"):
        assert command in shown


def test_an_unknown_command_is_wrong_use():
    """Exit code 2 and the list of what there is, as for any other wrong use."""
    done = CliRunner().invoke(main, ["nonsense"])
    assert done.exit_code == 2
    assert "No such command" in done.output


def test_recipes_are_listed_and_shown():
    """Each recipe has a title in the list and a page of its own."""
    listed = CliRunner().invoke(main, ["recipes", "list"])
    assert listed.exit_code == 0
    assert "logging/ask_the_library_for_loggers" in listed.output
    page = CliRunner().invoke(main, ["recipes", "show", "logging/ask_the_library_for_loggers"])
    assert "```py before" in page.output
