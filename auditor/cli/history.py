"""``auditor history``: the runs of a folder over time, and which of them to keep."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.base.errors import on_one_line
from auditor.cli.options import AS_JSON, RunsFolder, quiet_option

if TYPE_CHECKING:
    from auditor.review.keep.history import History


@click.command("history")
@click.argument("folder", metavar="DIR", type=RunsFolder())
@AS_JSON
@click.option(
    "--index",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Page to write.  [default: index.html in DIR]",
)
@click.option("--no-index", is_flag=True, help="Do not write the page.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="Keep the newest N complete runs of each project and delete older ones.",
)
@click.option("--unfinished", is_flag=True, help="With --keep: delete unfinished runs too.")
@click.option("--dry-run", is_flag=True, help="With --keep: say what would be deleted.")
@quiet_option("the result")
def command(
    folder: Path,
    as_json: bool,
    index: Path | None,
    no_index: bool,
    keep: int | None,
    unfinished: bool,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Show all runs in DIR: verdicts, numbers and findings, on the terminal and as a page.

    DIR may be an address (s3://bucket/runs), to which the page is written too.
    With --keep, deletes older runs: never the baseline of a run that stays, and unfinished runs
    only with --unfinished.
    """
    import auditor
    from auditor.api.rendering import created_now
    from auditor.base.errors import ConfigError
    from auditor.review.keep.history import read_history
    from auditor.review.keep.history_page import history_html, history_lines
    from auditor.run.mirror import mirror_of, shown
    from auditor.run.storage import write_atomic

    if keep is None and (unfinished or dry_run):
        raise ConfigError("--unfinished and --dry-run belong to --keep N.")
    if (mirror := mirror_of(folder)) is not None:
        with suppress(FileNotFoundError):
            mirror.fetch(["manifest.json"])
        mirror.fetch_manifests()
    if (folder / "manifest.json").is_file():
        raise ConfigError(
            f"{shown(folder)} is a run. Give the folder that holds it: {_above(folder)}."
        )
    history = read_history(folder)
    if not history.rows:
        click.echo(
            f"no run in {shown(folder)} yet: auditor run writes into it with --out", err=True
        )
    if keep is not None and _retain(history, folder, keep, unfinished=unfinished, dry=dry_run):
        history = read_history(folder)
    if as_json:
        click.echo(history.translated().model_dump_json(indent=1))
    else:
        for line in history_lines(history):
            click.echo(on_one_line(line))
    if not no_index:
        target = index or folder / "index.html"
        text = history_html(
            history, folder, target, written=created_now(), version=auditor.__version__
        )
        write_atomic(target, text.encode())
        if not quiet:
            click.echo(f"page: {shown(target)}", err=True)


def _above(run: Path) -> str:
    from auditor.run.mirror import shown

    address = shown(run)
    return address.rpartition("/")[0] if "://" in address else str(run.resolve().parent)


def _retain(history: History, folder: Path, keep: int, *, unfinished: bool, dry: bool) -> bool:
    """Delete what the plan says, tell of it, and return whether anything went."""
    from auditor.review.keep.retention import delete_run, plan

    found = plan(history, folder, keep, unfinished=unfinished)
    for name in found.delete:
        if not dry:
            delete_run(folder / name)
        click.echo(f"{'would delete' if dry else 'deleted'} {name}", err=True)
    for name, reason in found.spared.items():
        click.echo(f"kept {name}: {reason}", err=True)
    if not found.delete:
        click.echo("nothing to delete", err=True)
    return bool(found.delete) and not dry
