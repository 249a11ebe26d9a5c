"""The section on performance: accuracy with intervals, confusions, calibration, slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from auditor.language.speaking import gettext as _
from auditor.records.stages import Samples
from auditor.report.document.result import AuditResult, ClassPerformance, Interval, Performance
from auditor.report.draw.figures import WRITTEN_CELLS, confusion_figure
from auditor.report.draw.reliability import reliability_figure
from auditor.report.sections.calibration import calibration
from auditor.report.sections.groups import groups
from auditor.report.sections.labels import LABELS, co_occurrence, label_performance
from auditor.report.sections.section import Audit, Row, Section, Table, cells
from auditor.report.sections.slices import slices
from auditor.shortcuts.statistics import wilson


def performance(audit: Audit) -> Performance:
    """Measure accuracy and calibration, and draw both."""
    samples = audit.analysis.samples
    if samples.manifest.several is not None:
        return of_labels(audit)
    measured = accuracies(samples, audit.analysis.outputs)
    counts, names = confusion_matrix(samples, audit.analysis.outputs)
    confusion = audit.store.figure(
        partial(confusion_figure, counts, names),
        alt=_("confusion matrix of the audited classes"),
    )
    found = calibration(samples, seed=audit.config.audit.seed)
    if found is not None:
        alt = _("reliability diagram of the top answer")
        figure = audit.store.figure(partial(reliability_figure, found), alt=alt)
        found = found.model_copy(update={"figure": figure})
    grouped = groups(samples, audit.config.data.groups)
    return measured.model_copy(
        update={
            "confusion": confusion,
            "counts": counts.tolist() if len(names) <= WRITTEN_CELLS else [],
            "calibration": found,
            "groups": grouped,
        }
    )


def of_labels(audit: Audit) -> Performance:
    """Measure each of several labels, and draw which come together."""
    samples, outputs = audit.analysis.samples, audit.analysis.outputs
    figure = audit.store.figure(
        partial(confusion_figure, *co_occurrence(samples, outputs)),
        alt=_("which labels the model says are present in the pictures with each label"),
    )
    caption = _(
        "Rows: pictures with this label in the data. Columns: labels that the model says are "
        "present in them, of which a picture may have several. Numbers are pictures; colour is the "
        "share of the row."
    )
    return Performance(
        accuracy=Interval(value=0.0, low=0.0, high=1.0, n=0),
        classes=[],
        confusion=figure.model_copy(update={"caption": caption}),
        labels=label_performance(samples, outputs, audit.config.audit.seed),
        left_out=_(
            "Not measured, because it is of pictures with one class: accuracy, confusions, groups "
            "and slices by metadata, planes of decisions between two classes."
        ),
    )


def accuracies(samples: Samples, outputs: Sequence[int]) -> Performance:
    """Measure top-1 accuracy over all used samples, of each audited class and by metadata."""
    right = samples.valid & (samples.labels == samples.prediction)
    return Performance(
        accuracy=wilson(int(right.sum()), int(samples.valid.sum())),
        classes=[_class_performance(samples, right, output) for output in outputs],
        confusion=None,
        slices=slices(samples),
    )


def confusion_matrix(samples: Samples, outputs: Sequence[int]) -> tuple[np.ndarray, list[str]]:
    """Return counts of label x prediction over ``outputs``, and a last column for all others."""
    matrix = np.zeros((len(outputs), len(outputs) + 1), dtype=int)
    place = {output: index for index, output in enumerate(outputs)}
    pairs = zip(samples.labels[samples.valid], samples.prediction[samples.valid], strict=True)
    for label, prediction in pairs:
        if int(label) in place:
            matrix[place[int(label)], place.get(int(prediction), len(outputs))] += 1
    names = [samples.manifest.classes[output] for output in outputs]
    return matrix, [*names, _("another class")]


def _class_performance(samples: Samples, right: np.ndarray, output: int) -> ClassPerformance:
    own = samples.valid & (samples.labels == output)
    wrong = Counter(int(p) for p in samples.prediction[own & ~right])
    ordered = sorted(wrong.items(), key=_most_confused)
    names = samples.manifest.classes
    return ClassPerformance(
        name=names[output],
        n=int(own.sum()),
        accuracy=wilson(int((own & right).sum()), int(own.sum())),
        confused_with=[(names[other], count) for other, count in ordered[:3]],
    )


def _most_confused(item: tuple[int, int]) -> tuple[int, int]:
    return -item[1], item[0]


def class_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each audited class."""
    for item in result.performance.classes:
        taken = "; ".join(f"{name} ({count})" for name, count in item.confused_with)
        yield {
            "class": item.name,
            "pictures": item.n,
            **cells("accuracy", item.accuracy),
            "most_often_taken_for": taken,
        }


CLASSES = Table(
    ("class", "pictures", "accuracy", "low", "high", "most_often_taken_for"), class_rows
)
SECTION = Section(
    "performance",
    _("Performance"),
    parts={"performance": performance},
    tables={"classes": CLASSES, "labels": LABELS},
)
