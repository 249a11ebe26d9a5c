"""An audit from its config to its report and its judgement: the one way to do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.api.judging import check_asked, compared_in_words, judged_by_config
from auditor.api.rendering import branding_of, created_now, render_folder
from auditor.run.mirror import shown

if TYPE_CHECKING:
    from auditor.base.progress import Progress
    from auditor.config.audit import Config
    from auditor.pipeline.context import Opened
    from auditor.report.document.result import AuditResult, Verdict
    from auditor.report.document.review import Judgement
    from auditor.subject import Given


@dataclass(frozen=True)
class Asked:
    """What an audit is told besides its config: baseline and decisions win over the policy's.

    ``repair``: whether damaged files of a finished run are made again. ``argv`` is the command, for
    the reproducibility page; empty where there was none. ``objects`` are model and data where they
    are given as objects. ``opened`` is told the run folder as soon as there is one.
    """

    baseline: str | None = None
    decisions: Path | None = None
    repair: bool = False
    argv: Sequence[str] = ()
    objects: Given | None = None
    opened: Callable[[Path], object] | None = None


@dataclass(frozen=True)
class Performed:
    """An audit that is done: its run folder, its result, and what the gate says, if any."""

    folder: Path
    result: AuditResult
    judgement: Judgement | None


def perform(config: Config, base: Path, out: Path, progress: Progress, asked: Asked) -> Performed:
    """Audit and judge as ``config`` says, and render the reports.

    Args:
        config: the whole audit.
        base: folder that relative paths of the config start from.
        out: folder that holds runs.
        progress: told what is going on.
        asked: what else is asked.

    Raises:
        AuditorError: what is wrong, by its kind.
    """
    from auditor.pipeline.audit import run_audit
    from auditor.pipeline.opening import only_one

    check_before(config, base, asked.baseline, asked.decisions)
    with opening(config, base, out, progress, asked) as begun:
        run, result = run_audit(begun, opened=asked.opened, repair=asked.repair)
    with only_one(run, progress):
        judgement = _judge_and_draw(config, base, (run.path, result.verdict), progress, asked)
    return Performed(run.path, result, judgement)


def check_before(
    config: Config, base: Path, baseline: str | None = None, decisions: Path | None = None
) -> None:
    """Say before a long audit what would end it after: of report, baseline and decisions.

    Raises:
        AuditorError: which of them, and why.
    """
    from auditor.report.sections.order import check_sections

    check_sections(config.report.sections)
    branding_of(config.report, base)
    check_asked(config, base, baseline, decisions)


@contextmanager
def opening(
    config: Config, base: Path, out: Path, progress: Progress, asked: Asked
) -> Iterator[Opened]:
    """Open the audit, until the block ends."""
    from auditor.pipeline.audit import opened_audit

    with opened_audit(
        config,
        base,
        out,
        created=created_now(),
        argv=asked.argv,
        progress=progress,
        repair=asked.repair,
        objects=asked.objects,
    ) as begun:
        yield begun


def _judge_and_draw(
    config: Config, base: Path, audited: tuple[Path, Verdict], progress: Progress, asked: Asked
) -> Judgement | None:
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
        progress.say(f"report: {shown(path)}")
    if judgement is None and asked.objects is None:
        _say_what_next(folder, verdict, progress)
    return judgement


def _say_what_next(folder: Path, verdict: Verdict, progress: Progress) -> None:
    """Say what can be done about a verdict that no gate gave."""
    if verdict.code == "needs_look":
        progress.say(
            f"auditor review {shown(folder)} --cues asks about each, and auditor gate "
            f"{shown(folder)} judges with the answers."
        )
    if verdict.code in ("do_not_use", "incomplete"):
        progress.say(
            "Nothing was gated: the config has no policy and no targets, so the exit code is 0 for "
            f"{verdict.word} too. To gate, add 'policy: {{fail_on: high}}' to the config, or write "
            f"that line to a file and run: auditor gate {shown(folder)} --policy FILE"
        )
