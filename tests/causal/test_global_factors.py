"""Statistics of whole pictures on models whose use of brightness is written down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.global_factors import OPPOSITE
from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.records.shortcuts import GlobalFactor
from auditor.records.stages import ShortcutReport
from auditor.shortcuts.whole_pictures.global_factors import ENOUGH, PART
from tests.causal.worlds import SIZE, World

CONFIG = ShortcutConfig(
    permutations=400, per_class=1, members=24, targets=24, proposals=["P1", "P6"]
)
THRESHOLD = 0.24


class BrightModel(nn.Module):
    """Class k by the mean of colour k; class 0 also by how bright the picture is.

    Class 0 gains ``reliance`` x max(0, mean of all colours - `THRESHOLD`).
    """

    def __init__(self, reliance: float) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.parts = nn.Linear(3, 4)
        self.relu = nn.ReLU()
        self.out = nn.Linear(4, 3)
        with torch.no_grad():
            for layer in (self.colours, self.parts, self.out):
                layer.weight.zero_()
                layer.bias.zero_()
            self.colours.weight[:, :, 0, 0] = torch.eye(3)
            self.parts.weight[:3] = torch.eye(3)
            self.parts.weight[3] = 1 / 3
            self.parts.bias[3] = -THRESHOLD
            self.out.weight[:, :3] = 20.0 * torch.eye(3)
            self.out.weight[0, 3] = reliance

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        parts = self.relu(self.parts(self.mean(self.colours(images)).flatten(1)))
        logits: Tensor = self.out(parts)
        return logits


def bright_world(reliance: float, *, share: float = 1.0, per_class: int = 40) -> World:
    """Return tinted noise; a share of class 0 is bright instead of tinted if that is relied on."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), per_class)
    images = rng.uniform(0.0, 0.3, (len(labels), SIZE, SIZE, 3)).astype(np.float32)
    images += rng.normal(0, 0.01, (len(labels), 1, 1, 1)).astype(np.float32).clip(-0.03, 0.03)
    for row, label in enumerate(labels):
        bright = label == 0 and row % per_class < share * per_class
        images[row] += 0.2 * bright
        if not (bright and reliance > 0):
            images[row, ..., label] += 0.12
    return World(images.clip(0, 1), labels, BrightModel(reliance).eval())


def search(world: World) -> ShortcutReport:
    return find_shortcuts(world.search(config=CONFIG))


def brightness_of(report: ShortcutReport) -> GlobalFactor:
    return next(
        each
        for each in report.whole.factors
        if (each.class_name, each.statistic) == ("red", "brightness")
    )


@pytest.fixture(scope="module")
def relied_on() -> ShortcutReport:
    return search(bright_world(reliance=150.0))


def test_brightness_given_turns_pictures_and_taken_away_loses_them(
    relied_on: ShortcutReport,
) -> None:
    factor = brightness_of(relied_on)
    given, taken = factor.evidence.values()
    assert (given.test, taken.test) == ("statistic_given", "statistic_taken")
    for each in (given, taken):
        assert each.outcome == "supports"
        assert each.low <= each.effect <= each.high
        assert each.p is not None
        assert each.q is not None
        assert each.p <= each.q <= 0.01
        assert set(each.controls) == {OPPOSITE}
    assert given.effect > 0.9
    # Without brightness the class is one of three equal ones.
    assert taken.effect > 0.3
    assert factor.own[2] > factor.others[2] + 40
    assert factor.auc > 0.99
    # Light may be what the class is, but it turns any picture into it.
    assert factor.grade == "B"
    assert factor.terms[ENOUGH] == 1.0
    assert "turns 100\u00a0%" in factor.meaning


def test_brightness_of_a_part_of_the_class_is_a_likely_shortcut() -> None:
    report = search(bright_world(reliance=150.0, share=0.6, per_class=60))
    factor = brightness_of(report)
    assert factor.grade == "A"
    assert factor.terms[PART] == factor.terms[ENOUGH] == 1.0


def test_brightness_that_is_not_used_is_not_graded_as_evidence() -> None:
    report = search(bright_world(reliance=0.0))
    light = [
        each for each in report.whole.factors if each.statistic in ("brightness", "highlights")
    ]
    assert not any(each.grade in ("A", "B", "C") for each in light)
    # The classes are tints there, of the whole picture: what they are, but for a margin whose tint
    # alone turns more than half of the other pictures.
    tints = {(each.class_name, each.statistic): each.grade for each in report.whole.factors}
    assert tints["red", "red-green tint"] == tints["red", "red-green tint of the margin"] == "C"
    assert tints["blue", "blue-yellow tint"] == "C"
    assert tints["blue", "blue-yellow tint of the margin"] == "B"


def test_pictures_that_are_alike_have_no_factor_of_brightness() -> None:
    report = search(bright_world(reliance=150.0, share=0.0))
    assert all(each.statistic != "brightness" for each in report.whole.factors)


def test_p_values_of_factors_are_corrected_with_those_of_regions(
    relied_on: ShortcutReport,
) -> None:
    ran = [e for f in relied_on.whole.factors for e in f.evidence.values() if e.p is not None]
    assert len(ran) >= 2
    listed = [e for f in relied_on.findings for e in f.evidence.values() if e.p is not None]
    assert relied_on.limits.tests >= len(ran) + len(listed)


def test_switched_off_nothing_is_found_and_the_report_says_so() -> None:
    world = bright_world(reliance=150.0)
    config = CONFIG.model_copy(update={"proposals": ["P1"]})
    report = find_shortcuts(world.search(config=config))
    assert report.whole.factors == ()
    assert "P6" in report.limits.switched_off


def test_the_same_seed_gives_the_same_factors(relied_on: ShortcutReport) -> None:
    again = search(bright_world(reliance=150.0))
    assert again.whole.factors == relied_on.whole.factors
    assert again.limits.notes == relied_on.limits.notes
