"""Edits of images do what they say, pixel by pixel."""

from __future__ import annotations

import numpy as np
import torch

from auditor.interventions.pixels import FEATHER, blend, distinct, feathered, inpainted


def mask_of(top: int, left: int, height: int, width: int, side: int = 24) -> torch.Tensor:
    mask = torch.zeros(1, side, side, dtype=torch.bool)
    mask[:, top : top + height, left : left + width] = True
    return mask


def test_weights_are_one_inside_fall_outside_and_vanish_beyond_the_feather() -> None:
    mask = mask_of(8, 8, 6, 6)
    weights = feathered(mask)[0, 0]
    assert (weights[mask[0]] == 1).all()
    profile = weights[10, : 8 + 1]
    assert (profile.diff() >= 0).all()
    assert profile[8 - 2 * FEATHER - 1] == 0
    assert 0 < profile[7] < 1


def test_a_mask_at_the_border_stays_whole() -> None:
    weights = feathered(mask_of(0, 0, 24, 5))[0, 0]
    assert (weights[:, :5] == 1).all()
    assert (weights[:, 5 + 2 * FEATHER :] == 0).all()


def test_blending_is_the_formula() -> None:
    base, content = torch.rand(1, 3, 24, 24), torch.rand(1, 3, 24, 24)
    weights = feathered(mask_of(3, 4, 5, 6))
    expected = (1 - weights) * base + weights * content
    assert torch.allclose(blend(base, content, weights), expected, atol=1e-6)


def test_inpainting_does_not_look_into_the_hole_and_continues_what_is_around() -> None:
    ramp = torch.linspace(0, 1, 24).expand(1, 3, 24, 24).clone()
    mask = mask_of(8, 8, 8, 8)
    first, second = ramp.clone(), ramp.clone()
    first[:, :, 8:16, 8:16] = 9.0
    second[:, :, 8:16, 8:16] = -5.0
    deep = mask_of(8 + FEATHER, 8 + FEATHER, 4, 4)[0]
    filled = [inpainted(image, mask)[0, 0][deep] for image in (first, second)]
    assert torch.allclose(filled[0], filled[1])
    assert (filled[0] - ramp[0, 0][deep]).abs().max() < 0.15


def test_inpainting_a_flat_image_changes_nothing() -> None:
    flat = torch.full((1, 3, 24, 24), 0.4)
    assert torch.allclose(inpainted(flat, mask_of(2, 2, 9, 9)), flat, atol=1e-6)


def test_distinct_masks_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((40, 9, 7)) > 0.5
    masks = np.concatenate([masks, masks[:20], np.zeros((3, 9, 7), bool)])[rng.permutation(63)]
    different, which = distinct(masks)
    expected, places = np.unique(masks, axis=0, return_inverse=True)
    assert np.array_equal(different, expected)
    assert np.array_equal(which, places.ravel())
