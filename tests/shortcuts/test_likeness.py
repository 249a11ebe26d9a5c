"""Copies of a mark are told from things of one kind, also where the region is larger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.shortcuts.likeness import (
    PIXELS,
    REACH,
    beyond_usual,
    crops,
    repeats,
    same_mark,
    stereotypy,
)
from auditor.shortcuts.propose.windows import Shape
from auditor.shortcuts.scenes import Scene, Windows, balanced, scene

SIZE, SIDE, COUNT = 64, 10, 12
MARK = np.random.default_rng(99).integers(0, 256, (SIDE, SIDE, 3))


def everywhere(own: Scene, corners: np.ndarray | None = None, side: int = SIDE) -> Windows:
    """Return a window in every member, the most relevant ones unless their places are given."""
    shape = Shape("window", side, side)
    windows = Windows(own, np.arange(COUNT), np.zeros((COUNT, 2), int), shape)
    return windows.most_relevant() if corners is None else replace(windows, corners=corners)


def scenes(noise: int, shift: int) -> tuple[Scene, np.ndarray, list[Windows]]:
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
    return found[0], regions, [everywhere(found[index]) for index in (1, 2)]


def same(noise: int, shift: int) -> float:
    own, regions, others = scenes(noise, shift)
    return same_mark(everywhere(own), regions, others)


def test_a_copied_mark_is_seen_in_a_larger_region_and_beside_the_peak() -> None:
    assert same(noise=0, shift=0) > 0.85
    assert same(noise=0, shift=1) > 0.85


def test_marks_of_one_kind_are_no_copies() -> None:
    assert same(noise=120, shift=0) < 0.5


def test_no_mark_is_nothing() -> None:
    _, regions, others = scenes(0, 0)
    assert same_mark(others[0], regions, others[1:]) < 0.3


def wall(generator: np.random.Generator) -> np.ndarray:
    """Draw bricks with the same joints, shifted as a whole from picture to picture."""
    down, right = generator.integers(0, 12, 2)
    rows, columns = np.mgrid[:SIZE, :SIZE] + np.array([down, right])[:, None, None]
    shifted = columns + 6 * (rows // 12 % 2)
    joint = (rows % 12 < 2) | (shifted % 12 < 2)
    picture = np.where(joint[..., None], 200, 90) + generator.integers(-20, 21, (SIZE, SIZE, 3))
    return picture.astype(np.uint8)


def test_joints_of_a_wall_look_alike_and_are_no_copies() -> None:
    generator = np.random.default_rng(3)
    shown = np.stack([wall(generator) for _ in range(COUNT)])
    heat = np.zeros((COUNT, SIZE, SIZE))
    corners = []
    for picture, one in zip(shown, heat, strict=True):
        bright = picture.mean(axis=2) > 150
        crossings = [
            (top, left)
            for top in range(20, 44)
            for left in range(20, 44)
            if bright[top, left : left + 10].all() and bright[top + 1, left : left + 10].all()
        ]
        corners.append(crossings[0])
        one[corners[-1][0] : corners[-1][0] + 10, corners[-1][1] : corners[-1][1] + 10] = 1.0
    own, _, others = scenes(0, 0)
    walls = scene(shown, heat)
    assert repeats(everywhere(walls, np.array(corners))) > 0.8
    assert repeats(everywhere(own)) < 0.5
    assert same_mark(everywhere(walls), np.ones_like(heat, dtype=bool), others) < 0.5


def test_a_window_without_room_elsewhere_is_met_nowhere() -> None:
    own, _, _ = scenes(0, 0)
    assert repeats(everywhere(own, np.zeros((COUNT, 2), dtype=int), SIZE)) == 0.0


@pytest.mark.parametrize("side", [10, 24, 30])
def test_repeats_against_every_other_window_of_the_picture(side: int) -> None:
    own, _, _ = scenes(40, 0)
    windows = everywhere(own, side=side)
    step = max(1, round((side * side / PIXELS) ** 0.5))
    best = []
    for image, (top, left) in zip(own.gradients[:, :2], windows.corners, strict=True):
        itself = image[:, top : top + side : step, left : left + side : step].ravel()
        found = []
        for down, right in np.ndindex(SIZE - side + 1, SIZE - side + 1):
            if abs(down - top) >= side or abs(right - left) >= side:
                other = image[:, down : down + side : step, right : right + side : step].ravel()
                found.append(other @ itself / np.linalg.norm(other) / np.linalg.norm(itself))
        best.append(max(found))
    assert repeats(windows) == pytest.approx(np.median(best), abs=1e-6)


def test_beyond_usual_by_hand() -> None:
    assert beyond_usual(0.5, [0.2, 0.2, 0.9]) == pytest.approx(0.3 / 0.8)
    assert beyond_usual(0.1, [0.2]) == 0.0
    assert beyond_usual(1.0, [1.0]) == 0.0


def test_crops_are_the_windows_at_every_shift() -> None:
    own, _, _ = scenes(0, 0)
    reach = round(REACH * SIZE)
    window = Windows(own, np.array([3]), np.array([[20, 31]]), Shape("mark", 8, 8))
    found = crops(window, reach)
    span = 2 * reach + 1
    assert found.shape == (1, span * span, 6 * 64)
    for down, right in ((-reach, 0), (0, 0), (2, -1)):
        values = own.gradients[3, :, 20 + down : 28 + down, 31 + right : 39 + right]
        place = (down + reach) * span + right + reach
        assert np.array_equal(found[0, place], values.ravel())
    assert stereotypy(np.repeat(found, 4, axis=0)) == pytest.approx(1.0)


def test_crops_hold_nothing_beyond_the_picture() -> None:
    own, _, _ = scenes(0, 0)
    window = Windows(own, np.array([3]), np.array([[0, SIZE - 8]]), Shape("mark", 8, 8))
    found = crops(window, 2).reshape(5, 5, 6, 8, 8)
    assert np.array_equal(found[2, 2], own.gradients[3, :, :8, SIZE - 8 :])
    assert np.array_equal(found[0, 4, :, 2:, :-2], own.gradients[3, :, :6, SIZE - 6 :])
    assert not found[0, 4, :, :2].any()
    assert not found[0, 4, ..., -2:].any()
