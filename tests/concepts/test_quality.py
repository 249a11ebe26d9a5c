"""Clarity, meanings and redundancy of concepts, on pictures made for it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.concepts.quality import (
    _agreements,
    clarity,
    concept_quality,
    crop_similarity,
    meanings,
    redundancy,
)
from auditor.records.stages import Subspaces


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


def test_agreements_equal_pairwise_correlation():
    features = np.random.default_rng(0).normal(size=(5, 12))
    found = _agreements(features)
    for a, b in itertools.combinations(range(5), 2):
        slow = max(np.corrcoef(features[a], features[b])[0, 1], 0)
        assert found[a, b] == found[b, a] == pytest.approx(slow)


def test_clarity_is_the_mean_over_pairs():
    crops = [picture(seed) for seed in range(4)]
    similarity = crop_similarity(crops)
    pairs = [similarity[a, b] for a, b in itertools.combinations(range(4), 2)]
    assert clarity(crops) == pytest.approx(sum(pairs) / 6)


def test_two_things_in_turn_are_two_meanings():
    crops = [noisy(picture(1 if seed % 3 else 2), seed) for seed in range(9)]
    number, groups = meanings(crop_similarity(crops))
    assert number == 2
    assert groups.tolist() == [0 if seed % 3 else 1 for seed in range(9)]


@pytest.mark.parametrize("seeds", [[1] * 8, range(8)])
def test_one_thing_and_unrelated_things_are_one_group(seeds):
    crops = [noisy(picture(seed), place) for place, seed in enumerate(seeds)]
    number, groups = meanings(crop_similarity(crops))
    assert number == 1
    assert not groups.any()


def test_a_single_odd_crop_is_no_meaning():
    crops = [noisy(picture(1), seed) for seed in range(7)] + [picture(9)]
    assert meanings(crop_similarity(crops))[0] == 1


def test_meanings_of_planted_similarity_by_hand():
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    similarity = np.where(truth[:, None] == truth, 0.9, 0.2)
    assert meanings(similarity)[0] == 3
    assert meanings(similarity)[1].tolist() == truth.tolist()
    assert meanings(similarity[:5, :5])[0] is None


SUBSPACES = Subspaces(
    "x", np.array([4, 9, 2, 7]), np.eye(4), np.array([0, 1, 0, 0]), np.zeros((1, 2)), 0.5, ""
)


def test_redundancy_is_the_size_of_the_subspace():
    assert [redundancy(SUBSPACES, concept) for concept in (4, 9, 7, 1)] == [3, 1, 3, None]


def test_quality_says_what_its_figures_mean():
    crops = [noisy(picture(1 if seed % 2 else 2), seed) for seed in range(8)]
    found = concept_quality(4, crops, SUBSPACES)
    assert found.clarity == pytest.approx(clarity(crops))
    assert found.meanings == 2
    assert "2 groups (of 4, 4)" in found.reading[1]
    assert "2 other compared concepts" in found.reading[2]
    few = concept_quality(4, crops[:1], None)
    assert (few.clarity, few.meanings, few.redundancy) == (None, None, None)
    assert "too few" in few.reading[0]
    assert "At least 6" in few.reading[1]
    by_model = concept_quality(9, crops, SUBSPACES, similarity=np.ones((8, 8)))
    assert by_model.meanings == 1
    with pytest.raises(ValueError, match="8 crops"):
        concept_quality(9, crops, None, similarity=np.ones((3, 3)))
