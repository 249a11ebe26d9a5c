"""Which samples are looked at, which window, and the ranking inside a region."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from auditor.concepts.single_pictures import (
    choose_samples,
    clear_mistakes,
    mask_of,
    rank_in_region,
    strongest_window,
)
from auditor.concepts.typical import least_typical
from tests.concepts.conftest import MakeLayer, MakeSamples


def test_typical_odd_and_wrong_samples_are_chosen(
    make_samples: MakeSamples, make_layer: MakeLayer
) -> None:
    samples = make_samples([0] * 6 + [1], prediction=[0, 0, 0, 0, 1, 1, 1])
    logits = np.zeros((7, 2), dtype=np.float32)
    logits[4], logits[5] = (1, 2), (1, 9)
    samples = dataclasses.replace(samples, logits=logits)
    relevance = [[4, 1], [4, 1.2], [4, 0.8], [0, 5], [1, 1], [1, 1], [0, 1]]
    found = choose_samples(make_layer(np.array(relevance, dtype=float)), samples, 0)
    whys = {why: [each.row for each in found if each.why == why] for _, why in found}
    # The mean of the members is nearest to row 1; row 3 is unlike the others; 5 is clearer than 4.
    assert whys == {
        "most typical of its class": [1],
        "least typical of its class": [3],
        "clear mistake": [5, 4],
    }


def test_a_class_of_one_has_no_odd_sample(make_samples: MakeSamples, make_layer: MakeLayer) -> None:
    samples, layer = make_samples([0, 1]), make_layer(np.ones((2, 3)))
    assert [each.row for each in choose_samples(layer, samples, 0)] == [0]
    assert least_typical(layer, np.array([], dtype=np.int64)) is None


def test_a_class_without_members_has_only_mistakes(
    make_samples: MakeSamples, make_layer: MakeLayer
) -> None:
    samples = make_samples([0, 0, 1], prediction=[1, 1, 1])
    found = choose_samples(make_layer(np.ones((3, 2))), samples, 0)
    assert [each.why for each in found] == ["clear mistake"] * 2
    assert clear_mistakes(make_samples([0, 0]), 0) == []


def test_the_window_is_the_best_of_all(rng: np.random.Generator) -> None:
    heatmap = rng.normal(size=(24, 31))
    x, y, width, height = strongest_window(heatmap)
    assert (width, height) == (10, 8)
    positive = np.maximum(heatmap, 0)
    slow = {
        (left, top): positive[top : top + 8, left : left + 10].sum()
        for top in range(24 - 8 + 1)
        for left in range(31 - 10 + 1)
    }
    assert slow[x, y] == pytest.approx(max(slow.values()))


def test_the_ranking_is_the_sum_over_the_region(rng: np.random.Generator) -> None:
    heatmaps = rng.normal(size=(5, 12, 16))
    mask = mask_of((3, 2, 4, 5), (12, 16))
    order, relevance = rank_in_region(heatmaps, mask)
    slow = [sum(h[y, x] for y in range(2, 7) for x in range(3, 7)) for h in heatmaps]
    assert order.tolist() == sorted(range(5), key=lambda c: -slow[c])
    np.testing.assert_allclose(relevance, np.array(slow)[order])
    elsewhere, _ = rank_in_region(heatmaps, mask_of((8, 0, 8, 12), (12, 16)))
    assert elsewhere.tolist() != order.tolist()
    assert len(rank_in_region(heatmaps[:0], mask)[0]) == 0


@pytest.mark.parametrize("box", [(-1, 0, 2, 2), (0, 0, 0, 2), (15, 0, 2, 2), (0, 11, 2, 2)])
def test_a_box_outside_of_the_picture_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="does not lie in a picture of 16 x 12"):
        mask_of(box, (12, 16))
