"""How the numbers of two audits differ, paired where both saw the same pictures."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.language.speaking import gettext as _
from auditor.records.part import Interval
from auditor.report.document.analyses import Identity
from auditor.report.document.result import AuditResult
from auditor.report.document.review import MetricChange
from auditor.review import words
from auditor.review.compare.metric_change import metric_change
from auditor.review.compare.self_checks import self_check_changes

# Pictures in common, as part of the larger audit, from which on the audits are paired.
MOSTLY = 0.9


def metric_changes(earlier: AuditResult, now: AuditResult) -> list[MetricChange]:
    """Return accuracy overall and per class, worst class, calibration, and the self-checks."""
    return [
        _accuracy("accuracy", words.ACCURACY, earlier, now, None),
        _worst(earlier, now),
        _calibration(earlier, now),
        *_classes(earlier, now),
        *self_check_changes(earlier, now),
    ]


def _accuracy(
    name: str, title: str, earlier: AuditResult, now: AuditResult, class_name: str | None
) -> MetricChange:
    before, after = _measured(earlier, class_name), _measured(now, class_name)
    pairs = None
    if before and after:
        pairs = _pairs(earlier.identity, now.identity, class_name, max(before.n, after.n))
    rule = words.UNPAIRED
    if pairs:
        same = earlier.data.digest == now.data.digest
        rule = _(words.PAIRED if same else words.PAIRED_BY_NAME, n=sum(pairs))
    return metric_change(name, title, before, after, rule, pairs=pairs)


def _measured(result: AuditResult, class_name: str | None) -> Interval | None:
    if class_name is None:
        value = result.performance.accuracy
        return value if value.n else None
    rows = (row.accuracy for row in result.performance.classes if row.name == class_name)
    return next((row for row in rows if row.n), None)


def _classes(earlier: AuditResult, now: AuditResult) -> Iterator[MetricChange]:
    names = [row.name for row in now.performance.classes]
    names += [row.name for row in earlier.performance.classes if row.name not in names]
    for name in names:
        title = _(words.CLASS_ACCURACY, name=name)
        yield _accuracy(f"accuracy of {name}", title, earlier, now, name)


def _worst(earlier: AuditResult, now: AuditResult) -> MetricChange:
    before, after = _lowest(earlier), _lowest(now)
    return metric_change("worst class", words.WORST_CLASS, before, after, words.WORST_RULE)


def _lowest(result: AuditResult) -> Interval | None:
    measured = [row.accuracy for row in result.performance.classes if row.accuracy.n]
    return min(measured, key=lambda each: each.value) if measured else None


def _calibration(earlier: AuditResult, now: AuditResult) -> MetricChange:
    before, after = (
        each.performance.calibration.error if each.performance.calibration else None
        for each in (earlier, now)
    )
    return metric_change(
        "calibration error",
        words.CALIBRATION,
        before,
        after,
        words.FROM_INTERVALS,
        better="lower",
    )


def _pairs(
    earlier: Identity | None, now: Identity | None, class_name: str | None, most: int
) -> tuple[int, int, int, int] | None:
    """Count common pictures: right both times, only now, only earlier, never.

    None where pictures are not kept, or fewer than `MOSTLY` of them are in both audits.
    """
    before, after = _answers(earlier), _answers(now)
    if before is None or after is None:
        return None
    common = [
        name
        for name, (label, _) in after.items()
        if class_name in (None, label) and name in before and before[name][0] == label
    ]
    if not common or len(common) < MOSTLY * most:
        return None
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for name in common:
        counts[after[name][1], before[name][1]] += 1
    return (
        counts[True, True],
        counts[True, False],
        counts[False, True],
        counts[False, False],
    )


def _answers(identity: Identity | None) -> dict[str, tuple[str, bool]] | None:
    """Return picture -> its label and whether it was decided as that."""
    if identity is None or identity.labels is None or identity.classes is None:
        return None
    wrong = set(identity.wrong or ())
    return {
        name: (identity.classes[label], place not in wrong)
        for place, (name, label) in enumerate(zip(identity.samples, identity.labels, strict=True))
    }
