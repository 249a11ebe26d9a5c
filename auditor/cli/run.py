"""``auditor run``: audit a model from a config file, or from options alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.cli.options import LAYOUT, RUNS, audit_options, config_of, format_option, quiet_option

if TYPE_CHECKING:
    from auditor.base.progress import Progress
    from auditor.cli.ending import Ending
    from auditor.config.audit import Config
    from auditor.pipeline.context import Opened
    from auditor.report.document.result import AuditResult, Verdict
    from auditor.report.document.review import Judgement


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
@quiet_option("the path of the run folder")
@click.option("--log-json", is_flag=True, help="Write progress and errors as JSON lines.")
def command(
    config_file: Path | None,
    out: Path,
    baseline: str | None,
    decisions: Path | None,
    repair: bool,
    exit_zero: bool,
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
    from auditor.cli.completion import complete
    from auditor.cli.ending import Ending
    from auditor.cli.gate import check_asked
    from auditor.cli.progress import JsonProgress, TerminalProgress
    from auditor.run.storage import check_writable

    progress = JsonProgress() if log_json else TerminalProgress(quiet=quiet)
    ending = Ending(out, "audit")
    config: Config | None = None
    base = Path.cwd()
    try:
        with ending.written():
            config, base = config_of(config_file, options)
            ending.name = config.project.name
            check_writable(out)
            if not config.run.share.leads:
                ending.of_another_job = True
                click.echo(str(_part(config, base, out, progress)))
                return
            check_asked(config, base, baseline, decisions)
            if config.audit.max_minutes is not None:
                from auditor.cli.budget import within

                config = within(config, base, out, progress)
            asked = Asked(baseline, decisions, ending, repair)
            _folder, _result, code = audit_and_render(config, base, out, progress, asked)
            if code and not exit_zero:
                click.get_current_context().exit(code)
    except (Exception, click.exceptions.Exit):
        if config is not None and not ending.of_another_job:
            complete(config, base, ending.folder, ending.summary, progress.say)
        raise
    complete(config, base, ending.folder, ending.summary, progress.say)


def _part(config: Config, base: Path, out: Path, progress: Progress) -> Path:
    """Do this job's part of an audit, whose result another job writes; return the run folder."""
    from auditor.pipeline.audit import share_audit

    with _opened(config, base, out, progress) as begun:
        run = share_audit(begun)
    progress.say(f"shard {config.run.shard} is done; the job with --shard 0 writes the result")
    return run


@contextmanager
def _opened(
    config: Config, base: Path, out: Path, progress: Progress, *, repair: bool = False
) -> Iterator[Opened]:
    """Open the audit of this command, until the block ends."""
    from auditor.cli.render import created_now
    from auditor.pipeline.audit import opened_audit
    from auditor.relevance.sweep.numerics import keep_memory

    keep_memory()
    with opened_audit(
        config,
        base,
        out,
        created=created_now(),
        argv=sys.argv[1:],
        progress=progress,
        repair=repair,
    ) as begun:
        yield begun


@dataclass(frozen=True)
class Asked:
    """What an audit is told besides its config: baseline and decisions win over the policy's.

    ``repair``: whether damaged files of a finished run are made again.
    """

    baseline: str | None = None
    decisions: Path | None = None
    ending: Ending | None = None
    repair: bool = False


NOTHING = Asked()


def audit_and_render(
    config: Config, base: Path, out: Path, progress: Progress, asked: Asked = NOTHING
) -> tuple[Path, AuditResult, int]:
    """Audit and judge as ``config`` says, render the reports and print the run folder.

    Returns the folder, the result and the exit code of the gate, 0 where there is none.
    """
    from auditor.cli.ending import job_summary
    from auditor.cli.render import branding_of
    from auditor.pipeline.audit import run_audit
    from auditor.pipeline.opening import only_one
    from auditor.report.sections.order import check_sections
    from auditor.review.judge.gate import exit_code

    check_sections(config.report.sections)
    branding_of(config.report, base)
    told = asked.ending.opened if asked.ending else None
    with _opened(config, base, out, progress, repair=asked.repair) as begun:
        run, result = run_audit(begun, opened=told, repair=asked.repair)
    with only_one(run, progress):
        judgement = _judge_and_draw(config, base, (run.path, result.verdict), progress, asked)
    if asked.ending is not None:
        job_summary(run.path / "summary.md")
    click.echo(str(run.path))
    return run.path, result, exit_code(judgement) if judgement else 0


def _judge_and_draw(
    config: Config, base: Path, audited: tuple[Path, Verdict], progress: Progress, asked: Asked
) -> Judgement | None:
    from auditor.cli.gate import compared_in_words, judged_by_config
    from auditor.cli.render import render_folder
    from auditor.review.judge.gate import lines_of

    folder, verdict = audited
    judgement = judged_by_config(config, folder, base, asked.baseline, asked.decisions)
    for line in compared_in_words(folder, asked.baseline):
        progress.say(line)
    try:
        rendered = render_folder(folder, config.report, progress, base=base)
    finally:
        alone = [f"{verdict.word}: {verdict.sentence}"]
        for line in lines_of(judgement) if judgement else alone:
            progress.say(line)
    for path in rendered.values():
        progress.say(f"report: {path}")
    if judgement is None and verdict.code == "needs_look":
        progress.say(
            f"auditor review {folder} --cues asks about each, and auditor gate {folder} judges "
            "with the answers."
        )
    if judgement is None and verdict.code in ("do_not_use", "incomplete"):
        progress.say(
            "Nothing was gated: the config has no policy and no targets, so the exit code is 0 for "
            f"{verdict.word} too. To gate, add 'policy: {{fail_on: high}}' to the config, or write "
            f"that line to a file and run: auditor gate {folder} --policy FILE"
        )
    return judgement
