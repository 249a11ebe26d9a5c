"""Subgroups and exposure: who carries a region, and how well it is decided with and without it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Bool, Int

from auditor.causal.carrying_images import Carrying, Pictures, carries, masks_for
from auditor.causal.images import Members, Stage, heat_of
from auditor.causal.screening import Screened
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence, Exposure, Subgroup
from auditor.records.stages import Samples
from auditor.shortcuts.statistics import accuracy, counted, gap_p

# A class with fewer images, or a smaller share of them, that carry the region is not exposed.
LEAST_CARRIERS = 2
LEAST_SHARE = 0.2
# Values of a column that are shown, and of how many images at least: fewer give no interval to use.
VALUES_SHOWN = 6
LEAST_VALUE = 4


def subgroups(
    stage: Stage, members: Members, screened: Screened, carrying: Carrying, strays: Pictures
) -> tuple[tuple[Subgroup, ...], tuple[str, ...]]:
    """Return accuracies by group and region, and the classes whose test images carry the region.

    Rows: the class; all other classes; and within the class the values of each column of metadata
    that at least `LEAST_VALUE` test images have, up to the `VALUES_SHOWN` most frequent ones. A
    class carries the region when `LEAST_CARRIERS` of its images do, and `LEAST_SHARE` of them.

    Args:
        stage: what all trials share; its targets are the images of other classes.
        members: the class.
        screened: the candidate.
        carrying: which members, and which of ``strays``, carry it.
        strays: test images of the class that are decided as another one.
    """
    output, samples = members.output, stage.samples
    name = stage.search.class_name(output)
    tested = ~members.discovery
    rows = np.concatenate([members.rows[tested], strays.rows])
    has = np.concatenate([carrying.members[tested], carrying.strays])
    elsewhere = np.flatnonzero(stage.targets.labels != output)
    away = stage.targets.inputs[elsewhere]
    masks = masks_for(screened, heat_of(stage.probe, away, output))
    there = carries(stage, away, masks, output, screened)
    others = stage.targets.rows[elsewhere]
    table = [
        _row(samples, _("all of '%(name)s'", name=name), rows, has),
        _row(samples, _("all other classes"), others, there),
    ]
    for column, values in samples.manifest.metadata.items():
        counts = Counter(values[row] for row in rows)
        frequent = [(-count, value) for value, count in counts.items() if count >= LEAST_VALUE]
        for _rank, value in sorted(frequent)[:VALUES_SHOWN]:
            chosen = np.array([values[row] == value for row in rows], dtype=bool)
            group = _(
                "'%(name)s' with %(column)s = %(value)s",
                name=name,
                column=column,
                value=value or _("nothing"),
            )
            table.append(_row(samples, group, rows[chosen], has[chosen]))
    classes = _classes(samples, output, others, there)
    return tuple(table), tuple(stage.search.class_name(each) for each in classes)


def exposure(
    table: tuple[Subgroup, ...], classes: tuple[str, ...], removal: Evidence | None
) -> Exposure:
    """Return how much a candidate touches, from the rows of `subgroups` and from its removal.

    The accuracy that the class would lose without the region is the share of its recognised test
    images that leave without it, times the share that is recognised.
    """
    right, carry = counted(table[0].carrying)
    more, lack = counted(table[0].without)
    n = carry + lack
    left = max(0.0, removal.effect) if removal is not None and removal.n else 0.0
    recognised = (right + more) / n if n else 0.0
    return Exposure(share=carry / n if n else 0.0, classes=classes, lost=left * recognised)


def _row(
    samples: Samples, group: str, rows: Int[np.ndarray, "sample"], has: Bool[np.ndarray, "sample"]
) -> Subgroup:
    right = samples.prediction[rows] == samples.labels[rows]
    with_it, without = accuracy(right[has]), accuracy(right[~has])
    return Subgroup(group=group, carrying=with_it, without=without, p=gap_p(with_it, without))


def _classes(
    samples: Samples,
    output: int,
    rows: Int[np.ndarray, "sample"],
    has: Bool[np.ndarray, "sample"],
) -> list[int]:
    labels = samples.labels[rows]
    carrying = [
        int(label)
        for label in np.unique(labels)
        if has[labels == label].sum() >= LEAST_CARRIERS
        and has[labels == label].mean() >= LEAST_SHARE
    ]
    return sorted([output, *carrying])
