"""Performance of each of several labels: does it rank pictures, find what is there, know how sure?

AUROC, average precision (AUPRC) and F1 of scikit-learn, over the pictures of which the label is
known; 95 % intervals by bootstrap, pictures with and without the label drawn apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit
from scipy.stats import mannwhitneyu
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from auditor.base.streams import stream
from auditor.language.speaking import gettext as _
from auditor.language.speaking import listed
from auditor.records.several import PRESENT_STATE, UNCERTAIN, Several
from auditor.records.stages import Samples
from auditor.report.document.result import AuditResult, Interval, LabelPerformance
from auditor.report.sections.calibration import error_with_interval
from auditor.report.sections.section import Row, Table, cells

RESAMPLES = 400
MEASURES = ("auroc", "auprc", "f1", "calibration")
# A label that ranks no worse than chance is called worse in fewer than one of this many audits.
FALSE_ALARMS = 0.01

Measure = Callable[[np.ndarray, np.ndarray], float]


def label_performance(
    samples: Samples, outputs: Sequence[int], seed: int
) -> list[LabelPerformance]:
    """Measure each audited label; nothing where each picture has one class."""
    several = samples.manifest.several
    if several is None:
        return []
    return [_measured(samples, several, output, seed) for output in outputs]


def known_of(
    samples: Samples, several: Several, label: int
) -> tuple[Bool[np.ndarray, "picture"], Float[np.ndarray, "picture"]]:
    """Return of each picture whether the label is present, and its logit less the threshold's."""
    view = samples.about(label)
    return view.labels[view.valid] == label, samples.logits[view.valid, label].astype(np.float64)


def _measured(samples: Samples, several: Several, label: int, seed: int) -> LabelPerformance:
    present, logits = known_of(samples, several, label)
    chance = expit(logits + several.offsets[label])
    states = several.states[samples.valid & several.first, label]
    both = present.any() and not present.all()

    def with_interval(name: str, measure: Measure, scores: np.ndarray) -> Interval | None:
        if not both:
            return None
        rng = stream(seed, "interval of a label", name, label)
        return _interval(measure, present, scores, rng)

    return LabelPerformance(
        name=samples.manifest.classes[label],
        threshold=several.thresholds[label],
        present=int((states == PRESENT_STATE).sum()),
        absent=int((~present).sum()),
        uncertain=int((states == UNCERTAIN).sum()),
        decided=int((logits > 0).sum()),
        auroc=with_interval("AUROC", roc_auc_score, logits),
        auprc=with_interval("AUPRC", average_precision_score, logits),
        f1=with_interval("F1", _f1, logits > 0),
        calibration=error_with_interval(chance, present, seed) if len(present) else None,
    )


def _f1(present: np.ndarray, decided: np.ndarray) -> float:
    return float(f1_score(present, decided, zero_division=0.0))


def _interval(
    measure: Measure, present: np.ndarray, scores: np.ndarray, rng: np.random.Generator
) -> Interval:
    groups = [np.flatnonzero(present), np.flatnonzero(~present)]
    drawn = []
    for _repeat in range(RESAMPLES):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
        drawn.append(measure(present[rows], scores[rows]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    value = float(measure(present, scores))
    low, high = min(float(low), value), max(float(high), value)
    return Interval(value=value, low=low, high=high, n=len(present))


def co_occurrence(samples: Samples, outputs: Sequence[int]) -> tuple[np.ndarray, list[str]]:
    """Return of the pictures with each label in how many the model says each one, or none.

    Rows are labels of the data, columns what the model says, the last one that no label is present.
    """
    several = samples.manifest.several
    assert several is not None
    used = samples.valid & several.first
    states, said = several.states[used], samples.logits[used, :-1] > 0
    has = states[:, list(outputs)] == PRESENT_STATE
    columns = np.column_stack([said[:, list(outputs)], ~said.any(axis=1)])
    matrix: np.ndarray = has.T.astype(int) @ columns.astype(int)
    names = [samples.manifest.classes[output] for output in outputs]
    return matrix, [*names, _("none of them")]


def worse_than_chance(samples: Samples) -> list[str]:
    """Return the labels whose output ranks pictures without them above those with them."""
    several = samples.manifest.several
    assert several is not None
    names = []
    for label in range(several.count):
        present, logits = known_of(samples, several, label)
        if present.any() and not present.all():
            test = mannwhitneyu(logits[present], logits[~present], alternative="less")
            if test.pvalue * several.count < FALSE_ALARMS:
                names.append(samples.manifest.classes[label])
    return names


def standing_of_labels(samples: Samples) -> str:
    """Return what is to be said of labels that rank worse than chance, nothing without any."""
    worse = worse_than_chance(samples)
    if not worse:
        return ""
    return _(
        "The model ranks pictures without these labels above those with them: %(labels)s. Either "
        "labels and outputs are matched wrongly, or the pictures reach the model otherwise than in "
        "training: check data.columns.label, model.classes and preprocess before anything else in "
        "this report is believed.",
        labels=listed([f"'{name}'" for name in worse]),
    )


def label_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each audited label."""
    for item in result.performance.labels:
        row: dict[str, Any] = {
            "label": item.name,
            "threshold": item.threshold,
            "present": item.present,
            "absent": item.absent,
            "uncertain": item.uncertain,
        }
        for name in MEASURES:
            found = getattr(item, name)
            bounds = cells(name, found) if found is not None else {}
            row |= {
                name: bounds.get(name, ""),
                f"{name}_low": bounds.get("low", ""),
                f"{name}_high": bounds.get("high", ""),
            }
        yield row


LABELS = Table(
    (
        *("label", "threshold", "present", "absent", "uncertain"),
        *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")),
    ),
    label_rows,
    lambda result: bool(result.performance.labels),
)
