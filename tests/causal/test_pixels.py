"""Edits of images do what they say, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auditor.causal.pixels import blend, distinct, feathered, inpainted
from auditor.shortcuts.propose.windows import FEATHER


def mask_of(top: int, left: int, height: int, width: int, side: int = 24) -> torch.Tensor:
    mask = torch.zeros(1, side, side, dtype=torch.bool)
    mask[:, top : top + height, left : left + width] = True
    return mask


def slow_weights(mask: np.ndarray) -> np.ndarray:
    """Compute every weight by looking at every pixel of the picture."""
    outside = np.argwhere(~mask)
    depth = np.zeros(mask.shape)
    for place in np.argwhere(mask):
        away = np.abs(outside - place).max(axis=1).min() if len(outside) else np.inf
        depth[tuple(place)] = min(away, FEATHER + 1)
    weights = depth / (FEATHER + 1)
    for top, left in np.argwhere(mask):
        around = depth[max(top - 1, 0) : top + 2, max(left - 1, 0) : left + 2]
        if depth[top, left] == around.max():
            weights[top, left] = 1.0
    return weights


def drawn_masks() -> dict[str, np.ndarray]:
    """Return masks of every kind that is proposed, and some that are not."""
    rng = np.random.default_rng(0)
    masks = {f"noise {k}": rng.random((17, 23)) > k / 4 for k in range(1, 4)}
    for thick in range(1, 8):
        masks[f"line {thick}"] = np.zeros((17, 23), bool)
        masks[f"line {thick}"][5 : 5 + thick] = True
        masks[f"frame {thick}"] = np.ones((17, 23), bool)
        masks[f"frame {thick}"][thick:-thick, thick:-thick] = False
        masks[f"diagonal {thick}"] = np.abs(np.subtract.outer(range(17), range(23))) < thick
        masks[f"corner {thick}"] = np.zeros((17, 23), bool)
        masks[f"corner {thick}"][-thick:, -thick:] = True
    masks["everything"], masks["nothing"] = np.ones((17, 23), bool), np.zeros((17, 23), bool)
    return masks


@pytest.mark.parametrize("name", drawn_masks())
def test_what_is_edited_is_the_mask_no_more_and_no_less(name: str) -> None:
    mask = drawn_masks()[name]
    weights = feathered(torch.from_numpy(mask)[None])[0, 0].numpy()
    assert np.array_equal(weights > 0, mask)
    assert weights == pytest.approx(slow_weights(mask))
    assert weights.max() == mask.any()


def test_weights_rise_over_the_feather_inside_but_not_at_the_border_of_the_picture() -> None:
    weights = feathered(mask_of(8, 0, 16, 9))[0, 0]
    assert weights[20, :9].tolist() == pytest.approx([1, 1, 1, 1, 1, 1, 1, 2 / 3, 1 / 3])
    assert weights[7:14, 3].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 1, 1])


@pytest.mark.parametrize(("thick", "expected"), [(1, [1]), (2, [1, 1]), (3, [1 / 3, 1, 1 / 3])])
def test_a_thin_line_is_whole_in_its_middle(thick: int, expected: list[float]) -> None:
    weights = feathered(mask_of(8, 0, thick, 24))[0, 0]
    assert weights[8 : 8 + thick, 12].tolist() == pytest.approx(expected)


def test_a_line_that_meets_a_block_is_whole_too() -> None:
    mask = mask_of(4, 4, 9, 9) | mask_of(8, 13, 1, 11)
    assert (feathered(mask)[0, 0, 8, 14:] == 1).all()


def test_editing_leaves_every_pixel_outside_of_the_mask_as_it_was() -> None:
    images, content = torch.rand(1, 3, 24, 24), torch.rand(1, 3, 24, 24)
    mask = mask_of(5, 6, 9, 8)
    for edited in (inpainted(images, mask), blend(images, content, feathered(mask))):
        changed = (edited != images).any(1)
        assert torch.equal(changed, mask)


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
