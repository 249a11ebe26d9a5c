"""Statistics of objects whose shape is known, and objects that are given another one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from auditor.causal.object_geometry import warped
from auditor.shortcuts.whole_pictures.global_statistics import (
    ACROSS,
    DOWN,
    ELONGATION,
    ORIENTATION,
    SIZE,
)
from auditor.shortcuts.whole_pictures.object_geometry import motion, object_statistics

HEIGHT, WIDTH = 80, 100


def ellipse(centre: tuple[float, float], length: float, width: float, degrees: float) -> np.ndarray:
    """Return an ellipse with its long axis so many degrees from upright, to the right below."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    x, y = x - centre[0], y - centre[1]
    turn = np.radians(degrees)
    along, aside = x * np.sin(turn) + y * np.cos(turn), x * np.cos(turn) - y * np.sin(turn)
    mask: np.ndarray = (along / length) ** 2 + (aside / width) ** 2 <= 1
    return mask


def after(mask: np.ndarray, wanted: dict[str, float], *, opposite: bool = False) -> np.ndarray:
    image = torch.from_numpy(mask.astype(np.float32))[None, None]
    done = [motion(mask, wanted, opposite=opposite)]
    moved: np.ndarray = warped(image, done, "zeros")[0, 0].numpy() > 0.5
    return moved


def of(mask: np.ndarray) -> dict[str, float]:
    return {name: float(column[0]) for name, column in object_statistics(mask[None]).items()}


@pytest.mark.parametrize("degrees", [0.0, 25.0, -60.0, 90.0])
def test_statistics_of_an_ellipse_are_those_it_was_drawn_with(degrees: float) -> None:
    found = of(ellipse((60, 35), 20, 10, degrees))
    assert found[SIZE] == pytest.approx(np.pi * 200 / (HEIGHT * WIDTH), rel=0.03)
    assert found[ACROSS] == pytest.approx(0.6, abs=0.005)
    assert found[DOWN] == pytest.approx(35 / HEIGHT, abs=0.005)
    assert found[ELONGATION] == pytest.approx(2.0, rel=0.03)
    assert found[ORIENTATION] == pytest.approx(abs(degrees), abs=1.5)


def test_a_round_object_has_no_orientation_and_a_line_has_a_length() -> None:
    assert np.isnan(of(ellipse((50, 40), 15, 14, 30))[ORIENTATION])
    line = np.zeros((HEIGHT, WIDTH), bool)
    line[40, 10:40] = True
    assert of(line)[ORIENTATION] == 90
    assert 10 < of(line)[ELONGATION] < 100


@pytest.mark.parametrize(
    "wanted",
    [
        {SIZE: 0.03},
        {SIZE: 0.16},
        {ACROSS: 0.3},
        {DOWN: 0.6},
        {ACROSS: 0.35, DOWN: 0.55},
        {ELONGATION: 1.3},
        {ELONGATION: 2.6},
        {ORIENTATION: 0.0},
        {ORIENTATION: 80.0},
    ],
)
def test_an_object_gets_what_is_wanted_and_keeps_the_rest(wanted: dict[str, float]) -> None:
    mask = ellipse((50, 40), 18, 9, -35)
    found = of(after(mask, wanted))
    for name, value in (of(mask) | wanted).items():
        close = 1.0 if name == ORIENTATION else 0.01
        assert found[name] == pytest.approx(value, rel=0.05, abs=close), name


def test_the_control_goes_as_far_the_other_way() -> None:
    mask = ellipse((50, 40), 18, 9, -35)
    before = of(mask)
    size = of(after(mask, {SIZE: before[SIZE] * 2}, opposite=True))[SIZE]
    assert size == pytest.approx(before[SIZE] / 2, rel=0.05)
    place = of(after(mask, {ACROSS: 0.4}, opposite=True))
    assert place[ACROSS] == pytest.approx(0.6, abs=0.01)
    longer = of(after(mask, {ELONGATION: 2.6}, opposite=True))[ELONGATION]
    assert longer == pytest.approx(before[ELONGATION] ** 2 / 2.6, rel=0.05)
    uneven = mask & ~ellipse((60, 25), 6, 6, 0)
    turned = after(uneven, {ORIENTATION: 80.0}, opposite=True)
    assert of(turned)[ORIENTATION] == pytest.approx(of(uneven)[ORIENTATION], abs=1)
    assert (turned ^ uneven).sum() > 60


@pytest.mark.parametrize("wanted", [{ACROSS: 0.02}, {DOWN: 1.0}, {SIZE: 0.9}, {ELONGATION: 9.0}])
def test_an_object_stays_whole_in_the_picture(wanted: dict[str, float]) -> None:
    mask = ellipse((60, 35), 20, 10, 25)
    moved = np.pad(after(mask, wanted), 1)
    twice = np.pad(mask, 1)
    if not {ACROSS, DOWN} & wanted.keys():
        assert moved.sum() > twice.sum()
    else:
        assert moved.sum() == pytest.approx(twice.sum(), rel=0.05)
    # Where it meets the border it only touches it.
    rows, columns = np.nonzero(moved)
    touching = [(rows == 1).sum(), (rows == HEIGHT).sum()]
    touching += [(columns == 1).sum(), (columns == WIDTH).sum()]
    assert max(touching) < 0.8 * moved.sum() ** 0.5


def test_images_move_as_a_slow_transform_moves_them() -> None:
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), 3).astype(np.float32)
    done = motion(ellipse((60, 35), 20, 10, 25), {ORIENTATION: 70.0, ACROSS: 0.5})
    found = warped(torch.from_numpy(image)[None, None], [done])[0, 0].numpy()
    back = np.linalg.inv(done.matrix)[::-1, ::-1]
    offset = done.start[::-1] - 0.5 - back @ (done.end[::-1] - 0.5)
    slow = ndimage.affine_transform(image, back, offset, order=1, mode="nearest")
    np.testing.assert_allclose(found, slow, atol=1e-4)
