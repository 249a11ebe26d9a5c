"""The command line: one file per command, imported when it is called."""

from __future__ import annotations

import importlib

import click

from auditor import __version__

COMMANDS = (
    "run",
    "check",
    "demo",
    "render",
    "explain",
    "compare",
    "review",
    "verify",
    "history",
    "gate",
    "init",
    "schema",
    "doctor",
)


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


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditor")
def cli() -> None:
    """Audit an image classifier: which concepts it relies on, and which may be shortcuts.

    Start with `auditor demo`, then `auditor run CONFIG` on your own model.
    """
