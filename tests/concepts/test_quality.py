"""Clarity of reference crops: more alike is clearer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.concepts.quality import _agreement, clarity


def picture(seed, side=80):
    """Return a random picture of coloured rectangles."""
    rng = np.random.default_rng(seed)
    found = np.full((side, side, 3), rng.integers(0, 256, 3), dtype=np.uint8)
    for _ in range(8):
        top, left = rng.integers(0, side - 20, 2)
        height, width = rng.integers(8, 40, 2)
        found[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return found


def noisy(base, seed):
    """Return the picture with some noise."""
    noise = np.random.default_rng(seed).normal(0, 12, base.shape)
    return np.clip(base + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("crops", [[], [picture(0)]])
def test_fewer_than_two_crops_have_no_clarity(crops):
    assert clarity(crops) is None


def test_the_same_picture_again_and_again_is_wholly_clear():
    assert clarity([picture(1)] * 4) == pytest.approx(1)
    flat = np.full((30, 30, 3), 90, dtype=np.uint8)
    assert clarity([flat, flat]) == pytest.approx(1)


def test_alike_crops_are_clearer_than_unrelated_ones():
    alike = clarity([noisy(picture(1), seed) for seed in range(5)])
    unrelated = clarity([picture(seed) for seed in range(5)])
    assert 0 <= unrelated < 0.4 < alike <= 1


def test_clarity_does_not_depend_on_size_or_order():
    crops = [noisy(picture(seed // 2), seed) for seed in range(4)]
    larger = [np.repeat(np.repeat(crop, 2, axis=0), 2, axis=1) for crop in crops]
    assert clarity(crops[::-1]) == pytest.approx(clarity(crops))
    assert clarity(larger) == pytest.approx(clarity(crops), abs=0.05)


def test_agreement_equals_pairwise_correlation():
    features = np.random.default_rng(0).normal(size=(5, 12))
    pairs = [max(np.corrcoef(a, b)[0, 1], 0) for a, b in itertools.combinations(features, 2)]
    assert _agreement(features) == pytest.approx(sum(pairs) / len(pairs))
