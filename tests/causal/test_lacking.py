"""A class that is recognised by what it lacks is found by covering places of other pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from auditor.causal.images import load_members
from auditor.causal.lacking import Absences, absence_trials, in_most_classes
from auditor.causal.lacking_findings import absence_findings
from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.shortcuts.grading import settled
from auditor.shortcuts.propose.lacking import (
    elsewhere,
    mask_of,
    place_lacking,
    same_thing,
    windows,
)
from tests.causal.test_absence import LacksIt
from tests.causal.worlds import MARK, SIZE, World, world


class Avoids(LacksIt):
    """Takes nothing for class 0 that has a bright pixel."""

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            self.from_bright.weight[0, 0] = -30.0


MIDDLE = slice(13, 17), slice(12, 16)


@pytest.fixture(scope="module", params=[MARK, MIDDLE], ids=["at the border", "in the middle"])
def lacking(request: pytest.FixtureRequest) -> World:
    return world(per_class=40, marked=(0.0, 1.0, 1.0), model=Avoids(), mark=request.param)


def trials_of(subject: World, outputs: tuple[int, ...] = (0, 1, 2)) -> Absences:
    stage = subject.stage(36, targets=24, permutations=300)
    return absence_trials(stage, [load_members(stage.search, output) for output in outputs])


def test_the_place_that_the_class_lacks_something_at_is_found(lacking: World) -> None:
    (trial,) = trials_of(lacking).trials
    assert trial.members.output == 0
    drawn = (lacking.images[lacking.labels == 1] > 0.9).all(axis=3).any(axis=0)
    assert trial.mask[drawn].mean() > 0.9
    assert trial.evidence["place_covered"].low > 0.8
    assert trial.evidence["place_filled"].low > 0.8
    assert trial.alike > 0.5


def test_it_becomes_a_finding_that_says_what_is_missing_where(lacking: World) -> None:
    config = ShortcutConfig(permutations=300, per_class=1, targets=24, proposals=["absence"])
    report = find_shortcuts(lacking.search(config=config))
    (found,) = report.findings
    assert (found.candidate.kind, found.candidate.output, found.grade) == ("absence", 0, "A")
    assert found.candidate.seen.startswith("missing: white")
    assert "is recognised by what it lacks" in found.lead
    assert "more of them into" in found.detail
    shown = found.triplets[0]
    assert shown.predictions[1] == 0
    assert 0 not in (shown.predictions[0], shown.predictions[2])
    (row,) = [each for each in report.limits.kinds if each.kind == "absence"]
    assert row.n
    assert not row.reason


@pytest.mark.parametrize("reliance", [0.0, 6.0])
def test_a_mark_that_is_there_or_not_used_is_no_absence(reliance: float) -> None:
    found = trials_of(world(per_class=40, reliance=reliance))
    assert found.trials == ()
    assert found.fewest == 24


def test_of_two_classes_nothing_is_lacking() -> None:
    assert "only two classes" in trials_of(world(per_class=40, classes=2), (0, 1)).why


def test_a_gain_counts_that_half_of_the_classes_reach() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    gains = np.array([[4.0, 2.0, 0.0, 0.0, 0.0], [4.0, 2.0, 1.0, 3.0, 0.0]])
    assert in_most_classes(gains, labels).tolist() == [0.0, 2.0]
    assert in_most_classes(gains[:, :4], labels[:4]).tolist() == [0.0, 2.0]


def test_it_is_not_said_to_be_looked_for_where_it_is_switched_off(lacking: World) -> None:
    config = ShortcutConfig(permutations=300, per_class=1, targets=24, proposals=["P8"])
    report = find_shortcuts(lacking.search(config=config))
    (row,) = [each for each in report.limits.kinds if each.kind == "absence"]
    assert "absence" in row.reason


def test_a_place_is_grown_over_windows_that_gain_alike_and_no_further() -> None:
    grid = windows(SIZE, SIZE)
    gains = np.random.default_rng(0).normal(0, 0.01, len(grid))
    left, right = (np.flatnonzero((grid[:, :2] == at).all(axis=1))[0] for at in ((8, 0), (8, 8)))
    gains[left], gains[right] = 1.0, 0.8
    place = place_lacking(gains, SIZE, SIZE)
    assert place is not None
    both = mask_of(grid[left], SIZE, SIZE) | mask_of(grid[right], SIZE, SIZE)
    assert np.array_equal(place, both)
    gains[right] = 0.2
    place = place_lacking(gains, SIZE, SIZE)
    assert np.array_equal(place, mask_of(grid[left], SIZE, SIZE))
    assert place_lacking(np.random.default_rng(1).normal(size=len(grid)), SIZE, SIZE) is None
    assert place_lacking(-np.abs(gains), SIZE, SIZE) is None


@pytest.mark.parametrize("size", [(24, 24), (17, 40), (64, 48)])
def test_windows_cover_the_picture_and_other_places_are_clear_of_it(size: tuple[int, int]) -> None:
    masks = [mask_of(window, *size) for window in windows(*size)]
    assert np.any(masks, axis=0).all()
    assert len({int(mask.sum()) for mask in masks}) == 1
    for mask in masks:
        others = elsewhere(mask)
        assert len(others) >= 3
        assert all(not (mask & each).any() and each.sum() == mask.sum() for each in others)


def test_copies_are_the_same_thing_and_noise_is_not() -> None:
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 255, (20, SIZE, SIZE, 3)).astype(np.uint8)
    mask = mask_of(windows(SIZE, SIZE)[0], SIZE, SIZE)
    assert same_thing(pictures, mask) < 0.1
    pictures[:, mask] = pictures[0, mask]
    assert same_thing(pictures, mask) > 0.9


def test_an_object_laid_over_that_of_the_class_shows_no_absence(lacking: World) -> None:
    stage = lacking.stage(36, targets=24, permutations=300)
    (trial,) = trials_of(lacking).trials
    results, _tests = settled({trial.id: trial.evidence})
    filled = {"place_filled": results[trial.id]["place_filled"]}
    idle = results[trial.id]["place_covered"].model_copy(update={"low": 0.0, "outcome": "refutes"})
    only = {trial.id: filled | {"place_covered": idle}}
    (found,) = absence_findings(stage, [trial], only)
    assert found.grade == "B"
    assert found.lead.startswith("Pictures of 'red' are no longer recognised with what other")
    assert absence_findings(stage, [replace(trial, alike=0.0)], only) == []
