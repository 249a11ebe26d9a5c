"""``auditor render``: draw the reports of a finished run again, without the model or torch."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.options import LAYOUT, RunPath, format_option, quiet_option


@click.command("render")
@click.argument("run_folder", metavar="RUN", type=RunPath())
@format_option("those of the config")
@click.option(
    "--tier",
    type=click.Choice(["executive", "standard", "technical"]),
    help="How much to draw: the first pages for a decision, the default, or everything.",
)
@click.option("--template", help="Folder of templates that replace those of the same path.")
@click.option("--css", help="Style file to add to the style of HTML and PDF.")
@click.option("--logo", help="PNG or JPEG file for the head of the report.")
@LAYOUT
@click.option("--language", help="Language of the report, such as de.")
@quiet_option("the paths")
def command(
    run_folder: Path,
    formats: tuple[str, ...],
    tier: str | None,
    layout: str | None,
    language: str | None,
    quiet: bool,
    **branding: str | None,
) -> None:
    """Draw the reports of RUN, the folder of a finished audit, from its audit.json.

    Needs neither the model nor torch. The options win over the report section of the config.
    """
    from auditor.api.rendering import config_of_run, load_sections, render_folder
    from auditor.cli.progress import TerminalProgress
    from auditor.language.speaking import checked_language
    from auditor.run.mirror import shown

    config = config_of_run(run_folder)
    progress = TerminalProgress(quiet=quiet)
    load_sections(config, progress)
    report = config.report
    if formats:
        report = report.model_copy(update={"formats": list(formats)})
    if tier:
        report = report.model_copy(update={"tier": tier})
    if layout:
        report = report.model_copy(update={"layout": layout})
    if language:
        report = report.model_copy(update={"language": checked_language(language)})
    report = report.model_copy(update={key: value for key, value in branding.items() if value})
    for path in render_folder(run_folder, report, progress).values():
        click.echo(shown(path))
