"""Subgroups: who carries the mark and how well they are decided, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.causal.carrying_images import carrying_images, strays_of
from auditor.causal.subgroups import exposure, subgroups
from auditor.records.shortcuts import Subgroup
from auditor.records.stages import Samples
from auditor.shortcuts.statistics import counted, wilson
from auditor.shortcuts.tests import REMOVAL
from tests.causal.test_latent import prepared
from tests.causal.worlds import World, world


def table(
    subject: World, samples: Samples | None = None
) -> tuple[tuple[Subgroup, ...], tuple[str, ...]]:
    stage, trial, screened = prepared(subject)
    if samples is not None:
        stage = replace(stage, search=replace(stage.search, samples=samples))
    members = trial.region.members
    strays = strays_of(stage, members)
    carrying = carrying_images(stage, members, screened, strays)
    return subgroups(stage, members, screened, carrying, strays)


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
    assert counted(own.carrying) == (right[marked].sum(), marked.sum())
    assert counted(own.without) == (right[~marked].sum(), (~marked).sum())
    assert own.without is not None
    assert own.without.value < 1
    assert own.carrying is not None
    assert own.carrying == wilson(*counted(own.carrying))
    assert own.p is not None
    assert own.p < 0.1
    assert others.carrying is None
    assert counted(others.without)[1] > 10
    assert others.p is None
    assert classes == ("red",)


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
    assert north.without is south.carrying is None
    parts = north.carrying, south.without, rows[0].carrying, rows[0].without
    first, second, with_it, without = (counted(part)[1] for part in parts)
    assert first + second == with_it + without


def test_another_class_that_carries_the_mark_is_exposed_too() -> None:
    subject = world(per_class=40, marked=(0.8, 0.0, 0.5))
    rows, classes = table(subject)
    assert classes == ("red", "blue")
    assert rows[1].carrying is not None


@pytest.mark.parametrize("effect", [0.4, -0.1])
def test_exposure_by_hand(effect: float) -> None:
    subject = confused()
    rows, classes = table(subject)
    (right, n), (more, rest) = counted(rows[0].carrying), counted(rows[0].without)
    evidence = REMOVAL.result(outcome="supports", effect=effect, low=0, high=1, n=10)
    found = exposure(rows, classes, evidence)
    assert found.share == n / (n + rest)
    assert found.lost == pytest.approx(max(effect, 0) * (right + more) / (n + rest))
    assert exposure(rows, classes, None).lost == 0.0
