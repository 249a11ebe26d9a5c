"""``auditor gate``: judge a finished run by a policy, without the model or torch."""

from __future__ import annotations

import os
from pathlib import Path

import click

from auditor.base.errors import on_one_line
from auditor.cli.options import ANNOTATE, RunPath


@click.command("gate")
@click.argument("run_folder", metavar="RUN", type=RunPath())
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file with the sections policy and targets.  [default: those of the run's config]",
)
@click.option(
    "--decisions", help="File with the decisions of people; wins over that of the policy."
)
@click.option("--baseline", help="Run to compare with, or 'latest'; wins over that of the policy.")
@click.option("--render", is_flag=True, help="Draw the reports again, with the judgement.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever the verdict.")
@ANNOTATE
@click.option("--quiet", is_flag=True, help="Print only the verdict.")
def command(
    run_folder: Path,
    policy_file: Path | None,
    decisions: str | None,
    baseline: str | None,
    render: bool,
    exit_zero: bool,
    annotate: bool,
    quiet: bool,
) -> None:
    """Judge RUN, the folder of a finished audit, by its owner's policy.

    Writes review.json, junit.xml, summary.json and summary.md into RUN and the verdict to stdout.
    Needs neither the model nor torch. Exits with 1 where the policy asks for something that is not
    met: the verdict is DO NOT USE YET; or NEEDS A DECISION, and a finding that waits for one is as
    severe as policy.fail_on or more; or NEEDS A LOOK, and policy.require_reviewed is set. Exits
    with 4 if the verdict is INCOMPLETE, else with 0.
    """
    from auditor.api.judging import gate_folder, seen_from
    from auditor.api.rendering import config_of_run, render_folder
    from auditor.cli import ending
    from auditor.cli.progress import TerminalProgress
    from auditor.config.audit import load_gate
    from auditor.review.judge.gate import exit_code, lines_of
    from auditor.run.mirror import shown

    config = config_of_run(run_folder)
    given = load_gate(policy_file or run_folder / "config.yaml", os.environ)
    base = Path.cwd() if policy_file is None else policy_file.resolve().parent
    changes = {"baseline": seen_from(base, baseline), "decisions": seen_from(base, decisions)}
    policy = given.policy.model_copy(update={key: new for key, new in changes.items() if new})
    judged = given.model_copy(update={"policy": policy})
    judgement = gate_folder(run_folder, judged, base=base)
    if render:
        render_folder(run_folder, config.report, TerminalProgress(quiet=quiet))
    ending.job_summary(run_folder / "summary.md")
    if annotate:
        ending.annotate(run_folder)
    lines = lines_of(judgement)
    for line in lines[:1] if quiet else lines:
        click.echo(on_one_line(line))
    if not (render or quiet):
        click.echo(f"auditor render {shown(run_folder)} draws this in the report.", err=True)
    click.get_current_context().exit(0 if exit_zero else exit_code(judgement))
