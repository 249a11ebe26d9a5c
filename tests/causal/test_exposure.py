"""T5: who carries the mark and how well they are decided, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.causal.carrying_images import carriers, strays
from auditor.causal.subgroups import exposure, subgroups
from auditor.records.shortcuts import Subgroup
from auditor.records.stages import Evidence, Samples
from auditor.shortcuts.statistics import wilson_interval
from tests.causal.test_latent import prepared
from tests.causal.worlds import World, world


def table(subject: World, samples: Samples) -> tuple[tuple[Subgroup, ...], tuple[int, ...]]:
    stage, trial, screened = prepared(subject)
    members = trial.region.members
    carry = carriers(stage, members, screened)
    wrong = strays(stage, samples, members, np.random.default_rng(0))
    return subgroups(stage, samples, members, screened, carry, wrong)


def confused() -> World:
    """Return a world in which ten unmarked images of class 0 look like class 1."""
    subject = world(per_class=40, marked=(0.5, 0.0, 0.0))
    images = subject.images.copy()
    images[30:40] = images[45:55]
    return World(images, subject.labels, subject.model)


def test_the_gap_between_marked_and_unmarked_images_is_counted() -> None:
    subject = confused()
    samples = subject.samples()
    rows, classes = table(subject, samples)
    test = np.flatnonzero(~samples.discovery & (samples.labels == 0))
    marked = test < 20
    right = samples.prediction[test] == 0
    own, others = rows
    assert (own.carrying.n, own.carrying.correct) == (marked.sum(), right[marked].sum())
    assert (own.without.n, own.without.correct) == ((~marked).sum(), right[~marked].sum())
    assert own.without.correct < own.without.n
    assert (own.carrying.low, own.carrying.high) == wilson_interval(
        own.carrying.correct, own.carrying.n
    )
    assert own.p is not None
    assert own.p < 0.1
    assert others.carrying.n == 0
    assert others.without.n > 10
    assert others.p is None
    assert classes == (0,)


def test_metadata_makes_rows_of_its_frequent_values() -> None:
    subject = confused()
    samples = subject.samples()
    site = tuple("north" if row % 40 < 20 else "south" for row in range(len(samples.labels)))
    unique = tuple(str(row) for row in range(len(samples.labels)))
    manifest = replace(samples.manifest, metadata={"site": site, "serial": unique})
    samples = replace(samples, manifest=manifest)
    rows, _ = table(subject, samples)
    names = [row.group for row in rows]
    assert len(names) == 4
    assert {name.partition(" = ")[2] for name in names[2:]} == {"north", "south"}
    north = next(row for row in rows if row.group.endswith("north"))
    south = next(row for row in rows if row.group.endswith("south"))
    assert north.without.n == 0
    assert south.carrying.n == 0
    assert north.carrying.n + south.without.n == rows[0].carrying.n + rows[0].without.n


def test_another_class_that_carries_the_mark_is_exposed_too() -> None:
    subject = world(per_class=40, marked=(0.8, 0.0, 0.5))
    rows, classes = table(subject, subject.samples())
    assert classes == (0, 2)
    assert rows[1].carrying.n > 0


@pytest.mark.parametrize("effect", [0.4, -0.1])
def test_exposure_by_hand(effect: float) -> None:
    subject = confused()
    rows, classes = table(subject, subject.samples())
    own = rows[0]
    recognised = (own.carrying.correct + own.without.correct) / (own.carrying.n + own.without.n)
    evidence = Evidence("c", "T2 removal", "supports", effect, "share of images", 0, 1, 10)
    found = exposure(rows, classes, (evidence,))
    assert found.share == own.carrying.n / (own.carrying.n + own.without.n)
    assert found.lost == pytest.approx(max(effect, 0) * recognised)
