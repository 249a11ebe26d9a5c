"""The data and performance parts of the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from auditor.language.speaking import gettext as _
from auditor.records.accounting import Agreement, accounts, lost_share
from auditor.records.stages import Samples
from auditor.report.document.audit import (
    Calibration,
    ClassPerformance,
    DataCard,
    Performance,
    Picture,
    Quarantined,
)
from auditor.report.sections.slices import slices
from auditor.shortcuts.statistics import wilson


def data_card(
    samples: Samples, *, source: str, digest: str, agreement: Agreement | None = None
) -> DataCard:
    """Count what was used, excluded and quarantined; the sums are checked.

    Raises:
        IntegrityError: they contradict each other.
    """
    manifest = samples.manifest
    by_class = accounts(samples)
    excluded: Counter[str] = Counter()
    for reasons in manifest.excluded.values():
        excluded.update(reasons)
    used = Counter(manifest.classes[label] for label in samples.labels[samples.valid])
    return DataCard(
        source=source,
        digest=digest,
        total=len(manifest),
        used=int(samples.valid.sum()),
        counts=dict(sorted(used.items())),
        excluded=dict(sorted(excluded.items())),
        quarantined=[
            Quarantined(path=path, reason=reason)
            for path, reason in zip(manifest.paths, samples.quarantine, strict=True)
            if reason is not None
        ],
        label_rule=manifest.label_rule,
        metadata=sorted(manifest.metadata),
        discovery=int((samples.valid & samples.discovery).sum()),
        test=int((samples.valid & ~samples.discovery).sum()),
        classes=list(by_class),
        lost_share=lost_share(by_class),
        contradiction=agreement if agreement and agreement.contradicts else None,
    )


def performance(
    samples: Samples,
    outputs: Sequence[int],
    *,
    confusion: Picture | None,
    calibrated: Calibration | None = None,
) -> Performance:
    """Measure top-1 accuracy over all used samples, of each audited class and by metadata."""
    right = samples.valid & (samples.labels == samples.prediction)
    return Performance(
        accuracy=wilson(int(right.sum()), int(samples.valid.sum())),
        classes=[_class_performance(samples, right, output) for output in outputs],
        confusion=confusion,
        calibration=calibrated,
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
