"""Copies of a mark are told from things of one kind, also where the region is larger."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.likeness import REACH, above_usual, crops, same_mark, stereotypy
from auditor.shortcuts.scenes import Scene, balanced, scene
from auditor.shortcuts.windows import Shape

SIZE, SIDE, COUNT = 64, 10, 12
MARK = np.random.default_rng(99).integers(0, 256, (SIDE, SIDE, 3))


def scenes(noise: int, shift: int) -> tuple[Scene, np.ndarray, list[tuple[Scene, np.ndarray]]]:
    """Return a class with a mark in the middle of a larger region, its regions, other classes."""
    generator = np.random.default_rng(0)
    shown = generator.integers(40, 160, (COUNT, SIZE, SIZE, 3))
    heat = np.zeros((COUNT, SIZE, SIZE))
    regions = np.zeros((COUNT, SIZE, SIZE), bool)
    for index, (top, left) in enumerate(generator.integers(10, SIZE - 30, (COUNT, 2))):
        mark = MARK + generator.integers(-noise, noise + 1, MARK.shape)
        shown[index, top : top + SIDE, left : left + SIDE] = np.clip(mark, 0, 255)
        regions[index, top - 8 : top + SIDE + 8, left - 8 : left + SIDE + 8] = True
        there = generator.integers(-shift, shift + 1, 2) + np.array([top, left])
        heat[index, there[0] : there[0] + SIDE, there[1] : there[1] + SIDE] = 1.0
    own = scene(shown.astype(np.uint8), heat)
    rest = [
        scene(
            np.random.default_rng(seed).integers(40, 160, (COUNT, SIZE, SIZE, 3)).astype(np.uint8),
            np.random.default_rng(seed).random((COUNT, SIZE, SIZE)),
        )
        for seed in (1, 2)
    ]
    found = balanced(dict(enumerate((own, *rest))))
    return found[0], regions, [(found[index], np.arange(COUNT)) for index in (1, 2)]


def same(noise: int, shift: int) -> float:
    own, regions, others = scenes(noise, shift)
    return same_mark(own, np.arange(COUNT), regions, others)


def test_a_copied_mark_is_seen_in_a_larger_region_and_beside_the_peak() -> None:
    assert same(noise=0, shift=0) > 0.85
    assert same(noise=0, shift=1) > 0.85


def test_marks_of_one_kind_are_no_copies() -> None:
    assert same(noise=120, shift=0) < 0.5


def test_no_mark_is_nothing() -> None:
    _, regions, others = scenes(0, 0)
    scene_of_noise, rows = others[0]
    assert same_mark(scene_of_noise, rows, regions, others[1:]) < 0.3


def test_above_usual_by_hand() -> None:
    assert above_usual(0.5, [0.2, 0.2, 0.9]) == pytest.approx(0.3 / 0.8)
    assert above_usual(0.1, [0.2]) == 0.0
    assert above_usual(1.0, [1.0]) == 0.0


def test_crops_are_the_windows_at_every_shift() -> None:
    own, _, _ = scenes(0, 0)
    reach = round(REACH * SIZE)
    found = crops(own, np.array([3]), np.array([[20, 31]]), Shape("mark", 8, 8), reach)
    span = 2 * reach + 1
    assert found.shape == (1, span * span, 6 * 64)
    for down, right in ((-reach, 0), (0, 0), (2, -1)):
        window = own.gradients[3, :, 20 + down : 28 + down, 31 + right : 39 + right]
        place = (down + reach) * span + right + reach
        assert np.array_equal(found[0, place], window.ravel())
    assert stereotypy(np.repeat(found, 4, axis=0)) == pytest.approx(1.0)
