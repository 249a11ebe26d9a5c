"""Where positions lie, against brute force: occlude every patch, see which position answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.relevance.explainer import Explainer
from auditor.relevance.graph import geometry as module
from auditor.relevance.graph.geometry import NO_GRID, UNCONFIRMED, WHOLE, Geometry, has_place
from tests.relevance.tokens import LastChannels, Tokens, swin

SHUFFLED = [int(place) for place in np.random.default_rng(0).permutation(8 * 8)]

# Name: model, size of its pictures, layer, grid, tokens without a place.
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, int], str, tuple[int, int], list[int]]]
CASES = {
    "class token": (lambda: Tokens(1), (32, 32), "blocks.1", (8, 8), [0]),
    "class token and registers": (lambda: Tokens(5), (32, 32), "blocks.0", (8, 8), [*range(5)]),
    "mean of patches": (lambda: Tokens(0), (32, 32), "blocks.1", (8, 8), []),
    "a wide picture": (lambda: Tokens(1), (16, 32), "blocks.1", (4, 8), [0]),
    "as many tokens as a square": (lambda: Tokens(4), (12, 16), "blocks.1", (3, 4), [*range(4)]),
    "class token behind": (lambda: Tokens(1, behind=True), (32, 32), "blocks.1", (8, 8), [64]),
    "patches in another order": (
        lambda: Tokens(1, order=SHUFFLED), (32, 32), "blocks.1", (8, 8), [0]
    ),
    "Swin, first stage": (swin, (48, 48), "features.1.1", (12, 12), []),
    "Swin, second stage": (swin, (48, 64), "features.3.1", (6, 8), []),
    "channels last": (LastChannels, (32, 24), "mix", (8, 6), []),
}  # fmt: skip


def explained(build: Callable[[], nn.Module], size: tuple[int, int]) -> Explainer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Explainer(build().eval(), torch.randn(1, 3, *size))


def answering(
    explainer: Explainer, layer: str, size: tuple[int, int], grid: tuple[int, int]
) -> Tensor:
    """Return which position of the layer changes most when each patch of a grid is occluded."""
    plain = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    high, wide = size[0] // grid[0], size[1] // grid[1]
    occluded = plain.repeat(grid[0] * grid[1], 1, 1, 1)
    for cell, image in enumerate(occluded):
        top, left = cell // grid[1] * high, cell % grid[1] * wide
        image[:, top : top + high, left : left + wide] = 0.0
    before = explainer.activations(plain, (layer,))[layer]
    after = explainer.activations(occluded, (layer,))[layer]
    return (after - before).abs().sum(1).flatten(1).argmax(1)


@pytest.mark.parametrize("name", CASES)
def test_every_patch_is_answered_by_the_position_that_is_said_to_lie_there(name: str) -> None:
    build, size, layer, grid, without = CASES[name]
    explainer = explained(build, size)
    found = explainer.geometry(layer)
    assert isinstance(found, Geometry)
    assert found.grid == grid
    assert np.flatnonzero(~found.placed).tolist() == without
    answers = answering(explainer, layer, size, grid)
    assert found.cell[answers.numpy()].tolist() == list(range(grid[0] * grid[1]))


@pytest.mark.parametrize("name", ["class token", "Swin, second stage", "patches in another order"])
def test_a_mask_of_one_patch_covers_its_position_and_no_other(name: str) -> None:
    build, size, layer, grid, _without = CASES[name]
    found = explained(build, size).geometry(layer)
    assert isinstance(found, Geometry)
    masks = np.zeros((grid[0] * grid[1], *size), bool)
    high, wide = size[0] // grid[0], size[1] // grid[1]
    for cell, mask in enumerate(masks):
        top, left = cell // grid[1] * high, cell % grid[1] * wide
        mask[top : top + high, left : left + wide] = True
    covered = found.covered(masks)
    assert np.array_equal(covered, (found.cell == np.arange(len(masks))[:, None]).astype(float))
    assert found.covered(masks[:1] | masks[-1:]).sum() == 2
    assert found.covered(np.ones((1, *size), bool)).sum() == found.placed.sum()


def test_what_stands_for_the_whole_picture_has_no_place() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6),
        nn.ReLU(), nn.Linear(6, 3),
    )  # fmt: skip
    explainer = explained(lambda: net, (16, 16))
    assert [explainer.geometry(layer) for layer in ("2", "4", "5")] == [WHOLE] * 3
    assert isinstance(explainer.geometry("1"), Geometry)


class Mixer(nn.Module):
    """Tokens of which each becomes a mean of all others: none has a place any more."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.over_tokens = nn.Linear(64, 64)
        self.head = nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        tokens = self.over_tokens(self.embed(images).flatten(2)).transpose(1, 2)
        logits: Tensor = self.head(torch.relu(tokens).mean(1))
        return logits


def test_tokens_that_were_mixed_without_a_way_around_have_no_place() -> None:
    explainer = explained(Mixer, (32, 32))
    layers = [each for each in explainer.layers if each.startswith("over")]
    assert all(explainer.geometry(layer) == WHOLE for layer in layers)


def test_a_grid_that_the_model_does_not_answer_to_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build, size, layer, *_rest = CASES["patches in another order"]
    explainer = explained(build, size)
    real = module.places

    def in_order(graph: object, names: set[str], device: torch.device) -> object:
        """Say of shuffled tokens that they stand in the order of the rows."""
        found = real(graph, names, device)  # type: ignore[arg-type]
        for plane in (found.rows, found.columns):
            for values in plane.values():
                values[:, 1:] = values[:, 1:][:, np.argsort(SHUFFLED)]
        return found

    monkeypatch.setattr(module, "places", in_order)
    assert explainer.geometry(layer) == UNCONFIRMED


def test_positions_that_leave_patches_out_form_no_grid() -> None:
    class Corner(Tokens):
        def forward(self, images: Tensor) -> Tensor:
            tokens = self.embed(images).flatten(2).transpose(1, 2)[:, :60]
            logits: Tensor = self.head(self.blocks(tokens).mean(1))
            return logits

    explainer = explained(lambda: Corner(0), (32, 32))
    assert explainer.geometry("blocks.1") == NO_GRID
    assert not has_place(NO_GRID, 0)


def test_a_large_window_needs_no_confirmation() -> None:
    layers = [nn.Conv2d(3 if k == 0 else 8, 8, 7, 2, 3) for k in range(4)]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    found = explained(lambda: net, (32, 32)).geometry("3")
    assert isinstance(found, Geometry)
    assert found.grid == (2, 2)
