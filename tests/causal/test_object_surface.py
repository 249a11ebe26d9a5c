"""Surfaces laid on other objects: a model that decides by them is caught, one by shape is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.global_factors import factors_of
from auditor.causal.images import load_members
from auditor.causal.kinds import TEXTURE
from auditor.causal.object_surface import (
    AROUND,
    GIVEN,
    ITS_CLASS,
    ITSELF,
    THIRD,
    THIRD_AROUND,
    SurfaceTrials,
    contrasts,
    surface_trials,
)
from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.records.shortcuts import GlobalFactor, KindSearched
from auditor.records.stages import ShortcutReport
from auditor.shortcuts.grading import settled
from auditor.shortcuts.whole_pictures.global_statistics import OF_SURFACES, PATTERN, SURFACE
from tests.causal.worlds import SIZE as SIDE
from tests.causal.worlds import World

EACH = 40
GROUND = 0.3
# Height and width of the objects of the classes, whose areas are about the same.
SHAPES = ((20, 10), (10, 20), (14, 14))


class Reading(nn.Module):
    """Decides by one thing: the stripes, the colour, or where there is anything at all (shape).

    Stripes: those that go down count for class 0, those that go across for class 1. Colour k counts
    for class k. Shape: what is high for 0, what is wide for 1, else 2.
    """

    def __init__(self, by: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.read = nn.Linear(4 * SIDE * SIDE, 3)
        first = np.zeros((4, 3, 3, 3), np.float32)
        weights = np.zeros((3, 4, SIDE, SIDE), np.float32)
        bias = np.zeros(3, np.float32)
        if by == "stripes":
            for place, kernel in enumerate(([[-1, 2, -1]], [[-1], [2], [-1]])):
                row, column = (1, slice(None)) if place == 0 else (slice(None), 1)
                first[place, :, row, column] = np.array(kernel, np.float32).ravel() / 3
                weights[place, place] = 1.0
            bias[2] = 80.0
        elif by == "colour":
            for label in range(3):
                first[label, label, 1, 1] = 1.0
                weights[label, label] = 0.2
        else:
            first[0, :, 1, 1] = 1 / 3
            weights[0, 0, :8], weights[0, 0, 24:] = 1.0, 1.0
            weights[1, 0, :, :8], weights[1, 0, :, 24:] = 1.0, 1.0
            bias[2] = 85.0
        with torch.no_grad():
            self.first.weight.copy_(torch.from_numpy(first))
            self.first.bias.zero_()
            self.read.weight.copy_(torch.from_numpy(weights.reshape(3, -1)))
            self.read.bias.copy_(torch.from_numpy(bias))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        logits: Tensor = self.read(self.flatten(self.relu(self.first(images))))
        return logits


@dataclass(frozen=True, eq=False)
class Marked(World):
    """A world whose objects the user has marked, ``masks``."""

    masks: np.ndarray | None = None

    def objects(self, rows: Sequence[int]) -> np.ndarray:  # type: ignore[override]
        """Return the masks."""
        assert self.masks is not None
        marked: np.ndarray = self.masks[list(rows)].astype(float)
        return marked


def scenes(by: str, *, tinted: bool = False, shapes: bool = True) -> Marked:
    """Return objects on grey: of each class a shape, and a surface.

    Striped down or across, or plain; of one light, or coloured where the model goes by colour.
    ``tinted``: and so is what surrounds them. Without ``shapes`` all are squares.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), EACH)
    images = rng.uniform(0.0, GROUND, (len(labels), SIDE, SIDE, 3)).astype(np.float32)
    masks = np.zeros((len(labels), SIDE, SIDE), dtype=bool)
    stripes = np.where(np.arange(SIDE) % 2, 0.2, -0.2)
    surfaces = [
        np.tile(stripes, (SIDE, 1)),
        np.tile(stripes[:, None], SIDE),
        np.zeros((SIDE, SIDE)),
    ]
    for row, label in enumerate(labels):
        height, width = SHAPES[label] if shapes else SHAPES[2]
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        masks[row, top : top + height, left : left + width] = True
        surface = 0.6 + surfaces[label][..., None] + rng.normal(0, 0.02, (SIDE, SIDE, 3))
        if by == "colour":
            surface = np.full((SIDE, SIDE, 3), 0.3) + rng.normal(0, 0.02, (SIDE, SIDE, 3))
            surface[..., label] += 0.5
        images[row][masks[row]] = surface[masks[row]]
        if tinted:
            images[row, ..., label] += np.where(masks[row], 0.0, 0.5)
    return Marked(images, labels, Reading(by).eval(), masks=masks)


def reported(subject: World) -> tuple[dict[tuple[str, str], GlobalFactor], KindSearched]:
    config = ShortcutConfig(permutations=300, targets=60, proposals=["P6", "P8"])
    made: ShortcutReport = find_shortcuts(subject.search(config=config))
    (row,) = [each for each in made.limits.kinds if each.kind == TEXTURE]
    factors = {(each.class_name, each.statistic): each for each in made.whole.factors}
    return {name: each for name, each in factors.items() if name[1] in OF_SURFACES}, row


def tried(subject: World) -> SurfaceTrials:
    stage = subject.stage(60, permutations=300)
    return surface_trials(stage, [load_members(stage.search, output) for output in range(3)])


@cache
def usual(by: str) -> SurfaceTrials:
    return tried(scenes(by))


