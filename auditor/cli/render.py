"""``auditor render``: draw the reports of a finished run again, without the model or torch."""

from __future__ import annotations

import datetime
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


@click.command("render")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["html", "pdf"]),
    help="Reports to make.",
)
@click.option(
    "--tier",
    type=click.Choice(["executive", "standard", "technical"]),
    help="How much of the result is drawn.",
)
@click.option(
    "--layout",
    type=click.Choice(["single", "folder"]),
    help="HTML as one file, or as a folder of files.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors and the paths.")
def command(
    run_folder: Path,
    formats: tuple[str, ...],
    tier: str | None,
    layout: str | None,
    quiet: bool,
) -> None:
    """Draw the reports of RUN, the folder of a finished audit, from its audit.json."""
    from auditor.cli.progress import TerminalProgress
    from auditor.config import load_config
    from auditor.runfolder import read_manifest

    read_manifest(run_folder)
    report = load_config(run_folder / "config.yaml").report
    if formats:
        report = report.model_copy(update={"formats": list(formats)})
    if tier:
        report = report.model_copy(update={"tier": tier})
    if layout:
        report = report.model_copy(update={"layout": layout})
    for path in render_folder(run_folder, report, TerminalProgress(quiet=quiet)).values():
        click.echo(str(path))


def render_folder(run_folder: Path, report: Any, progress: Any) -> Mapping[str, Path]:
    """Render the run as its report config says and return format -> file."""
    from auditor.redaction import without_folders
    from auditor.report.model import RenderContext
    from auditor.report.render import render_run
    from auditor.runfolder import read_manifest

    manifest = read_manifest(run_folder)
    context = RenderContext(
        created=manifest["created"],
        stages={name: entry["seconds"] for name, entry in manifest["stages"].items()},
        command=shlex.join(["auditor", *without_folders(manifest.get("argv", []))]),
        tier=report.tier,
        sections=report.sections,
    )
    with progress.stage(f"rendering {' and '.join(report.formats)}"):
        return render_run(
            run_folder,
            context,
            formats=report.formats,
            max_html_mb=report.max_html_mb,
            pdf_timeout=report.pdf_timeout,
            layout=report.layout,
        )


def created_now() -> str:
    """Return the time in UTC, or the time that SOURCE_DATE_EPOCH fixes."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.now(datetime.UTC)
    if fixed is not None:
        now = datetime.datetime.fromtimestamp(int(fixed), datetime.UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")
