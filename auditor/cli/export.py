"""``auditor export``: a finished run in the format of another tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.options import LocalFolder, RunPath, quiet_option

if TYPE_CHECKING:
    from auditor.exports.recomputed import Recomputed

FORMATS = ("fiftyone", "cleanlab", "virelay", "quantus", "coco-json", "sarif", "hub-card")


@click.command("export")
@click.argument("run_folder", metavar="RUN", type=RunPath())
@click.option("--to", "form", required=True, help=f"Format: {', '.join(FORMATS)}.")
@click.option(
    "--out",
    type=LocalFolder(),
    default=Path("exported"),
    show_default=True,
    help="Folder in which a folder of the format's name is written.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Config of the audit, for virelay and quantus, which hold pixels: model and data are "
    "loaded again and must be the run's.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Most pictures of virelay and quantus.",
)
@quiet_option("the paths")
def command(
    run_folder: Path, form: str, out: Path, config_file: Path | None, limit: int, quiet: bool
) -> None:
    """Write RUN, the folder of a finished audit, in the format of another tool.

    The paths of the files go to stdout. Formats without pixels need neither the model nor torch.
    """
    from auditor.cli.progress import TerminalProgress
    from auditor.exports import EXPORTS, export

    again = None if config_file is None else _again(run_folder, config_file)
    progress = TerminalProgress(quiet=quiet)
    with progress.stage(f"exporting to {form}"):
        files = export(run_folder, form, out, recompute=again, limit=limit)
    offer = EXPORTS.offer(form)
    if offer is not None:
        progress.say(f"note: ran the code of the package {offer.said} (export '{form}')")
    for path in files:
        click.echo(str(path))


def _again(run_folder: Path, config_file: Path) -> Callable[[], Recomputed]:
    """Return what loads model and data of a run again, once a format asks for them."""

    def load() -> Recomputed:
        from auditor.cli.options import config_of
        from auditor.exports.recomputed import recomputed
        from auditor.report.show.per_picture import read_pictures

        config, base = config_of(config_file, {})
        pictures = read_pictures(run_folder)
        assert pictures is not None  # the export has read them
        return recomputed(run_folder, config, base, pictures.samples)

    return load
