"""Scores of the benchmark on arrays whose answer can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.shortcuts import scores


def boxes(*corners: tuple[int, int, int, int]) -> np.ndarray:
    masks = np.zeros((len(corners), 20, 20), dtype=bool)
    for mask, (top, left, bottom, right) in zip(masks, corners, strict=True):
        mask[top:bottom, left:right] = True
    return masks


def test_member_scores_count_pairs() -> None:
    carries = np.array([True, True, False, False])
    found = scores.member_scores(np.array([4.0, 2.0, 3.0, 1.0]), carries)
    assert found is not None
    assert found.auc == pytest.approx(3 / 4)
    assert found.ap == pytest.approx((1 + 2 / 3) / 2)
    assert found.p10 == pytest.approx(1 / 2)
    assert (found.carriers, found.members) == (2, 4)
    assert scores.member_scores(np.zeros(3), np.ones(3, bool)) is None


def test_ties_give_chance() -> None:
    carries = np.array([True, False, False, False])
    found = scores.member_scores(np.zeros(4), carries)
    assert found is not None
    assert found.auc == pytest.approx(0.5)
    assert found.p10 == pytest.approx(0.25)
    assert scores.precision_at(np.array([2.0, 1.0, 1.0, 0.0]), carries, 2) == pytest.approx(0.5)


def test_a_region_hits_by_overlap_or_by_lying_inside() -> None:
    artefact = boxes((0, 0, 6, 12))
    assert scores.iou(boxes((0, 0, 6, 6)), artefact) == pytest.approx([0.5])
    assert scores.iou(boxes((10, 10, 10, 10)), boxes((0, 0, 0, 0))) == pytest.approx([0.0])
    small = boxes((4, 11, 8, 15))
    assert scores.iou(small, artefact) < scores.LEAST_IOU
    assert scores.inside(small, artefact) == pytest.approx([1.0])
    assert scores.covered(small, artefact) == pytest.approx([2 / 72])
    assert scores.hits(small, artefact)
    assert not scores.hits(boxes((12, 12, 18, 18)), artefact)
    # A window over everything holds the artefact and says nothing of its place.
    assert not scores.hits(boxes((0, 0, 20, 20)), boxes((0, 0, 4, 4)))
    two = boxes((0, 0, 6, 12), (12, 12, 18, 18), (12, 12, 18, 18))
    assert not scores.hits(two, np.repeat(artefact, 3, axis=0))
    assert not scores.hits(two[:0], two[:0])


def test_pointing_reads_the_peak_of_the_region() -> None:
    heat = np.zeros((2, 20, 20))
    heat[:, 2, 2], heat[:, 15, 15] = 1.0, 2.0
    regions = boxes((0, 0, 6, 6), (0, 0, 20, 20))
    artefacts = boxes((0, 0, 4, 4), (0, 0, 4, 4))
    assert scores.pointing(heat, regions, artefacts) == pytest.approx(0.5)


def test_ranks_share_ties() -> None:
    assert scores.rank_of([False, True, True]) == 2
    assert scores.rank_of([False]) is None
    values = [3.0, 1.0, 3.0, 0.0]
    assert scores.place_of(values, 0) == pytest.approx(1.5)
    assert scores.place_of(values, 3) == pytest.approx(4.0)
    assert [scores.hit_within(values, 0, k) for k in (1, 2, 3)] == pytest.approx([0.5, 1, 1])
    assert [scores.hit_within(values, 1, k) for k in (1, 2, 3)] == pytest.approx([0, 0, 1])
    # A method that says nothing hits by chance.
    assert scores.hit_within([0.0] * 6, 2, 3) == pytest.approx(0.5)


def test_separation_and_correlation() -> None:
    assert scores.separation([2.0, 1.0], [1.0, 0.0]) == pytest.approx(3.5 / 4)
    assert scores.separation([], [1.0]) is None
    assert scores.rank_correlation([1, 2, 3], [9, 5, 1]) == pytest.approx(-1.0)
    assert scores.rank_correlation([1, 1, 1], [9, 5, 1]) is None
    assert scores.rank_correlation([1, 2], [1, 2]) is None


def test_intervals_hold_the_mean_and_have_width_at_the_ends() -> None:
    whole = scores.mean_interval([1.0] * 10)
    assert whole is not None
    assert whole == pytest.approx((1.0, 0.025**0.1, 1.0))
    middle = scores.mean_interval([0.0, 1.0] * 20)
    assert middle is not None
    assert middle[0] == 0.5
    assert middle[1] == pytest.approx(0.35, abs=0.03)
    assert middle[2] == pytest.approx(0.65, abs=0.03)
    assert scores.mean_interval([]) is None
    share = scores.share_interval(0, 10)
    assert share is not None
    assert share == pytest.approx((0.0, 0.0, 0.2775), abs=1e-4)
    assert scores.share_interval(0, 0) is None
