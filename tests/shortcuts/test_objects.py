"""The object of a picture: found by its colour against the border's, or as the user marked it."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.objects import _salience, estimated, objects_of

SIDE = 48


def picture(seed: int, *, with_object: bool = True, border: bool = False) -> np.ndarray:
    """Return noise of one colour with a striped disc in it, or without, or at the border."""
    rng = np.random.default_rng(seed)
    image = np.array([90, 120, 60]) + rng.integers(-25, 25, (SIDE, SIDE, 1))
    if with_object:
        disc = truth(border=border)
        stripes = np.where(np.indices(disc.shape)[1] % 6 < 3, 200, 150)[disc]
        image[disc] = np.stack([stripes, stripes // 3, stripes // 4], axis=1)
    return np.clip(image, 0, 255).astype(np.uint8)


def truth(*, border: bool = False) -> np.ndarray:
    rows, columns = np.indices((SIDE, SIDE))
    middle = 5 if border else SIDE / 2 + 3
    disc: np.ndarray = np.hypot(rows - SIDE / 2, columns - middle) < 13
    return disc


def test_an_object_is_told_from_what_leads_to_the_border() -> None:
    mask, certainty = estimated(picture(0))
    overlap = (mask & truth()).sum() / (mask | truth()).sum()
    assert overlap > 0.8
    assert certainty > 0.5


def test_of_a_picture_of_one_texture_nothing_is_used() -> None:
    images = np.stack([picture(1, with_object=False), picture(2), np.full((SIDE, SIDE, 3), 90)])
    found = objects_of(images.astype(np.uint8))
    assert found.usable.tolist() == [False, True, False]
    assert found.certainty[0] < found.certainty[1]


def test_the_users_mask_counts_where_there_is_one() -> None:
    images = np.stack([picture(3), picture(4)])
    marked = np.full((2, SIDE, SIDE), np.nan)
    marked[0] = 0.0
    marked[0, :20, :20] = 1.0
    found = objects_of(images, marked)
    assert found.marked.tolist() == [True, False]
    assert found.masks[0].sum() == 400
    assert found.certainty[0] == 1.0
    assert (found.masks[1] & truth()).sum() > 0.8 * truth().sum()


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_an_object_without_a_surround_or_a_speck_is_left_out(share: float) -> None:
    marked = np.zeros((1, SIDE, SIDE))
    marked[0, : max(1, round(share * SIDE))] = 1.0
    assert not objects_of(picture(5)[None], marked).usable.any()


def test_a_large_picture_gives_the_same_object_as_a_small_one() -> None:
    small, _ = estimated(picture(6))
    large, _ = estimated(picture(6).repeat(4, axis=0).repeat(4, axis=1))
    shrunk = large[::4, ::4]
    assert (small & shrunk).sum() / (small | shrunk).sum() > 0.7


def test_of_two_things_alike_the_one_in_the_middle_stands_out_more() -> None:
    shown = picture(7, with_object=False).astype(int)
    rows, columns = np.indices((SIDE, SIDE))
    middle, beside = (np.hypot(rows - 24, columns - column) < 5 for column in (24, 40))
    shown[middle | beside] = (200, 60, 50)
    salient = _salience(shown.astype(np.uint8))
    # By the colours of the border alone it would be .04.
    assert salient[middle].mean() - salient[beside].mean() > 0.07


def test_a_picture_that_is_asked_about_again_has_the_same_object_of_its_own() -> None:
    shown = picture(4)
    first, certainty = estimated(shown)
    kept = first.copy()
    first[:] = True
    again, as_sure = estimated(shown.copy())
    assert again.any()
    assert np.array_equal(again, kept)
    assert as_sure == certainty
    other, _ = estimated(shown[::-1])
    assert not np.array_equal(other, kept)
