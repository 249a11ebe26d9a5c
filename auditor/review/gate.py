"""Judge a finished run: its baseline, its decisions, its policy; write what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.errors import ConfigError, GateError, OutputError
from auditor.gate_config import PolicyConfig, TargetsConfig
from auditor.review.compare import compare_folders
from auditor.review.junit import junit_xml
from auditor.review.pictures import with_pictures
from auditor.review.policy import judge
from auditor.review.records import Comparison, DecisionState, Judgement, update_review
from auditor.review.runs import earlier_runs, read_run
from auditor.runfolder import write_atomic

LATEST = "latest"
EXIT_CODES = {"FAIL": GateError.exit_code, "INCOMPLETE": OutputError.exit_code}


def gate_run(
    run: Path, policy: PolicyConfig, targets: TargetsConfig, *, as_of: str, base: Path
) -> Judgement:
    """Judge the run and write its review.json and junit.xml; neither model nor torch is needed.

    ``as_of`` is the day (YYYY-MM-DD) on which decisions expire or hold; paths of the policy start
    from ``base``.

    Raises:
        IntegrityError: the run, its baseline or its review cannot be read.
        ConfigError: the baseline or the decisions file cannot be used.
    """
    found = read_run(run)
    comparison, missing = _compared(run, policy.baseline, base)
    decisions = _decided(run, policy.decisions, as_of=as_of, base=base)
    judgement = judge(
        found.result, policy, targets, comparison, decisions, missing=[missing] if missing else []
    )
    update_review(
        run,
        found.result.run,
        as_of=as_of,
        comparison=comparison,
        decisions=decisions,
        judgement=judgement,
    )
    write_atomic(run / "junit.xml", junit_xml(found.result, judgement, created=found.created))
    return judgement


def exit_code(judgement: Judgement) -> int:
    """Return the exit code of a verdict: 0 for both kinds of PASS."""
    return EXIT_CODES.get(judgement.word, 0)


def lines_of(judgement: Judgement) -> list[str]:
    """Return the judgement for a terminal: the verdict, then each check on a line."""
    lines = [f"{judgement.word}: {judgement.sentence}"]
    width = max(len(check.state) for check in judgement.checks)
    for check in judgement.checks:
        wanted = f"{check.title}: wanted {check.wanted}; measured {check.measured}"
        lines.append(f"  {check.state:<{width}}  {wanted}")
    lines += [f"  waived: {each.sentence}" for each in judgement.waived]
    return lines


def _compared(run: Path, baseline: str | None, base: Path) -> tuple[Comparison | None, str]:
    """Return the comparison that is asked for, or why there is none although it is."""
    if baseline is None:
        return None, ""
    if baseline == LATEST:
        now = read_run(run)
        earlier = earlier_runs(
            run.resolve().parent, now.result.scope.name, before=now.created, but=run
        )
        return (_pictured(earlier[0], run), "") if earlier else (None, "")
    place = base / baseline
    if not place.is_dir():
        raise ConfigError(
            f"the baseline '{baseline}' is no folder (looked for in {base}). Give a run folder, or "
            "'latest' for the run before this one in the same folder."
        )
    return _pictured(place, run), ""


def _pictured(earlier: Path, run: Path) -> Comparison:
    return with_pictures(compare_folders(earlier, run), earlier, run)


def _decided(
    run: Path, decisions: str | None, *, as_of: str, base: Path
) -> Sequence[DecisionState]:
    """Return the decisions of a file and what they mean in this audit."""
    before = read_run(run).review
    return before.decisions if before else []
