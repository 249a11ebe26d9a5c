"""Objects moved and resized: a model that goes by where or how large they are is caught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.global_factors import OPPOSITE, factors_of
from auditor.causal.images import load_members
from auditor.causal.kinds import GEOMETRY
from auditor.causal.object_geometry import LAID_BACK, Geometry, geometry_trials
from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.records.shortcuts import GlobalFactor, KindSearched
from auditor.shortcuts.grading import settled
from auditor.shortcuts.whole_pictures.global_statistics import DISTANCE, DOWN, SIZE
from tests.causal.worlds import SIZE as SIDE
from tests.causal.worlds import World

EACH = 40
GROUND, BRIGHT = 0.3, 0.9
HALF = SIDE // 2


class Looking(nn.Module):
    """Reads the colour of the object, and for class 0 where it lies or how large it is.

    ``corner`` x the light of the upper left quarter beside that of the others, less ``area`` x the
    light of the whole, count for class 0, and then its colour does not.
    """

    def __init__(self, *, corner: float = 0.0, area: float = 0.0) -> None:
        super().__init__()
        self.by_colour = not (corner or area)
        self.colours = nn.Conv2d(3, 3, 1)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.read = nn.Linear(3 * SIDE * SIDE, 3)
        weights = np.zeros((3, 3, SIDE, SIDE), dtype=np.float32)
        for label in range(3):
            weights[label, label] = 0.02
            weights[label, label - 1] = weights[label, label - 2] = -0.01
        if not self.by_colour:
            weights[0] = -corner - area
            weights[0, :, :HALF, :HALF] += 2 * corner
        with torch.no_grad():
            self.colours.weight[:, :, 0, 0] = torch.eye(3)
            self.colours.bias.fill_(-GROUND)
            self.read.weight.copy_(torch.from_numpy(weights.reshape(3, -1)))
            self.read.bias.zero_()
            self.read.bias[0] = 60 * area

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        logits: Tensor = self.read(self.flatten(self.relu(self.colours(images))))
        return logits


@dataclass(frozen=True, eq=False)
class Marked(World):
    """A world whose objects the user has marked."""

    def objects(self, rows: Sequence[int]) -> np.ndarray:  # type: ignore[override]
        """Return what is brighter than the ground."""
        masks: np.ndarray = self.images[list(rows)].max(axis=3) > 0.5
        return masks.astype(float)


def scenes(model: Looking, *, place: int = HALF, side: int = 12) -> World:
    """Return squares on grey; those of class 0 lie around ``place`` and are ``side`` wide.

    The others lie around the middle and are twelve wide. Classes 1 and 2 are a colour, and so is
    class 0 where the model goes by colour alone.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), EACH)
    images = rng.uniform(0.0, GROUND, (len(labels), SIDE, SIDE, 3)).astype(np.float32)
    for row, label in enumerate(labels):
        middle, wide = (place, side) if label == 0 else (HALF, 12)
        wide += int(rng.integers(-1, 2))
        top, left = middle + rng.integers(-2, 3, 2) - wide // 2
        colour = 1 + row % 2 if label == 0 and not model.by_colour else label
        images[row, top : top + wide, left : left + wide, colour] = BRIGHT
    return Marked(images, labels, model.eval())


def tried(subject: World) -> Geometry:
    stage = subject.stage(60, permutations=300)
    return geometry_trials(stage, [load_members(stage.search, output) for output in range(3)])


def reported(subject: World) -> tuple[dict[tuple[str, str], GlobalFactor], KindSearched]:
    config = ShortcutConfig(permutations=300, targets=60, proposals=["P6", "P8"])
    made = find_shortcuts(subject.search(config=config))
    (row,) = [each for each in made.limits.kinds if each.kind == GEOMETRY]
    return {(each.class_name, each.statistic): each for each in made.whole.factors}, row


