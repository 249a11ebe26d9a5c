"""``auditor gate``: judge a finished run by a policy, without the model or torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.base.errors import on_one_line

if TYPE_CHECKING:
    from auditor.config.audit import Config
    from auditor.config.policy import PolicyConfig, TargetsConfig
    from auditor.report.document.review import Judgement


@click.command("gate")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
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
@click.option("--quiet", is_flag=True, help="Print only the verdict.")
def command(
    run_folder: Path,
    policy_file: Path | None,
    decisions: str | None,
    baseline: str | None,
    render: bool,
    exit_zero: bool,
    quiet: bool,
) -> None:
    """Judge RUN, the folder of a finished audit, by its owner's policy.

    Writes review.json, junit.xml, summary.json and summary.md into RUN and the verdict to stdout.
    Needs neither the model nor torch. Exits with 1 where the policy asks for something that is not
    met: the verdict is DO NOT USE YET; or NEEDS A DECISION, and a finding that waits for one is as
    severe as policy.fail_on or more; or NEEDS A LOOK, and policy.require_reviewed is set. Exits
    with 4 if the verdict is INCOMPLETE, else with 0.
    """
    from auditor.cli.ending import job_summary
    from auditor.cli.progress import TerminalProgress
    from auditor.cli.render import config_of_run, context_of, render_folder
    from auditor.config.audit import load_gate
    from auditor.report.show.render import write_texts
    from auditor.review.judge.gate import exit_code, lines_of

    config = config_of_run(run_folder)
    given = load_gate(policy_file or run_folder / "config.yaml", os.environ)
    base = Path.cwd() if policy_file is None else policy_file.resolve().parent
    changes = {"baseline": _from(base, baseline), "decisions": _from(base, decisions)}
    policy = given.policy.model_copy(update={key: new for key, new in changes.items() if new})
    judgement = judge_folder(run_folder, policy, given.targets, base=base)
    write_texts(run_folder, context_of(run_folder, config.report))
    if render:
        render_folder(run_folder, config.report, TerminalProgress(quiet=quiet))
    job_summary(run_folder / "summary.md")
    lines = lines_of(judgement)
    for line in lines[:1] if quiet else lines:
        click.echo(on_one_line(line))
    if not (render or quiet):
        click.echo(f"auditor render {run_folder} draws this in the report.", err=True)
    click.get_current_context().exit(0 if exit_zero else exit_code(judgement))


def judge_folder(
    run_folder: Path, policy: PolicyConfig, targets: TargetsConfig, *, base: Path
) -> Judgement:
    """Judge a finished run as of today; paths of the policy start from ``base``."""
    from auditor.cli.render import created_now
    from auditor.review.judge.gate import gate_run

    return gate_run(run_folder, policy, targets, as_of=created_now()[:10], base=base)


def judged_by_config(
    config: Config, run_folder: Path, base: Path, baseline: str | None, decisions: Path | None
) -> Judgement | None:
    """Judge a run by its own config, or only review it where that has no policy and no targets.

    ``baseline`` and ``decisions`` of the command line win over the policy's.
    """
    from auditor.cli.render import created_now
    from auditor.config.policy import PolicyConfig
    from auditor.review.judge.gate import review_run

    baseline, placed = _from(base, baseline), _from(base, decisions)
    if config.gated:
        policy = config.policy or PolicyConfig()
        given = {"baseline": baseline, "decisions": placed}
        policy = policy.model_copy(update={key: value for key, value in given.items() if value})
        return judge_folder(run_folder, policy, config.targets, base=base)
    if baseline or placed:
        review_run(run_folder, baseline, placed, as_of=created_now()[:10], base=base)
    return None


def compared_in_words(run_folder: Path, baseline: str | None) -> list[str]:
    """Return what the comparison of a run says, or that a baseline was asked for in vain."""
    from auditor.report.show.render import read_review

    review = read_review(run_folder)
    if review is not None and review.comparison is not None:
        found = review.comparison
        return [f"compared with {found.earlier.folder}: {found.sentence}"]
    if baseline is not None:
        return [
            "nothing to compare with: no earlier complete run of this project and format beside it"
        ]
    return []


def check_asked(config: Config, base: Path, baseline: str | None, decisions: Path | None) -> None:
    """Say before a long audit that its baseline or its decisions file cannot be used.

    Raises:
        ConfigError, IntegrityError: which of them, and why.
    """
    from auditor.review.decide.decisions_file import read_decisions
    from auditor.review.judge.gate import baseline_of
    from auditor.review.keep.runs import LATEST, read_run

    policy = config.policy
    asked = _from(base, baseline) or (policy and policy.baseline)
    if asked and asked != LATEST:
        place = baseline_of(base, asked, base)
        assert place is not None  # a name was given
        read_run(place)
    file = _from(base, decisions) or (policy and policy.decisions)
    if file:
        read_decisions(base / file)


def _from(base: Path, given: str | Path | None) -> str | None:
    """Return a path given on the command line as seen from ``base``."""
    if given is None or not Path(given).exists():
        return given if given is None else str(given)
    return str(Path(given).resolve())