def test_a_model_that_goes_by_the_pattern_of_objects_is_caught() -> None:
    subject = scenes("stripes")
    assert (subject.samples().prediction == subject.labels).mean() > 0.9
    factors, row = reported(subject)
    assert set(factors) == {(name, PATTERN) for name in ("red", "green", "blue")}
    for factor in factors.values():
        assert factor.grade == "C"
        assert factor.auc > 0.95
        given, taken = factor.evidence.values()
        assert {each.outcome for each in (given, taken)} == {"supports"}
        assert min(given.low, taken.low) > 0.5
        assert set(given.controls) == {THIRD, ITSELF, AROUND}
        assert set(taken.controls) == {ITSELF, ITS_CLASS}
        assert str(factor.what).startswith("pattern of the object's surface in ")
        assert "whatever the colours" in str(factor.meaning)
    assert row.reason == ""
    assert row.n >= 30
    assert row.limit is not None
    assert row.limit < 0.4


def test_a_model_that_goes_by_the_colour_of_objects_is_told_as_one() -> None:
    factors, _row = reported(scenes("colour"))
    assert set(factors) == {(name, SURFACE) for name in ("red", "green", "blue")}
    for factor in factors.values():
        assert factor.grade == "C"
        assert str(factor.what).startswith("colours of the object's surface in ")
        assert "In the colour that they had it turns 0\xa0% of them." in str(factor.meaning)


def test_a_model_that_goes_by_shape_is_acquitted_though_surfaces_tell_its_classes() -> None:
    subject = scenes("shape")
    assert (subject.samples().prediction == subject.labels).mean() > 0.9
    factors, row = reported(subject)
    assert factors == {}
    assert row.n >= 30
    trials = usual("shape").trials
    assert len(trials) == 6
    for trial in trials:
        assert trial.factor.auc > 0.9
        assert max(each.high for each in trial.evidence.values()) < 0.1


def test_what_the_whole_picture_has_is_no_surface() -> None:
    factors, row = reported(scenes("colour", tinted=True, shapes=False))
    assert factors == {}
    assert row.n >= 30


def test_what_any_surround_does_is_no_objection() -> None:
    """Covered with any surround all turn: what counts is what the class's does beyond that."""
    values = {name: np.zeros(8) for name in (GIVEN, THIRD, ITSELF, AROUND, THIRD_AROUND)}
    values[GIVEN][:] = values[AROUND][:] = values[THIRD_AROUND][:] = 1.0
    assert {name: each.mean() for name, each in contrasts(values).items()} == {
        THIRD: 1.0,
        ITSELF: 1.0,
        AROUND: 1.0,
    }
    values[THIRD_AROUND][:] = 0.0
    assert contrasts(values)[AROUND].mean() == 0.0
    two = {name: values[name] for name in (GIVEN, ITSELF, AROUND)}
    assert contrasts(two)[AROUND].mean() == 0.0


def test_two_classes_have_no_third_to_compare_with() -> None:
    subject = scenes("stripes")
    kept = subject.labels < 2
    two = Marked(
        subject.images[kept], subject.labels[kept], subject.model, masks=subject.masks[kept]
    )
    stage = two.stage(60, permutations=300)
    made = surface_trials(stage, [load_members(stage.search, output) for output in range(2)])
    given = made.trials[0].evidence["statistic_given"]
    assert set(given.controls) == {ITSELF, AROUND}
    assert given.low > 0.5


@pytest.mark.parametrize("side", [7, 31])
def test_objects_without_room_for_pieces_are_counted_and_said(side: int) -> None:
    """Too small to take a piece of, or so large that nothing surrounds them."""
    subject = scenes("stripes")
    masks = subject.masks
    assert masks is not None
    red = subject.labels == 0
    masks[red] = False
    masks[red, :side, :side] = True
    made = tried(subject)
    assert made.unusable == ("red",)
    assert made.left_out > 20
    assert f"{made.left_out} of {made.looked_at}" in made.notes[0]
    assert "red" in made.looked(10).but
    assert made.looked(10).n == made.fewest > 0
    masks[:] = False
    looked = tried(subject).looked(10)
    assert "red, green, blue" in looked.reason
    assert looked.limit is None


def test_without_what_proposes_it_or_classes_it_says_so() -> None:
    stage = scenes("stripes").stage(60)
    assert "no class" in surface_trials(stage, []).looked(10).reason
    config = ShortcutConfig(permutations=300, proposals=["P8"])
    made = find_shortcuts(scenes("stripes").search(config=config))
    (row,) = [each for each in made.limits.kinds if each.kind == TEXTURE]
    assert "P6" in row.reason


@pytest.mark.parametrize(("low", "grade"), [(0.3, "C"), (0.12, "C"), (0.08, None)])
def test_a_surface_is_never_more_than_a_cue(low: float, grade: str | None) -> None:
    subject = scenes("stripes")
    trial = next(each for each in usual("stripes").trials if each.factor.statistic == PATTERN)
    effect = {"effect": low + 0.15, "low": low, "high": low + 0.3, "q": 0.001}
    results = {
        test: each.model_copy(update=effect | {"outcome": "supports"})
        for test, each in trial.evidence.items()
    }
    results["statistic_taken"] = results["statistic_taken"].model_copy(
        update={"low": 0.0, "outcome": "inconclusive"}
    )
    found = factors_of(subject.search(), [trial], {trial.id: results})
    assert [each.grade for each in found] == ([grade] if grade else [])


def test_results_are_corrected_with_all_others() -> None:
    made = usual("stripes")
    _results, tests = settled({each.id: each.evidence for each in made.trials})
    assert tests == 4 * 3
    assert all(each.factor.q >= each.factor.p for each in made.trials)
