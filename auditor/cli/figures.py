"""``auditor figures``: single figures of a report as files."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.options import LocalFolder, RunPath


@click.command("figures")
@click.argument("run_folder", metavar="RUN", type=RunPath())
@click.option("--list", "listing", is_flag=True, help="Only list the figures, with what they show.")
@click.option(
    "--figure", "names", multiple=True, help="Figure to write; repeatable.  [default: all]"
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(["svg", "pdf"]),
    multiple=True,
    help="Format to write; repeatable.  [default: both]",
)
@click.option(
    "--out",
    type=LocalFolder(),
    default=Path("figures"),
    show_default=True,
    help="Folder to write them into.",
)
@click.option("--language", default="en", show_default=True, help="Language of the words in them.")
def command(
    run_folder: Path,
    listing: bool,
    names: tuple[str, ...],
    formats: tuple[str, ...],
    out: Path,
    language: str,
) -> None:
    """Write figures of RUN, the folder of a finished audit, as files of their own.

    They are drawings without loss, whose letters are outlines, so that no font is needed to show
    them. The paths of the files go to stdout.
    """
    from auditor.language.speaking import checked_language, speaking
    from auditor.report.show.render import read_result
    from auditor.report.show.single_figures import FORMATS, figure_files, figures_of
    from auditor.run.manifest import read_manifest
    from auditor.run.storage import write_atomic

    spoken = checked_language(language)
    with speaking(spoken):
        result = read_result(run_folder).translated()
        if listing:
            for name, picture in figures_of(result).items():
                click.echo(f"{name}\t{picture.alt}")
            return
        files = figure_files(
            result,
            run_folder / "images",
            names,
            formats or FORMATS,
            created=read_manifest(run_folder)["created"],
            language=spoken,
        )
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomic(out / name, content)
        click.echo(str(out / name))
