"""Composition: planted shares, one condition at a time, and nothing unaccounted for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from auditor.base.errors import ConfigError
from auditor.relevance.check.flow import account
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.conditions import Condition
from auditor.relevance.sweep.decomposition import bypasses
from auditor.relevance.sweep.reverse import between
from tests.relevance import models
from tests.relevance.conftest import explained
from tests.relevance.test_networks import distance


class Planted(nn.Module):
    """Channel 0 of ``upper`` is 3 parts channel 1 of ``lower`` and 1 part channel 3, channel 1 is
    channel 0; ``skip`` adds half of channel 0 past ``upper``, and the head adds a bias."""

    def __init__(self, *, bias: float = 0.0, skip: bool = False) -> None:
        super().__init__()
        self.lower = nn.Conv2d(3, 4, 1, bias=False)
        self.upper = nn.Conv2d(4, 2, 1, bias=bool(bias))
        self.head = nn.Linear(2, 2, bias=False)
        self.skip = skip
        with torch.no_grad():
            self.lower.weight.copy_(torch.ones(4, 3)[:, :, None, None])
            weights = torch.tensor([[0.0, 3.0, 0.0, 1.0], [2.0, 0.0, 0.0, 0.0]])
            self.upper.weight.copy_(weights[:, :, None, None])
            self.head.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
            if self.upper.bias is not None:
                self.upper.bias.fill_(bias)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.lower(x))
        y = torch.relu(self.upper(x))
        if self.skip:
            y = y + x[:, :2] / 2
        return self.head(y.mean((2, 3)))


def planted(**changes: object) -> Explainer:
    return Explainer(Planted(**changes).double().eval(), torch.ones(1, 3, 2, 2).double(), "epsilon")


ONES = torch.ones(2, 3, 2, 2, dtype=torch.float64)
CLASS = torch.zeros(2, dtype=torch.long)


def test_planted_parts_have_their_shares() -> None:
    found = planted().composition(ONES, [Condition({"upper": 0})], "lower", CLASS)
    # Every channel of ``lower`` is 3 here; channel 0 of ``upper`` is 3 * 3 + 1 * 3 = 12.
    expected = torch.tensor([0.0, 9.0, 0.0, 3.0]).double().expand(1, 2, 4)
    assert distance(found.arrives, expected) < 1e-5
    assert found.bypass.abs().max() == 0
    other = planted().composition(ONES, [Condition({"upper": 1})], "lower", CLASS)
    assert distance(other.arrives, torch.tensor([6.0, 0, 0, 0]).double().expand(1, 2, 4)) < 1e-5


def test_what_a_bias_absorbs_is_missing() -> None:
    found = planted(bias=4.0).composition(ONES, [Condition({"upper": 0})], "lower", CLASS)
    assert distance(found.arrives.sum(2), torch.full((1, 2), 12.0).double()) < 1e-5
    whole = planted(bias=4.0).explain(ONES, CLASS, ("upper",)).relevance["upper"][:, 0]
    assert distance(whole.sum((1, 2)), torch.full((2,), 16.0).double()) < 1e-5


def test_what_leads_around_the_layer_is_measured() -> None:
    found = planted(skip=True).composition(ONES, [Condition({})], "upper", CLASS)
    assert distance(found.arrives, torch.tensor([12.0, 6.0]).double().expand(1, 2, 2)) < 1e-5
    assert distance(found.bypass, torch.full((1, 2), 3.0).double()) < 1e-5


LOWER, INSIDE, UPPER = "layer2.0", "layer3.0.conv2", "layer3.0"


def resnet() -> Explainer:
    return explained("resnet_basic")[1]


@pytest.mark.parametrize(("top", "layer"), [(UPPER, LOWER), (UPPER, INSIDE), (INSIDE, LOWER)])
def test_all_at_once_is_one_condition_at_a_time(top: str, layer: str) -> None:
    explainer, x = resnet(), models.images(3)
    channels = (0, 3, 7)
    found = explainer.composition(x, [Condition({top: c}) for c in channels], layer)
    for place, channel in enumerate(channels):
        for image in range(3):
            one = explainer.conditional_relevance(
                x[image : image + 1], [Condition({top: channel})], (layer,)
            )[layer]
            assert distance(found.arrives[place, image], one[0, 0].sum((1, 2))) < 1e-10


def test_conditions_on_several_layers_are_the_path_to_a_node() -> None:
    explainer, x = resnet(), models.images(2)
    pair = [Condition({"layer4.0": (1, 2), UPPER: c}) for c in (0, 5)]
    found = explainer.composition(x, pair, LOWER)
    for place, condition in enumerate(pair):
        slow = explainer.conditional_relevance(x, [condition], (LOWER,))[LOWER]
        assert distance(found.arrives[place], slow[0].sum((2, 3))) < 1e-10
    # What reaches a node from the kept ones above is what its own edges share out.
    above = explainer.composition(x, [Condition({"layer4.0": c}) for c in (1, 2)], UPPER)
    node = above.arrives[:, :, 0].sum(0)
    kept = (found.arrives.sum(2) + found.bypass)[0] / node
    assert bool((kept > 0).all())
    assert bool((kept < 1 + 1e-6).all())


@pytest.mark.parametrize("layer", [LOWER, INSIDE, "layer4.0"])
def test_nothing_is_lost_or_counted_twice_with_zero_biases(layer: str) -> None:
    """Without biases all of the logit arrives or passes by, up to epsilon."""
    explainer, x = explained("resnet_basic", zero_bias=True)[1], models.images(2)
    found = explainer.composition(x, [Condition({})], layer)
    out = explainer.explain(x)
    explained_logit = out.logits.gather(1, out.targets[:, None])[:, 0]
    assert distance(found.arrives[0].sum(1) + found.bypass[0], explained_logit) < 1e-3
    assert bool((found.bypass.abs().max() > 0) == (layer == INSIDE))


@pytest.mark.parametrize("family", models.FAMILIES)
def test_the_account_of_a_slow_walk_agrees(family: str) -> None:
    """A node-by-node walk sums the same edges: to the layer, and out of the paths to it."""
    explainer = explained(family)[1]
    x = models.images(1, family)
    plan = explainer.plan
    target, whole = account(plan, x, None)
    layers = [*explainer.automatic_layers(), *explainer.layers[len(explainer.layers) // 2 :][:2]]
    for layer in dict.fromkeys(layers):
        node = explainer.layout.node(layer).name
        through = between(plan.graph, {node}, {plan.graph.output})
        leaving = bypasses(plan.graph, plan.graph.output, node)
        past = sum(
            amount
            for (above, below), amount in whole.edges.items()
            if above in through and below in leaving
        )
        found = explainer.composition(x, [Condition({})], layer, torch.tensor([target]))
        scale = abs(whole.logit) + abs(past)
        assert abs(float(found.arrives.sum()) - whole.arrived[node]) < 1e-6 * scale
        assert abs(float(found.bypass.sum()) - past) < 1e-6 * scale


def test_a_layer_that_is_not_below_is_refused() -> None:
    explainer = resnet()
    assert explainer.leads_to(UPPER, LOWER)
    assert not explainer.leads_to(LOWER, UPPER)
    assert not explainer.leads_to(UPPER, UPPER)
    with pytest.raises(ConfigError, match="no path leads"):
        explainer.composition(models.images(1), [Condition({LOWER: 0})], UPPER)
