"""Compare two audits: what differs between them, and what changed in the numbers and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.report.document.review import Comparison, FindingChange
from auditor.review import words
from auditor.review.compare.alike import model_differences, notes_on_the_search, other_differences
from auditor.review.compare.concept_changes import concept_changes
from auditor.review.compare.finding_changes import ORDER, finding_changes, remembered
from auditor.review.compare.memory import memory_of
from auditor.review.compare.metrics import metric_changes
from auditor.review.keep.runs import AuditedRun, earlier_runs, read_run

# Older audits that are looked through for findings that were gone and are back.
MOST_HISTORY = 20


def compare(earlier: AuditedRun, now: AuditedRun, history: Sequence[AuditedRun] = ()) -> Comparison:
    """Return what changed from ``earlier`` to ``now``.

    ``history`` are audits older than ``earlier``, newest first: by them a finding is "back".
    """
    model = model_differences(earlier.result, now.result)
    others = other_differences(earlier.result, now.result)
    memory = memory_of(earlier, history)
    changes = finding_changes(earlier, now, memory)
    layers, concepts = concept_changes(earlier.result, now.result)
    return Comparison(
        earlier=earlier.ref(),
        now=now.ref(),
        like_for_like=not others,
        differences=[*model, *others],
        sentence=joined((_sentence(earlier, changes), _alike(model, others))),
        metrics=metric_changes(earlier.result, now.result),
        layers=layers,
        concepts=concepts,
        findings=changes,
        remembered=remembered(earlier, now, changes, memory),
        notes=[*_order(earlier, now), *notes_on_the_search(earlier.result, now.result)],
    )


def compare_folders(earlier: Path, now: Path, *, folder: Path | None = None) -> Comparison:
    """Compare two run folders; older runs of the project in ``folder`` are the history.

    ``folder`` is by default the one that holds ``earlier``.

    Raises:
        IntegrityError: one of them is no complete run.
    """
    first, second = read_run(earlier), read_run(now)
    return compare(first, second, _history(first, earlier, now, folder))


def _history(
    first: AuditedRun, earlier: Path, now: Path, folder: Path | None
) -> Sequence[AuditedRun]:
    place = folder or earlier.resolve().parent
    name = first.result.scope.name
    paths = earlier_runs(place, name, before=first.created, but=earlier)
    newest = islice(paths, MOST_HISTORY)
    return [read_run(path) for path in newest if path.resolve() != now.resolve()]


def _order(earlier: AuditedRun, now: AuditedRun) -> list[str]:
    turned = {"earlier": earlier.created[:10], "now": now.created[:10]}
    return [_(words.TURNED, **turned)] if earlier.created > now.created else []


def _sentence(earlier: AuditedRun, changes: Sequence[FindingChange]) -> str:
    counts = Counter(change.status for change in changes)
    moved = [joined((str(counts[status]), _(status))) for status in ORDER if counts[status]]
    day = earlier.created[:10]
    if not changes:
        return _(words.NO_FINDINGS, day=day)
    return _(words.CHANGES, day=day, parts=joined(moved, ", "))


def _alike(model: Sequence[str], others: Sequence[str]) -> str:
    if others:
        return words.NOT_ALIKE
    return words.SAME_SETTINGS if model else words.SAME_MODEL_TOO