@pytest.mark.parametrize(
    ("model", "where", "statistic"),
    [
        (Looking(corner=0.05), {"place": 10}, DISTANCE),
        (Looking(area=0.1), {"side": 8}, SIZE),
    ],
)
def test_a_model_that_goes_by_how_objects_lie_is_caught(
    model: Looking, where: dict[str, int], statistic: str
) -> None:
    subject = scenes(model, **where)
    assert (subject.samples().prediction == subject.labels).mean() > 0.9
    factors, row = reported(subject)
    factor = factors["red", statistic]
    assert factor.grade == "B"
    assert factor.auc < 0.1
    given, taken = factor.evidence.values()
    for each in (given, taken):
        assert each.outcome == "supports"
        assert each.low > 0.5
        assert set(each.controls) == {OPPOSITE, LAID_BACK}
    assert row.reason == ""
    assert 30 < row.n <= given.n
    assert row.limit is not None
    assert row.limit < 0.4


def test_where_objects_lie_is_no_evidence_against_a_model_that_sees_their_colour() -> None:
    factors, row = reported(scenes(Looking(), place=10, side=8))
    found = {name[1]: each for name, each in factors.items() if name[0] == "red"}
    for statistic in (DISTANCE, SIZE):
        assert found[statistic].grade not in ("A", "B", "C")
        assert max(each.high for each in found[statistic].evidence.values()) < 0.1
    assert not row.reason


@pytest.mark.parametrize(
    ("low", "statistic", "verdict"),
    [(0.24, SIZE, "C"), (0.12, SIZE, "C"), (0.08, SIZE, None), (0.24, "red-green tint", None)],
)
def test_a_small_effect_of_how_objects_lie_is_asked_about(
    low: float, statistic: str, verdict: str | None
) -> None:
    """Few pictures have an object that can be moved: of 40 % the lower bound is 24 %."""
    subject = scenes(Looking(area=0.1), side=8)
    trial = next(each for each in tried(subject).trials if each.factor.statistic == SIZE)
    effect = {"effect": low + 0.15, "low": low, "high": low + 0.3, "q": 0.005}
    results = {
        test: each.model_copy(update=effect | {"outcome": "supports"})
        for test, each in trial.evidence.items()
    }
    results["statistic_taken"] = results["statistic_taken"].model_copy(
        update={"low": 0.0, "outcome": "inconclusive"}
    )
    trial = replace(trial, factor=replace(trial.factor, statistic=statistic))
    (factor,) = factors_of(subject.search(), [trial], {trial.id: results})
    assert factor.grade == verdict


def test_objects_that_lie_alike_are_searched_and_nothing_is_tested() -> None:
    geometry = tried(scenes(Looking()))
    assert geometry.trials == ()
    assert geometry.unusable == ()
    assert geometry.notes == []
    assert geometry.looked(10).n == geometry.fewest > 20


def test_one_side_of_the_place_is_named_alone() -> None:
    subject = scenes(Looking())
    low = subject.labels == 2
    subject.images[low] = np.roll(subject.images[low], 6, axis=1)
    statistics = {each.factor.statistic for each in tried(subject).trials}
    assert DOWN in statistics
    assert DISTANCE not in statistics


def test_pictures_without_a_whole_object_are_counted_and_said() -> None:
    subject = scenes(Looking())
    cut = np.arange(0, len(subject.labels), 4)
    subject.images[cut, :8, 12:20, 0] = BRIGHT
    geometry = tried(subject)
    assert geometry.left_out > 10
    assert f"{geometry.left_out} of {geometry.looked_at}" in geometry.notes[0]
    assert geometry.fewest < 40
    red = subject.labels == 0
    subject.images[red, :8, 12:20, 0] = BRIGHT
    looked = tried(subject).looked(10)
    assert "red" in looked.but
    assert looked.n == tried(subject).fewest > 0
    subject.images[:, :8, 12:20, 0] = BRIGHT
    assert "red, green, blue" in tried(subject).looked(10).reason


def test_without_what_proposes_it_or_classes_it_says_so() -> None:
    stage = scenes(Looking()).stage(60)
    assert "no class" in geometry_trials(stage, []).looked(10).reason
    config = ShortcutConfig(permutations=300, proposals=["P8"])
    made = find_shortcuts(scenes(Looking()).search(config=config))
    (row,) = [each for each in made.limits.kinds if each.kind == GEOMETRY]
    assert "P6" in row.reason


def test_results_are_corrected_with_all_others() -> None:
    geometry = tried(scenes(Looking(corner=0.05), place=10))
    results, tests = settled({each.id: each.evidence for each in geometry.trials})
    assert tests == sum(len(each) for each in results.values()) > 0
