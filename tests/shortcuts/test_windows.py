"""Placing windows, against an exhaustive loop over every place."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.propose.windows import (
    FEATHER,
    RING_SHARE,
    Shape,
    dictionary,
    masks_of,
    place,
    ring_width,
    window_sums,
)


def every_sum(heat: np.ndarray, shape: Shape) -> dict[tuple[int, int], float]:
    """Sum every window pixel by pixel."""
    return {
        (top, left): sum(
            float(heat[top + i, left + j]) for i in range(shape.height) for j in range(shape.width)
        )
        for top in range(heat.shape[0] - shape.height + 1)
        for left in range(heat.shape[1] - shape.width + 1)
    }


@pytest.mark.parametrize(("height", "width"), [(3, 4), (1, 9), (8, 1), (8, 9)])
def test_sums_and_the_best_place_are_those_of_an_exhaustive_loop(height: int, width: int) -> None:
    heat = np.random.default_rng(0).random((3, 8, 9))
    shape = Shape("window", height, width)
    sums, places = window_sums(heat, shape), place(heat, shape)
    for sample in range(3):
        slow = every_sum(heat[sample], shape)
        for where, value in slow.items():
            assert sums[(sample, *where)] == pytest.approx(value)
        assert tuple(places[sample]) == max(slow, key=lambda where: slow[where])


@pytest.mark.parametrize(("height", "width"), [(3, 4), (1, 9), (8, 2), (6, 7), (8, 9)])
@pytest.mark.parametrize("inset", [1, 2])
def test_inset_sums_are_those_of_an_exhaustive_loop(height: int, width: int, inset: int) -> None:
    heat = np.random.default_rng(0).random((2, 8, 9))
    sums = window_sums(heat, Shape("window", height, width), inset)
    for top in range(8 - height + 1):
        for left in range(9 - width + 1):
            rows = slice(top + (top > 0) * min(inset, (height - 1) // 2), top + height)
            rows = slice(rows.start, rows.stop - (top + height < 8) * min(inset, (height - 1) // 2))
            inside = (width - 1) // 2
            columns = slice(
                left + (left > 0) * min(inset, inside),
                left + width - (left + width < 9) * min(inset, inside),
            )
            assert sums[:, top, left] == pytest.approx(heat[:, rows, columns].sum(axis=(1, 2)))


def test_a_mark_comes_to_lie_where_its_window_weighs_fully() -> None:
    heat = np.zeros((1, 30, 30))
    heat[0, 12:16, 12:16] = 1.0
    shape = Shape("window", 10, 10)
    top, left = place(heat, shape, feather=FEATHER)[0]
    assert top + FEATHER <= 12 <= top + 10 - FEATHER - 4
    assert left + FEATHER <= 12 <= left + 10 - FEATHER - 4
    heat = np.zeros((1, 30, 30))
    heat[0, :3, :3] = 1.0
    assert place(heat, shape, feather=FEATHER)[0].tolist() == [0, 0]


def test_rank_walks_from_the_least_to_the_most_relevant_place() -> None:
    heat = np.random.default_rng(1).random((2, 7, 7))
    shape = Shape("window", 2, 3)
    for sample in range(2):
        slow = sorted(every_sum(heat[sample], shape).items(), key=lambda item: item[1])
        assert tuple(place(heat, shape, rank=0.0)[sample]) == slow[0][0]
        assert tuple(place(heat, shape, rank=1.0)[sample]) == slow[-1][0]
        middle = [slow[(len(slow) - 1) // 2][0], slow[len(slow) // 2][0]]
        assert tuple(place(heat, shape, rank=0.5)[sample]) in middle


def test_a_window_keeps_clear_of_what_it_must_avoid() -> None:
    heat = np.zeros((1, 8, 8))
    heat[0, 1, 1], heat[0, 6, 6] = 5.0, 3.0
    avoid = np.zeros((1, 8, 8), bool)
    avoid[0, 0:2, 0:2] = True
    shape = Shape("window", 2, 2)
    assert tuple(place(heat, shape)[0]) <= (1, 1)
    top, left = place(heat, shape, avoid=avoid)[0]
    assert not (masks_of(np.array([[top, left]]), shape, (8, 8)) & avoid).any()
    assert (top, left) == (5, 5)


def test_ties_go_to_the_first_place_in_reading_order() -> None:
    assert tuple(place(np.ones((1, 5, 5)), Shape("window", 2, 2))[0]) == (0, 0)


@pytest.mark.parametrize("size", [(64, 64), (224, 224), (120, 200), (12, 12)])
def test_the_dictionary_has_the_documented_areas(size: tuple[int, int]) -> None:
    shapes = {shape.name: shape for shape in dictionary(*size)}
    area = size[0] * size[1]
    if min(size) >= 64:
        for name, share in {
            "small square": 1 / 36,
            "square": 1 / 12,
            "horizontal strip": 1 / 6,
            "vertical strip": 1 / 6,
            "lower right corner": 1 / 12,
        }.items():
            shape = shapes[name]
            assert shape.height * shape.width / area == pytest.approx(share, rel=0.1)
    for shape in shapes.values():
        mask = masks_of(place(np.ones((1, *size)), shape), shape, size)[0]
        assert mask.any()
        assert mask.mean() <= max(RING_SHARE, 1 / 6) * 1.3 or min(size) < 20
    corner = masks_of(np.array([shapes["lower right corner"].anchor]), shapes["square"], size)
    assert corner.any()


def test_the_ring_is_the_widest_that_fits() -> None:
    for size in ((64, 64), (100, 50), (224, 224)):
        ring = ring_width(*size)

        def covered(width: int, size: tuple[int, int] = size) -> float:
            inner = (size[0] - 2 * width) * (size[1] - 2 * width)
            return 1 - inner / (size[0] * size[1])

        assert covered(ring) <= RING_SHARE < covered(ring + 1)
