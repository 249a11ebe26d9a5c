"""Surfaces of objects: what is read of them, and pieces of one laid on another."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.whole_pictures.global_factors import auc_of
from auditor.shortcuts.whole_pictures.object_surface import (
    FEATURES,
    OF_PATTERN,
    covered_with,
    likeness,
    piece_of,
    places,
    surface_features,
    with_colour_of,
)

SIDE = 64


def disc(radius: float = 20.0) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    mask: np.ndarray = np.hypot(y, x) < radius
    return mask


def picture(grey: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(np.repeat(grey[..., None], 3, axis=2)), 0, 255).astype(np.uint8)


def of(shown: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, surface_features(shown[None], mask[None])[0], strict=True))


def test_places_are_those_where_a_piece_lies_in_the_mask() -> None:
    mask = disc()
    mask[30, 40] = False
    slow = [
        (row, column)
        for row in range(SIDE - 6)
        for column in range(SIDE - 6)
        if mask[row : row + 7, column : column + 7].all()
    ]
    assert [tuple(each) for each in places(mask, 7)] == slow
    assert len(places(np.ones((3, 20), bool), 4)) == 0


def test_a_cover_is_made_of_pieces_of_the_object_alone() -> None:
    rng = np.random.default_rng(0)
    inside = disc()
    image = np.where(inside, rng.uniform(1, 2, (3, SIDE, SIDE)), 100.0).astype(np.float32)
    side = piece_of(SIDE, SIDE)
    for mask in (disc(28), disc(3), np.ones((SIDE, SIDE), bool), np.eye(SIDE, dtype=bool)):
        cover = covered_with(image, places(inside, side), side, mask, rng)
        assert cover.shape == image.shape
        assert cover.dtype == np.float32
        assert cover[:, mask].min() >= 1 - 1e-5
        assert cover[:, mask].max() <= 2 + 1e-5


def test_a_cover_is_the_mean_of_the_pieces_that_overlap_weighed_by_how_far_in() -> None:
    rng = np.random.default_rng(5)
    image = rng.uniform(size=(3, SIDE, SIDE))
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[10:43, 5:22] = True
    corners = places(disc(), 8)
    cover = covered_with(image, corners, 8, mask, np.random.default_rng(6))
    step, joint = 6, 2
    drawn = iter(corners[np.random.default_rng(6).integers(len(corners), size=6 * 4)])
    total, weight = np.zeros((3, 90, 90)), np.zeros((90, 90))
    for y in range(10 - joint, 10 - joint + 6 * step, step):
        for x in range(5 - joint, 5 - joint + 4 * step, step):
            row, column = next(drawn)
            for i in range(8):
                for j in range(8):
                    fade = min(1.0, (min(i, 7 - i) + 1) / 3) * min(1.0, (min(j, 7 - j) + 1) / 3)
                    total[:, y + i, x + j] += fade * image[:, row + i, column + j]
                    weight[y + i, x + j] += fade
    slow = total[:, :SIDE, :SIDE][:, mask] / weight[:SIDE, :SIDE][mask]
    assert np.allclose(cover[:, mask], slow)


def test_a_cover_keeps_the_pattern_and_the_direction_of_its_pieces() -> None:
    stripes = np.zeros((1, SIDE, SIDE), np.float32)
    stripes[:, :, ::2] = 1.0
    even = [place for place in places(disc(), 8) if place[1] % 2 == 0]
    cover = covered_with(stripes, np.array(even), 8, disc(25), np.random.default_rng(1))[0]
    across, down = (np.abs(np.diff(cover, axis=axis))[20:40, 20:40].mean() for axis in (1, 0))
    assert across > 0.5 > 10 * down


def test_light_and_dark_are_laid_in_the_colour_of_the_other() -> None:
    rng = np.random.default_rng(2)
    mask = disc()
    image, like = rng.normal(0, 1, (2, 3, SIDE, SIDE))
    image[0] += 4
    like = 5 * rng.uniform(size=(3, 1, 1)) + 3 * like
    toned = with_colour_of(image, like, mask)
    grey = image.mean(axis=0)[mask]
    for channel in range(3):
        own = toned[channel][mask]
        assert own.mean() == pytest.approx(like[channel][mask].mean())
        assert own.std() == pytest.approx(grey.std())
        assert np.corrcoef(own, grey)[0, 1] == pytest.approx(1)
    white = with_colour_of(image, np.full_like(image, image[:, mask].max()), mask)
    assert white[:, mask].max() <= image[:, mask].max()


def test_features_are_of_the_surface_and_not_of_what_surrounds_it() -> None:
    rng = np.random.default_rng(3)
    mask = disc()
    shown = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    elsewhere = np.where(mask[..., None], shown, 0).astype(np.uint8)
    assert of(shown, mask) == pytest.approx(of(elsewhere, mask))


def test_fine_detail_is_told_from_coarse_in_any_light() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    mask = disc()
    weave = 40 * np.where((x + y) % 2, 1, -1)
    spots = 40 * np.where((x // 6 + y // 6) % 2, 1, -1)
    woven, spotted = (of(picture(128 + each), mask) for each in (weave, spots))
    assert woven["fine"] > spotted["fine"] + 0.3
    assert spotted["coarse"] > woven["coarse"] + 1
    dark = of(picture(64 + weave / 2), mask)
    assert dark["fine"] == pytest.approx(woven["fine"], abs=0.05)
    assert dark["contrast"] == pytest.approx(woven["contrast"] / 2, abs=0.5)
    red = picture(128 + weave)
    red[..., 1:] //= 2
    assert of(red, mask)["red-green"] > 50


def test_features_of_the_pattern_tell_no_colour_and_the_direction_of_stripes() -> None:
    stripes = 40 * np.where(np.arange(SIDE) % 4 < 2, 1, -1)
    across = np.tile(128 + stripes, (SIDE, 1))
    shown = np.stack([picture(across), picture(across), picture(across.T)])
    shown[1] = np.clip(shown[1] + np.array([60, 0, -60]), 0, 255)
    plain, red, turned = surface_features(shown, np.stack([disc()] * 3))
    assert red[OF_PATTERN] == pytest.approx(plain[OF_PATTERN], abs=0.02)
    assert turned[OF_PATTERN][:-1] == pytest.approx(plain[OF_PATTERN][:-1], abs=0.02)
    assert plain[-1] > 2
    assert turned[-1] == pytest.approx(-plain[-1])


def test_likeness_is_judged_by_other_surfaces_than_its_own() -> None:
    rng = np.random.default_rng(4)
    own = np.arange(60) < 20
    features = rng.normal(0, 1, (60, 7))
    by_chance = likeness(features, own, rng)
    assert 0.2 < auc_of(by_chance[own], by_chance[~own]) < 0.7
    features[own, 5] += 4
    told = likeness(features, own, rng)
    assert auc_of(told[own], told[~own]) > 0.95
    assert (told[own] > 0).mean() > 0.9
    assert (told[~own] > 0).mean() < 0.1
