"""A finished run judged by its owner's policy, in the way of the command and of the library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.config.audit import Config, GateConfig
    from auditor.config.policy import PolicyConfig, TargetsConfig
    from auditor.report.document.review import Judgement


def judge_folder(
    run_folder: Path, policy: PolicyConfig, targets: TargetsConfig, *, base: Path
) -> Judgement:
    """Judge a finished run as of today; paths of the policy start from ``base``."""
    from auditor.api.rendering import created_now
    from auditor.review.judge.gate import gate_run

    return gate_run(run_folder, policy, targets, as_of=created_now()[:10], base=base)


def gate_folder(run_folder: Path, given: GateConfig, *, base: Path) -> Judgement:
    """Judge a finished run as of today, and write its summaries and tables again."""
    from auditor.api.rendering import config_of_run, context_of
    from auditor.report.show.render import write_texts

    judgement = judge_folder(run_folder, given.policy, given.targets, base=base)
    write_texts(run_folder, context_of(run_folder, config_of_run(run_folder).report))
    return judgement


def judged_by_config(
    config: Config, run_folder: Path, base: Path, baseline: str | None, decisions: Path | None
) -> Judgement | None:
    """Judge a run by its own config, or only review it where that has no policy and no targets.

    ``baseline`` and ``decisions`` of the command line win over the policy's.
    """
    from auditor.api.rendering import created_now
    from auditor.config.policy import PolicyConfig
    from auditor.review.judge.gate import review_run

    baseline, placed = seen_from(base, baseline), seen_from(base, decisions)
    if config.gated:
        policy = config.policy or PolicyConfig()
        given = {"baseline": baseline, "decisions": placed}
        policy = policy.model_copy(update={key: value for key, value in given.items() if value})
        return judge_folder(run_folder, policy, config.targets, base=base)
    if baseline or placed:
        review_run(run_folder, baseline, placed, as_of=created_now()[:10], base=base)
    _without_judgement(run_folder)
    return None


def _without_judgement(run_folder: Path) -> None:
    """Take out what an earlier gate made of a run: this time nobody asks for one."""
    from auditor.report.show.render import read_review
    from auditor.review.keep.reviewed import update_review
    from auditor.run.manifest import forget

    review = read_review(run_folder)
    if review is not None and review.judgement is not None:
        update_review(run_folder, review.run, as_of=review.as_of, judgement=None)
        forget(run_folder, ["junit.xml"])


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
    asked = seen_from(base, baseline) or (policy and policy.baseline)
    if asked and asked != LATEST:
        with baseline_of(base, asked, base) as place:
            assert place is not None  # a name was given
            read_run(place)
    file = seen_from(base, decisions) or (policy and policy.decisions)
    if file:
        read_decisions(base / file)


def seen_from(base: Path, given: str | Path | None) -> str | None:
    """Return a path given on the command line as seen from ``base``."""
    if given is None or not Path(given).exists():
        return given if given is None else str(given)
    return str(Path(given).resolve())
