"""The command line: one file per command, imported when it is called."""

from __future__ import annotations

import importlib

import click

from auditor import __version__
from auditor.base.errors import did_you_mean

GROUPS = {
    "Audit a model": ("demo", "init", "check", "run", "explain"),
    "Decide and mend": ("review", "gate", "mend"),
    "Runs and their reports": ("render", "compare", "history", "export", "verify"),
    "Help": ("docs", "doctor", "schema"),
}
COMMANDS = tuple(name for names in GROUPS.values() for name in names)
# Letters of a command's first sentence in the list: all of it.
SHORT = 200


class LazyGroup(click.Group):
    """A group whose commands live in ``auditor.cli.NAME`` and are imported on use."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command by name."""
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"auditor.cli.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for, each with its first sentence whole."""
        for title, names in GROUPS.items():
            found = [(name, self.get_command(context, name)) for name in names]
            with formatter.section(title):
                formatter.write_dl(
                    [(name, each.get_short_help_str(SHORT)) for name, each in found if each]
                )

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names.

        Raises:
            click.UsageError: there is none; the message names the nearest one.
        """
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(
                f"no such command '{args[0]}'.{hint} Commands: {', '.join(COMMANDS)}.", context
            )
        return super().resolve_command(context, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditor")
def cli() -> None:
    """Audit an image classifier: which concepts it relies on, and which may be shortcuts.

    Start with `auditor demo`, then `auditor run CONFIG` on your own model.
    """
