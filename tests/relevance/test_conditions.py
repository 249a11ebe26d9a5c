"""Pairs, positions and chunks of conditional heatmaps."""

from __future__ import annotations

import pytest
import torch

from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep import sweeps
from auditor.relevance.sweep.conditions import Concept
from tests.relevance import models
from tests.relevance.conftest import explained
from tests.relevance.test_networks import distance


@pytest.fixture
def explainer() -> Explainer:
    return explained("resnet_basic")[1]


LAYER = "layer2.0"
SAMPLES = [2, 0, 0, 2, 1, 2]
CONCEPTS: list[Concept] = [5, 1, (0, 3), 1, 7, (2, 4, 6)]


def test_pairs_are_rows_of_the_cartesian_product(explainer: Explainer) -> None:
    x = models.images(3)
    found = explainer.paired_heatmaps(x, LAYER, SAMPLES, CONCEPTS)
    for row, (sample, concept) in enumerate(zip(SAMPLES, CONCEPTS, strict=True)):
        one = explainer.conditional_heatmaps(x[sample : sample + 1], LAYER, [concept])[0, 0]
        assert distance(found[row], one) < 1e-10


@pytest.mark.parametrize("budget", [1, 3_000_000])
def test_chunks_change_nothing(
    explainer: Explainer, monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    x = models.images(3)
    whole = explainer.paired_heatmaps(x, LAYER, SAMPLES, CONCEPTS)
    monkeypatch.setattr(sweeps, "BUDGET_BYTES", {"cpu": budget})
    monkeypatch.setattr(sweeps, "PART_BYTES", {"cpu": budget // 50})
    assert distance(explainer.paired_heatmaps(x, LAYER, SAMPLES, CONCEPTS), whole) < 1e-10


def test_positions_of_a_concept_add_up_to_its_heatmap(explainer: Explainer) -> None:
    x = models.images(1)
    area = explainer.activations(x, (LAYER,))[LAYER][0, 0].numel()
    parts = explainer.paired_heatmaps(x, LAYER, [0] * area, [4] * area, positions=range(area))
    whole = explainer.paired_heatmaps(x, LAYER, [0], [4], positions=[None])
    assert distance(parts.sum(0), whole[0]) < 1e-10
    assert distance(parts[0], whole[0]) > 0.1


def test_targets_choose_the_class(explainer: Explainer) -> None:
    x = models.images(2)
    targets = torch.tensor([1, 4])
    out = explainer.explain(x, targets, (LAYER,))
    swapped = explainer.explain(x, targets.flip(0), (LAYER,))
    assert torch.equal(out.targets, targets)
    assert distance(swapped.relevance[LAYER], out.relevance[LAYER]) > 0.1
    everything = tuple(range(explainer.channels(LAYER)))
    maps = explainer.conditional_heatmaps(x, LAYER, [everything], targets)
    assert out.heatmap is not None
    assert distance(maps[0], out.heatmap) < 1e-10


def test_the_same_batch_gives_the_same_bits(explainer: Explainer) -> None:
    x = models.images(3)
    state = torch.random.get_rng_state()
    first = explainer.paired_heatmaps(x, LAYER, SAMPLES, CONCEPTS)
    second = explainer.paired_heatmaps(x, LAYER, SAMPLES, CONCEPTS)
    assert torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_units_of_a_linear_layer_are_concepts() -> None:
    _, explainer = explained("vgg")
    x = models.images(2)
    out = explainer.explain(x, layers=("classifier.1",))
    assert out.relevance["classifier.1"].shape == (2, 32, 1, 1)
    maps = explainer.conditional_heatmaps(x, "classifier.1", range(32))
    assert out.heatmap is not None
    assert distance(maps.sum(0), out.heatmap) < 1e-10


def test_without_heatmap_relevance_is_the_same(explainer: Explainer) -> None:
    x = models.images(2)
    layers = ("layer1.0.conv1", "layer3.0")
    whole = explainer.explain(x, layers=layers)
    top = explainer.explain(x, layers=layers, heatmap=False)
    assert top.heatmap is None
    assert top.conservation is None
    for layer in layers:
        assert distance(top.relevance[layer], whole.relevance[layer]) < 1e-12
        assert torch.equal(top.activation[layer], whole.activation[layer])
    assert torch.equal(explainer.activations(x, layers)["layer3.0"], whole.activation["layer3.0"])
