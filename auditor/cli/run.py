"""``auditor run``: audit a model from a config file, or from options alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli.options import audit_options, config_of

if TYPE_CHECKING:
    from auditor.cli.progress import TerminalProgress
    from auditor.config import Config
    from auditor.pipeline import AuditOutcome


@click.command("run")
@audit_options
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["html", "pdf"]),
    help="Reports to make.",
)
@click.option(
    "--layout",
    type=click.Choice(["single", "folder"]),
    help="HTML as one file, or as a folder of files.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder that holds the runs.",
)
@click.option(
    "--baseline",
    help="Compare with this run folder, or with 'latest', the newest complete run of the same "
    "project in --out.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors and the result's path.")
def command(
    config_file: Path | None, out: Path, baseline: str | None, quiet: bool, **options: Any
) -> None:
    """Audit a model and write its report.

    Give a CONFIG file, or --model and --data. Options win over the file. The path of the run
    folder goes to stdout. The same command continues an audit that was stopped.
    """
    from auditor.cli.progress import TerminalProgress

    config, base = config_of(config_file, options)
    audit_and_render(config, base, out, TerminalProgress(quiet=quiet), baseline=baseline)


def audit_and_render(
    config: Config,
    base: Path,
    out: Path,
    progress: TerminalProgress,
    *,
    baseline: str | None = None,
) -> AuditOutcome:
    """Audit as ``config`` says, render the reports and print the run folder.

    ``baseline`` is a run to compare with, or 'latest'.
    """
    from auditor.cli.compare import check_baseline, compare_with
    from auditor.cli.render import created_now, house_of, render_folder
    from auditor.pipeline import run_audit
    from auditor.relevance.numerics import keep_memory
    from auditor.report.sections import check_sections

    check_sections(config.report.sections)
    house_of(config.report, base)
    if baseline is not None:
        check_baseline(baseline)
    keep_memory()
    outcome = run_audit(
        config,
        base,
        out,
        created=created_now(),
        argv=sys.argv[1:],
        progress=progress,
    )
    if baseline is not None:
        compare_with(outcome.run.path, baseline, progress)
    rendered = render_folder(outcome.run.path, config.report, progress, base=base)
    for path in rendered.values():
        progress.say(f"report: {path}")
    click.echo(str(outcome.run.path))
    return outcome
