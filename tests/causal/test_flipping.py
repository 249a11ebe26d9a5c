"""Concept flipping against curves worked out by hand, and on a net whose concepts are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.flipping import flipping_curves, flipping_samples, steps_of
from auditor.concepts.ranking import flipping_areas, ranking_card
from auditor.records.stages import Manifest, Samples
from auditor.relevance.explainer import Explainer


class Net(nn.Module):
    """Channels, then their means weighted: logit 0 is ``weights @ mean(relu(channel))``.

    With ``bypass`` the logits also read the image past the layer.
    """

    def __init__(self, weights: list[float], *, bypass: bool = False) -> None:
        super().__init__()
        self.channels = nn.Conv2d(3, len(weights), 1, bias=False)
        self.relu = nn.ReLU()
        self.head = nn.Linear(len(weights), 2, bias=False)
        self.past = nn.Linear(3, 2, bias=False)
        self.bypass = bypass
        with torch.no_grad():
            generator = torch.Generator().manual_seed(1)
            self.channels.weight.copy_(torch.rand(len(weights), 3, 1, 1, generator=generator))
            self.head.weight[0] = torch.tensor(weights)
            self.head.weight[1] = 0.0
            self.past.weight.fill_(0.5)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 2)."""
        maps = self.relu(self.channels(images))
        logits: Tensor = self.head(maps.mean((2, 3)))
        return logits + self.past(images.mean((2, 3))) if self.bypass else logits


def world(weights: list[float], count: int, *, bypass: bool = False):
    images = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(2))
    net = Net(weights, bypass=bypass).eval()
    explainer = Explainer(net, images[:1])

    def load(rows) -> Tensor:
        return images[list(rows)]

    return net, explainer, load, images


@pytest.mark.parametrize("bypass", [False, True])
@pytest.mark.parametrize("batch", [2, 5])
def test_curves_by_hand(bypass: bool, batch: int) -> None:
    weights = [3.0, -1.0, 0.5, 2.0]
    net, explainer, load, images = world(weights, 5, bypass=bypass)
    found = flipping_curves(
        explainer, load, "relu", range(5), [0] * 5, steps=4, batch=batch,
        seed=0,
    )  # fmt: skip
    maps = net.relu(net.channels(images)).detach()
    means = maps.mean((2, 3)).double().numpy()
    rest = net.past(images.mean((2, 3)))[:, 0].detach().double().numpy() if bypass else 0.0
    over_data = means.mean(0)
    parts = means * np.array(weights)
    counts = [0, 1, 3, 4]
    assert steps_of(4, 4).tolist() == counts
    # With one linear layer above, relevance and gradient x activation are the parts themselves.
    scores = {"relevance": parts, "gradient": parts, "activation": maps.amax((2, 3)).numpy()}
    assert [(each.direction, each.baseline) for each in found] == [
        ("off", "zero"), ("off", "mean"), ("on", "zero"),
    ]  # fmt: skip
    for curves in found:
        assert np.allclose(curves.switched, np.array(counts) / 4)
        base = over_data if curves.baseline == "mean" else np.zeros(4)
        for name, score in scores.items():
            for row in range(5):
                order = sorted(range(4), key=lambda c, s=score[row]: -s[c])
                for step, count in enumerate(counts):
                    on = order[count:] if curves.direction == "off" else order[:count]
                    values = [means[row, c] if c in on else base[c] for c in range(4)]
                    wanted = float(np.dot(values, weights)) + (rest[row] if bypass else 0.0)
                    got = curves.curves[name][row, step]
                    assert got == pytest.approx(wanted, abs=1e-5), (curves.direction, name)


def test_relevance_beats_random_on_a_planted_net() -> None:
    weights = [5.0, 4.0, *[0.01] * 30]
    _, explainer, load, _ = world(weights, 8)
    found = flipping_curves(explainer, load, "relu", range(8), [0] * 8, seed=0)
    areas = [
        flipping_areas(
            each.curves, each.switched, each.direction, baseline=each.baseline,
            rng=np.random.default_rng(0),
        )
        for each in found
        if each.baseline == "zero"
    ]  # fmt: skip
    for each in areas:
        assert each.order("random").gain.low > 0.5
    assert ranking_card("relu", areas).trust == "trusted"


def test_the_user_s_model_is_left_as_it_was() -> None:
    net, explainer, load, images = world([1.0, 2.0], 3)
    before = net(images)
    flipping_curves(explainer, load, "relu", range(3), [0] * 3, seed=0)
    assert torch.equal(net(images), before)
    assert net.channels.weight.grad is None


def test_first_steps_are_small_and_one_concept_is_enough() -> None:
    counts = steps_of(1280, 8)
    assert counts[0] == 0
    assert counts[1] == 20
    assert counts[-1] == 1280
    assert steps_of(1, 8).tolist() == [0, 1]


def test_samples_are_taken_from_every_class_in_turn() -> None:
    labels = np.array([0] * 10 + [1] * 2 + [2])
    samples = Samples(
        manifest=Manifest(tuple(map(str, range(13))), labels, ("a", "b", "c")),
        valid=np.ones(13, bool),
        quarantine=(None,) * 13,
        logits=np.eye(3)[labels],
        prediction=labels,
        target=labels,
        discovery=np.arange(13) % 2 == 0,
    )
    assert flipping_samples(samples, (0, 1, 2), 5) == (0, 9, 10, 11, 12)
    assert flipping_samples(samples, (0, 1, 2), 0) == ()
    assert len(flipping_samples(samples, (0,), 50)) == 10
