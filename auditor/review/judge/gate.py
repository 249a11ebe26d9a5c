"""Judge a finished run: its baseline, its decisions, its policy; write what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auditor.base.addresses import is_address
from auditor.base.errors import ConfigError, GateError, OutputError
from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.language.speaking import speaking
from auditor.report.document.review import Comparison, DecisionState, Judgement
from auditor.review.compare.audits import compare_folders
from auditor.review.decide.decisions import decision_states, states_of_file
from auditor.review.judge.junit import junit_xml
from auditor.review.judge.policy import judge
from auditor.review.keep.pictures import with_pictures
from auditor.review.keep.reviewed import update_review
from auditor.review.keep.runs import LATEST, latest_before, read_run, report_language
from auditor.run.manifest import write_listed
from auditor.run.mirror import run_at


@dataclass(frozen=True)
class Reviewed:
    """What is made of an audit before it is judged."""

    comparison: Comparison | None
    decisions: Sequence[DecisionState]


def gate_run(
    run: Path, policy: PolicyConfig, targets: TargetsConfig, *, as_of: str, base: Path
) -> Judgement:
    """Judge the run and write its review.json and junit.xml; neither model nor torch is needed.

    ``as_of`` is the day (YYYY-MM-DD) on which decisions expire or hold; paths of the policy start
    from ``base``. Without a baseline or decisions file, those of the run's review.json count.

    Raises:
        IntegrityError: the run, its baseline or its review cannot be read.
        ConfigError: the baseline or the decisions file cannot be used.
    """
    found = read_run(run)
    made = review_run(run, policy.baseline, policy.decisions, as_of=as_of, base=base)
    judgement = judge(found.result, policy, targets, made.comparison, made.decisions)
    update_review(run, found.result.run, as_of=as_of, judgement=judgement)
    with speaking(report_language(run)):
        cases = junit_xml(found.result.translated(), judgement.translated(), created=found.created)
    write_listed(run, {"junit.xml": cases})
    return judgement


def review_run(
    run: Path, baseline: str | None, decisions: str | None, *, as_of: str, base: Path
) -> Reviewed:
    """Compare the run with its baseline and look up its decisions; keep both in review.json.

    Raises:
        IntegrityError, ConfigError: as `gate_run`.
    """
    found = read_run(run)
    before = found.review
    comparison: Comparison | None = None
    with baseline_of(run, baseline, base) as earlier:
        if earlier is not None:
            comparison = with_pictures(compare_folders(earlier, run), earlier, run)
    if earlier is None and before is not None and baseline is None:
        comparison = before.comparison
    if decisions is not None:
        states = states_of_file(base / decisions, found.result, as_of=as_of)
    else:
        made = [state.decision for state in before.decisions] if before else []
        states = decision_states(made, found.result, as_of=as_of)
    update_review(run, found.result.run, as_of=as_of, comparison=comparison, decisions=states)
    return Reviewed(comparison, states)


@contextmanager
def baseline_of(run: Path, baseline: str | None, base: Path) -> Iterator[Path | None]:
    """Yield the folder of the baseline; None where none is asked for, or this is the first run.

    Of one at an address it is a copy, which goes when the block ends.

    Raises:
        ConfigError: it is no folder.
    """
    if baseline is None:
        yield None
    elif baseline == LATEST:
        yield latest_before(run)
    elif is_address(baseline):
        mirror, place = run_at(baseline)
        try:
            yield _folder(place, baseline, "that address")
        finally:
            mirror.close()
    else:
        yield _folder(base / baseline, baseline, str(base))


def _folder(place: Path, baseline: str, looked_in: str) -> Path:
    if not place.is_dir():
        raise ConfigError(
            f"the baseline '{baseline}' is no folder (looked for in {looked_in}). Give a run "
            "folder, or 'latest' for the newest complete run before this one in the same folder."
        )
    return place


def exit_code(judgement: Judgement) -> int:
    """Return the exit code of a verdict.

    1 where something that the policy asks for is not met, as with every DO NOT USE YET unless
    ``fail_on`` was loosened; 4 where only something is missing; 0 else. A finding below
    ``fail_on`` never turns what is incomplete into a success.
    """
    if judgement.code != "incomplete" and _any(judgement, "not met"):
        return GateError.exit_code
    needed = judgement.policy.get("policy", {}).get("require_complete", True)
    return OutputError.exit_code if needed and _any(judgement, "not measured") else 0


def _any(judgement: Judgement, state: str) -> bool:
    return any(check.state == state for check in judgement.checks)


def lines_of(judgement: Judgement) -> list[str]:
    """Return the judgement for a terminal: the verdict, then each check and cue on a line."""
    lines = [f"{judgement.word}: {judgement.sentence}"]
    width = max(len(check.state) for check in judgement.checks)
    for check in judgement.checks:
        wanted = f"{check.title}: wanted {check.wanted}; measured {check.measured}"
        lines.append(f"  {check.state:<{width}}  {wanted}")
    lines += [f"  cue: {each.sentence}" for each in judgement.cues]
    lines += [f"  waived: {each.sentence}" for each in judgement.waived]
    return lines
