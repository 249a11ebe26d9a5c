"""``auditor run``: audit a model from a config file, or from options alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli.options import (
    ANNOTATE,
    LAYOUT,
    RUNS,
    audit_options,
    config_of,
    format_option,
    quiet_option,
)

if TYPE_CHECKING:
    from auditor.api.performing import Asked
    from auditor.base.progress import Progress
    from auditor.config.audit import Config
    from auditor.report.document.result import AuditResult


@click.command("run")
@audit_options
@format_option("those of the config")
@LAYOUT
@RUNS
@click.option(
    "--baseline",
    help="Compare with this run folder, or with 'latest', the newest complete run of the same "
    "project in --out.",
)
@click.option(
    "--decisions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the decisions that people made about findings.",
)
@click.option(
    "--max-minutes",
    type=float,
    help="Use fewer images if the audit is estimated to take longer; the report says so.",
)
@click.option(
    "--executor", help="Who does the work: inline, processes, ray, or a plugin's executor."
)
@click.option("--workers", type=int, help="Worker processes.  [default: one per core]")
@click.option(
    "--shard",
    metavar="I/N",
    help="Do part I of N, counted from 0; N jobs run the same command, and 0/N writes the result.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Make the damaged files of a finished run again instead of refusing the run.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the gate says.")
@ANNOTATE
@quiet_option("the path of the run folder")
@click.option("--log-json", is_flag=True, help="Write progress and errors as JSON lines.")
def command(
    config_file: Path | None,
    out: Path,
    baseline: str | None,
    decisions: Path | None,
    repair: bool,
    exit_zero: bool,
    annotate: bool,
    quiet: bool,
    log_json: bool,
    **options: Any,
) -> None:
    """Audit a model, write its report, and judge it if the config has a policy or targets.

    Give a CONFIG file, or --model and --data. Options win over the environment (AUDITOR_AUDIT__SEED
    is audit.seed), the environment over the file, the file over the preset. The path of the run
    folder goes to stdout; OUT/summary.json says how the run ended. The same command continues an
    audit that was stopped.
    """
    from auditor.api.performing import Asked, check_before
    from auditor.cli.completion import complete
    from auditor.cli.ending import Ending
    from auditor.cli.ending import annotate as write_annotations
    from auditor.cli.progress import JsonProgress, TerminalProgress
    from auditor.run.storage import check_writable

    progress = JsonProgress() if log_json else TerminalProgress(quiet=quiet)
    ending = Ending(out, "audit", annotate=annotate)
    config: Config | None = None
    base = Path.cwd()
    try:
        with ending.written():
            config, base = config_of(config_file, options)
            ending.name = config.project.name
            check_writable(out)
            if not config.run.share.leads:
                ending.of_another_job = True
                click.echo(_part(config, base, out, progress))
                return
            if config.audit.max_minutes is not None:
                from auditor.cli.budget import within

                check_before(config, base, baseline, decisions)
                config = within(config, base, out, progress)
            asked = Asked(baseline, decisions, repair, argv=sys.argv[1:], opened=ending.opened)
            folder, _result, code = audit_and_render(config, base, out, progress, asked)
            if annotate:
                write_annotations(folder)
            if code and not exit_zero:
                click.get_current_context().exit(code)
    except (Exception, click.exceptions.Exit):
        if config is not None and not ending.of_another_job:
            complete(config, base, ending.folder, ending.summary, progress.say)
        raise
    complete(config, base, ending.folder, ending.summary, progress.say)


def _part(config: Config, base: Path, out: Path, progress: Progress) -> str:
    """Do this job's part of an audit, whose result another job writes; return the run folder."""
    from auditor.api.performing import Asked, opening
    from auditor.pipeline.audit import share_audit
    from auditor.relevance.sweep.numerics import keep_memory
    from auditor.run.mirror import shown

    keep_memory()
    with opening(config, base, out, progress, Asked(argv=sys.argv[1:])) as begun:
        run = share_audit(begun)
    progress.say(f"shard {config.run.shard} is done; the job with --shard 0 writes the result")
    return shown(run)


def audit_and_render(
    config: Config, base: Path, out: Path, progress: Progress, asked: Asked | None = None
) -> tuple[Path, AuditResult, int]:
    """Audit and judge as ``config`` says, render the reports and print the run folder.

    Returns the folder, the result and the exit code of the gate, 0 where there is none.
    """
    from auditor.api.performing import Asked, perform
    from auditor.cli.ending import job_summary
    from auditor.relevance.sweep.numerics import keep_memory
    from auditor.review.judge.gate import exit_code
    from auditor.run.mirror import shown

    keep_memory()
    done = perform(config, base, out, progress, asked or Asked(argv=sys.argv[1:]))
    if asked is not None:
        job_summary(done.folder / "summary.md")
    click.echo(shown(done.folder))
    return done.folder, done.result, exit_code(done.judgement) if done.judgement else 0
