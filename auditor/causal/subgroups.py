"""T5 and exposure: who carries a region, and how well they are decided with and without it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Bool, Int

from auditor.causal.carrying_images import Pictures, carrying, heat_of, masks_for
from auditor.causal.images import Members
from auditor.causal.screening import Screened
from auditor.causal.trial import Stage
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Exposure, Subgroup
from auditor.records.stages import Evidence, Samples
from auditor.shortcuts.grading import REMOVAL
from auditor.shortcuts.statistics import accuracy, gap_p

LEAST_CARRIERS = 2
LEAST_SHARE = 0.2
VALUES_SHOWN = 6
LEAST_VALUE = 4


def subgroups(
    stage: Stage,
    samples: Samples,
    members: Members,
    screened: Screened,
    carry: Bool[np.ndarray, "member"],
    strays: Pictures,
) -> tuple[tuple[Subgroup, ...], tuple[int, ...]]:
    """Return the table of T5, and the outputs whose test images carry the region.

    Rows: the class; all other classes; and within the class the values of each column of metadata
    that at least `LEAST_VALUE` test images have, up to the `VALUES_SHOWN` most frequent ones. A
    class carries the region when `LEAST_CARRIERS` of its images do, and `LEAST_SHARE` of them.

    Args:
        stage: what all trials share; its targets are the images of other classes.
        samples: labels, predictions and metadata.
        members: the class.
        screened: the candidate.
        carry: which members carry it.
        strays: test images of the class that are decided as another one.
    """
    name = samples.manifest.classes[members.output]
    tested = ~members.discovery
    wrong = carrying(
        stage, strays.inputs, masks_for(screened, strays.heat), members.output, screened
    )
    rows = np.concatenate([members.rows[tested], strays.rows])
    has = np.concatenate([carry[tested], wrong])
    elsewhere = np.flatnonzero(stage.targets.labels != members.output)
    away = stage.targets.inputs[elsewhere]
    masks = masks_for(screened, heat_of(stage, away, members.output))
    there = carrying(stage, away, masks, members.output, screened)
    others = stage.targets.rows[elsewhere]
    table = [
        _row(samples, _("all of '%(name)s'", name=name), rows, has),
        _row(samples, _("all other classes"), others, there),
    ]
    for column, values in samples.manifest.metadata.items():
        found = Counter(values[row] for row in rows)
        frequent = [(-count, value) for value, count in found.items() if count >= LEAST_VALUE]
        for _rank, value in sorted(frequent)[:VALUES_SHOWN]:
            of = np.array([values[row] == value for row in rows], dtype=bool)
            table.append(
                _row(
                    samples,
                    _(
                        "'%(name)s' with %(column)s = %(value)s",
                        name=name,
                        column=column,
                        value=value or "nothing",
                    ),
                    rows[of],
                    has[of],
                )
            )
    return tuple(table), _classes(samples, members.output, others, there)


def exposure(
    table: tuple[Subgroup, ...],
    classes: tuple[int, ...],
    evidence: tuple[Evidence, ...],
) -> Exposure:
    """Return how much a candidate touches, from the rows of T5 and from T2.

    The accuracy that the class would lose without the region is the share of its recognised test
    images that T2 makes leave, times the share that is recognised.
    """
    own = table[0]
    n = own.carrying.n + own.without.n
    recognised = (own.carrying.correct + own.without.correct) / n if n else 0.0
    left = [each.effect for each in evidence if each.test == REMOVAL and each.n]
    return Exposure(
        share=own.carrying.n / n if n else 0.0,
        classes=classes,
        lost=max([0.0, *left]) * recognised,
    )


def _row(
    samples: Samples, group: str, rows: Int[np.ndarray, "sample"], has: Bool[np.ndarray, "sample"]
) -> Subgroup:
    right = samples.prediction[rows] == samples.labels[rows]
    first, second = accuracy(right[has]), accuracy(right[~has])
    return Subgroup(group, first, second, gap_p(first, second))


def _classes(
    samples: Samples,
    output: int,
    rows: Int[np.ndarray, "sample"],
    has: Bool[np.ndarray, "sample"],
) -> tuple[int, ...]:
    labels = samples.labels[rows]
    found = [
        int(label)
        for label in np.unique(labels)
        if has[labels == label].sum() >= LEAST_CARRIERS
        and has[labels == label].mean() >= LEAST_SHARE
    ]
    return tuple(sorted([output, *found]))
