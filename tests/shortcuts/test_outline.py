"""Outlines of marks that are drawn on noise: where they are, wherever they are, or nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.outline import (
    Matcher,
    look_of,
    mark_anywhere,
    mark_at,
    relevant_at,
    relevant_in_each,
    set_apart,
)

SIZE, SIDE = 48, 10


def noise(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(40, 200, (count, SIZE, SIZE, 3), dtype=np.uint8)


def pattern() -> np.ndarray:
    rows, columns = np.indices((SIDE, SIDE))
    stripes = ((rows + 2 * columns) // 4 % 2)[..., None]
    return np.where(stripes, (250, 214, 30), (30, 60, 190)).astype(np.uint8)


def marked(corners: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return noise with the pattern at each corner, and where it lies."""
    pictures, truth = noise(len(corners), seed), np.zeros((len(corners), SIZE, SIZE), bool)
    for picture, mask, (top, left) in zip(pictures, truth, corners, strict=True):
        picture[top : top + SIDE, left : left + SIDE] = pattern()
        mask[top : top + SIDE, left : left + SIDE] = True
    return pictures, truth


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    either = (first | second).sum(axis=(1, 2))
    ratio: np.ndarray = (first & second).sum(axis=(1, 2)) / np.maximum(either, 1)
    return ratio


def windows(truth: np.ndarray, grown: int) -> np.ndarray:
    """Return a window around each mark, by so many pixels too large."""
    masks = np.zeros_like(truth)
    for mask, mark in zip(masks, truth, strict=True):
        top, left = np.argwhere(mark).min(axis=0)
        mask[
            max(0, top - grown) : top + SIDE + grown, max(0, left - grown) : left + SIDE + grown
        ] = 1
    return masks


def test_a_mark_at_its_place_is_outlined_whole_from_a_window_that_cuts_it() -> None:
    pictures, truth = marked(np.tile((30, 8), (12, 1)))
    half = truth.copy()
    half[:, :, 13:] = False
    mark = mark_at(set_apart(pictures, look_of(noise(40, 1))), half, 0.5)
    assert iou(mark[None], truth[:1]).item() > 0.7


def test_nothing_is_outlined_where_pictures_have_nothing_in_common() -> None:
    cores = np.zeros((12, SIZE, SIZE), bool)
    cores[:, 30:40, 8:18] = True
    assert not mark_at(set_apart(noise(12, 0), look_of(noise(40, 1))), cores, 0.5).any()
    assert not set_apart(noise(3, 0), look_of(noise(40, 1))).any()
    assert not set_apart(noise(12, 0), look_of(noise(3, 1))).any()
    assert not mark_anywhere(
        Matcher(noise(12, 0)),
        Matcher(noise(40, 1)),
        cores,
        np.arange(8),
        0.5,
        np.random.default_rng(0),
    )


@pytest.mark.parametrize("corners", ["anywhere", "two corners"])
def test_a_mark_that_moves_is_outlined_where_it_is(corners: str) -> None:
    rng = np.random.default_rng(3)
    places = rng.integers(0, SIZE - SIDE, (24, 2))
    if corners == "two corners":
        places = np.where(np.arange(24)[:, None] % 2, (2, 2), (2, SIZE - SIDE - 2))
    pictures, truth = marked(places)
    # The region knows the mark's place in the references alone.
    masks = windows(truth, 3)
    references = np.arange(1, 16, 2)
    masks[0::2] = masks[1]
    (outline,) = mark_anywhere(
        Matcher(pictures), Matcher(noise(40, 1)), masks, references, [0.5], np.random.default_rng(0)
    )
    assert np.median(iou(outline, truth)) > 0.7
    assert np.quantile(iou(outline, truth), 0.1) > 0.5


def test_larger_pictures_are_searched_shrunk() -> None:
    pictures, truth = marked(np.tile((30, 8), (12, 1)))
    large = [np.kron(each, np.ones((1, 3, 3, 1), np.uint8)) for each in (pictures, noise(40, 1))]
    masks = np.kron(windows(truth, 2).astype(np.uint8), np.ones((1, 3, 3), np.uint8)).astype(bool)
    members, others = (Matcher(each) for each in large)
    assert members.small.shape == (12, 3, SIZE, SIZE)
    (outline,) = mark_anywhere(
        members, others, masks, np.arange(8), [0.5], np.random.default_rng(0)
    )
    whole = np.kron(truth.astype(np.uint8), np.ones((1, 3, 3), np.uint8)).astype(bool)
    assert np.median(iou(outline, whole)) > 0.7


def test_relevance_is_outlined_at_its_place_and_in_each_picture() -> None:
    heat = np.full((6, SIZE, SIZE), 0.01, dtype=np.float32)
    heat[:, 10:20, 10:30] = 1.0
    heat[:, 40:44, 40:44] = 1.0
    heat[0, 10:20, 10:20] = 0.0
    cores = np.zeros((6, SIZE, SIZE), bool)
    cores[:, 8:22, 8:22] = True
    truth = np.zeros((SIZE, SIZE), bool)
    truth[10:20, 10:30] = True
    assert (relevant_at(heat, cores, 0.3) == truth).all()
    each = relevant_in_each(heat, cores, 0.3)
    assert (each[1] == truth).all()
    assert not each[0, 10:20, 10:20].any()
    assert not relevant_in_each(np.zeros_like(heat), cores, 0.3).any()
