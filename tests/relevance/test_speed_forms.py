"""What only makes the engine faster changes nothing: parts, slices, masks."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep import numerics, sweeps
from auditor.relevance.sweep.results import totals
from tests.relevance import models
from tests.relevance.conftest import explained
from tests.relevance.test_networks import distance

LAST = torch.channels_last


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("family", ["resnet_basic", "vgg", "mobilenet", "squeezenet"])
def test_slices_of_the_first_weight_change_nothing(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, explainer = explained(family)
    x = models.images(2, family)
    convolutions = [
        layer
        for layer in explainer.layers
        if explainer.layout.node(layer).operation == "conv2d" and explainer.channels(layer) >= 8
    ]
    sliced = []
    original = sweeps._few_channels
    for layer in convolutions[1:]:
        concepts = [1, 5, (2, 3)] if explainer.channels(layer) >= 8 else [0]
        monkeypatch.setattr(sweeps, "_few_channels", original)
        node = explainer.layout.node(layer)
        sliced.append(node.arguments["groups"] == 1)
        found = explainer.conditional_heatmaps(x, layer, concepts)
        monkeypatch.setattr(sweeps, "_few_channels", lambda *_: None)
        whole = explainer.conditional_heatmaps(x, layer, concepts)
        if bool(whole.any()):
            assert distance(found, whole) < 1e-11, layer
    assert sum(sliced) >= 3


class Pooled(nn.Module):
    """Pooling of every kind between two convolutions."""

    def __init__(self, pool: nn.Module, *, relu_first: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 8, 3, padding=1)
        self.pool, self.relu_first = pool, relu_first
        self.third = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(torch.relu(self.first(x)))
        x = self.pool(torch.relu(x)) if self.relu_first else torch.relu(self.pool(x))
        return self.head(torch.relu(self.third(x)).mean((2, 3)))


@pytest.mark.parametrize("relu_first", [True, False])
@pytest.mark.parametrize(
    "pool",
    [
        lambda: nn.MaxPool2d(2),
        lambda: nn.MaxPool2d((3, 2), (3, 2)),
        lambda: nn.MaxPool2d(3, 2, 1),
        lambda: nn.MaxPool2d(2, ceil_mode=True),
        lambda: nn.MaxPool2d(5),
        lambda: nn.MaxPool2d(2, 1),
    ],
)
def test_pooling_sends_c_to_the_winner(pool: Callable[[], nn.Module], relu_first: bool) -> None:
    # The gradient of the network is what c is with weights that no rule changes.
    torch.manual_seed(0)
    model = Pooled(pool(), relu_first=relu_first).double().eval()
    x = torch.randn(3, 3, 18, 18, dtype=torch.float64, generator=generator())
    explainer = Explainer(model, x[:1], "gradient-input")
    leaf = x.clone().requires_grad_()
    logits = model(leaf)
    logits.max(1).values.sum().backward()
    assert leaf.grad is not None
    expected = (leaf.grad * x).sum(1)
    plain = explainer.explain(x).heatmap
    assert plain is not None
    assert distance(plain, expected) < 1e-12
    maps = explainer.conditional_heatmaps(x, "third", range(8))
    assert distance(maps.sum(0), expected) < 1e-12


def test_keeping_memory_sets_both_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Library:
        def mallopt(self, option: int, value: int) -> int:
            seen.append((option, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_: Library())
    monkeypatch.setattr(numerics.platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert numerics.keep_memory()
    assert sorted(option for option, _ in seen) == [-3, -1]


def test_keeping_memory_does_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numerics.platform, "libc_ver", lambda: ("", ""))
    assert not numerics.keep_memory()


@pytest.mark.parametrize("layout", [torch.contiguous_format, LAST])
def test_totals_are_sums_and_first_peaks(layout: torch.memory_format) -> None:
    relevance = torch.randint(-2, 3, (3, 5, 4, 6), generator=generator()).double()
    relevance[0, 0] = 0
    activation = torch.randn(3, 5, 4, 6, dtype=torch.float64, generator=generator())
    found = totals(
        relevance.contiguous(memory_format=layout), activation.contiguous(memory_format=layout)
    )
    assert torch.allclose(found.relevance, relevance.sum((2, 3)))
    assert torch.equal(found.activation, activation.amax((2, 3)))
    assert found.size == (4, 6)
    for image in range(3):
        for channel in range(5):
            values = relevance[image, channel].flatten().tolist()
            assert int(found.peak[image, channel]) == values.index(max(values))


def test_statistics_are_what_explain_gives() -> None:
    _, explainer = explained("resnet_basic")
    x = models.images(3)
    targets = torch.tensor([2, 0, 5])
    layers = ("layer1.0.conv1", "layer3.0", "layer4.0.conv2")
    found = explainer.statistics(x, layers, targets)
    out = explainer.explain(x, targets, layers, heatmap=False)
    assert torch.equal(found.targets, targets)
    assert torch.equal(found.logits, out.logits)
    for layer in layers:
        one = found.layers[layer]
        assert distance(one.relevance, out.relevance[layer].sum((2, 3))) < 1e-12
        assert torch.equal(one.peak, out.relevance[layer].flatten(2).argmax(2))
        assert torch.equal(one.activation, out.activation[layer].amax((2, 3)))
