"""What must hold for every family (METHOD.md, section 5, items 1 to 5)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from auditor.relevance.explainer import Explainer
from auditor.relevance.rules.composites import COMPOSITES
from auditor.relevance.sweep import sweeps
from auditor.relevance.sweep.conditions import Concept
from tests.relevance import models
from tests.relevance.conftest import explained


def test_the_captured_forward_is_the_models(family: str) -> None:
    model, explainer = explained(family)
    x = models.images(3, family)
    with torch.no_grad():
        expected = model(x)
    assert distance(explainer.predict(x), expected) < 1e-12


def test_the_captured_forward_is_the_models_in_float32() -> None:
    model = models.make("resnet_basic").float()
    x = models.images(3).float()
    with torch.no_grad():
        expected = model(x)
    assert distance(Explainer(model, x[:1]).predict(x), expected) < 1e-5


def test_relevance_is_conserved_without_biases(family: str) -> None:
    check_conservation(family, "epsilon-plus-flat")


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("name", ["resnet_basic", "own"])
def test_every_composite_conserves_relevance(name: str, composite: str) -> None:
    if name == "own" and composite == "gradient-input":
        pytest.skip("gradient times input is not conserved where activations are curved")
    check_conservation(name, composite)


def check_conservation(family: str, composite: str) -> None:
    _, explainer = explained(family, composite, True, 0.0)
    cutting = [layer for layer in explainer.layers if explainer.cuts(layer)]
    out = explainer.explain(models.images(2, family), layers=cutting)
    logits = out.logits.gather(1, out.targets[:, None])[:, 0]
    assert out.conservation is not None
    assert len(cutting) >= 3
    assert torch.allclose(out.conservation, torch.ones_like(logits), rtol=0, atol=1e-8)
    for layer in cutting:
        assert torch.allclose(out.relevance[layer].sum((1, 2, 3)), logits, rtol=1e-8), layer


def test_concepts_of_a_cutting_layer_add_up_to_the_heatmap(family: str) -> None:
    _, explainer = explained(family)
    assert additivity_gap(explainer, models.images(2, family)) < 1e-10


def test_additivity_catches_a_mask_that_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    _, explainer = explained("resnet_basic")

    def unmasked(coefficient: Tensor, masks: object, fold: sweeps.Fold, *_: object) -> Tensor:
        return fold.gather(coefficient).clone()

    monkeypatch.setattr(sweeps, "masked", unmasked)
    monkeypatch.setattr(sweeps, "_few_channels", lambda *_: None)
    assert additivity_gap(explainer, models.images(2, "resnet_basic")) > 1


def additivity_gap(explainer: Explainer, x: Tensor) -> float:
    """Return how far the maps of all concepts, the later ones in subspaces, are from the plain."""
    layer = explainer.automatic_layers()[0]
    assert explainer.cuts(layer)
    plain = explainer.explain(x).heatmap
    count = explainer.channels(layer)
    concepts: list[Concept] = [0, 1, 2, 3]
    concepts += [tuple(range(first, count, 4)) for first in range(4, 8)]
    maps = explainer.conditional_heatmaps(x, layer, concepts)
    assert plain is not None
    return distance(maps.sum(0), plain)


def test_concepts_inside_a_block_add_up_to_the_flow_through_it() -> None:
    _, explainer = explained("resnet_basic")
    layer = "layer2.0.conv2"
    x = models.images(2)
    assert not explainer.cuts(layer)
    everything = tuple(range(explainer.channels(layer)))
    maps = explainer.conditional_heatmaps(x, layer, [everything[:5], everything[5:], everything])
    plain = explainer.explain(x).heatmap
    assert plain is not None
    assert distance(maps[:-1].sum(0), maps[-1]) < 1e-10
    assert distance(maps[-1], plain) > 1e-2


def test_relevance_in_the_table_is_the_sum_of_the_conditional_heatmap(family: str) -> None:
    # Without biases below the layer, nothing is absorbed on the way to the pixels.
    _, explainer = explained(family, "epsilon-plus-flat", True, 0.0)
    x = models.images(2, family)
    for layer in explainer.automatic_layers():
        table = explainer.explain(x, layers=(layer,), heatmap=False)
        concepts = [0, 2, (1, 3)]
        maps = explainer.conditional_heatmaps(x, layer, concepts)
        summed = table.relevance[layer].sum((2, 3))
        expected = torch.stack([summed[:, 0], summed[:, 2], summed[:, 1] + summed[:, 3]])
        assert torch.allclose(maps.sum((2, 3)), expected, rtol=1e-7, atol=1e-12)


def test_rows_do_not_depend_on_their_batch(family: str) -> None:
    _, explainer = explained(family)
    x = models.images(8, family)
    layer = explainer.automatic_layers()[-1]
    whole = explainer.explain(x, layers=(layer,))
    order = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    shuffled = explainer.explain(x[order], layers=(layer,))
    assert whole.heatmap is not None
    assert shuffled.heatmap is not None
    assert distance(shuffled.heatmap, whole.heatmap[order]) < 1e-9
    for size in (1, 7):
        parts = [explainer.explain(each, layers=(layer,)) for each in x.split(size)]
        relevance = torch.cat([part.relevance[layer] for part in parts])
        assert distance(relevance, whole.relevance[layer]) < 1e-9
        heatmaps = torch.cat([part.heatmap for part in parts if part.heatmap is not None])
        assert distance(heatmaps, whole.heatmap) < 1e-9


def distance(found: Tensor, expected: Tensor) -> float:
    """Return the relative L2 distance."""
    return float((found - expected).norm() / expected.norm())
