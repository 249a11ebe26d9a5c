"""Conditions of several layers, channels, directions and positions, and relevance below them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.conditions import Condition, Selection
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.forward import forward
from auditor.relevance.sweep.reverse import between, one_hot, reverse
from tests.relevance import models
from tests.relevance.conftest import explained
from tests.relevance.test_networks import distance

LIVE = tuple(range(40))
UPPER, LOWER, INSIDE = "layer3.0", "layer2.0", "layer3.0.conv2"


@pytest.fixture
def explainer() -> Explainer:
    return explained("resnet_basic")[1]


def by_hand(explainer: Explainer, x: Tensor, channels: dict[str, tuple[int, ...]]) -> Tensor:
    """Mask c at each layer in turn, from the top, with a sweep of its own in between."""
    plan = explainer.plan
    graph = plan.graph
    names = {explainer.layout.node(layer).name: kept for layer, kept in channels.items()}
    everything = between(graph, {graph.input}, {graph.output})
    passed = forward(plan, x, {*names, graph.input}, everything)
    fold = Fold.one_each(len(x))
    seed = one_hot(passed.logits.argmax(1), passed.logits.shape[1], passed.logits)
    start = graph.output
    for name, kept in names.items():
        c = reverse(plan, passed.saved, {start: seed}, {name}, fold).coefficients[name]
        seed = torch.zeros_like(c)
        for channel in kept:
            seed[:, channel] = c[:, channel]
        start = name
    flow = reverse(plan, passed.saved, {start: seed}, {graph.input}, fold)
    return flow.relevances[graph.input].sum(1)


@pytest.mark.parametrize(
    "channels",
    [
        {UPPER: (5,), LOWER: (1, 2)},
        {INSIDE: (0, 3, 7), LOWER: (4,)},
        {"layer4.0": (2,), UPPER: (0, 1, 2, 3), "layer1.0.conv1": (6, 7)},
    ],
)
def test_several_layers_are_an_and_along_the_path(
    explainer: Explainer, channels: dict[str, tuple[int, ...]]
) -> None:
    x = models.images(2)
    backwards = dict(reversed(channels.items()))
    found = explainer.condition_heatmaps(x, [Condition(channels), Condition(backwards)])
    expected = by_hand(explainer, x, channels)
    assert distance(found[0], expected) < 1e-10
    assert torch.equal(found[0], found[1])
    only_top = dict([next(iter(channels.items()))])
    assert distance(explainer.condition_heatmaps(x, [Condition(only_top)])[0], expected) > 0.1


def test_conditions_of_any_kind_run_together(explainer: Explainer) -> None:
    x = models.images(3)
    conditions = [
        Condition({UPPER: 5}),
        Condition({}),
        Condition({LOWER: (1, 2), UPPER: 5}),
        Condition({UPPER: Selection(positions=(0, 3))}),
        Condition({INSIDE: 4}),
    ]
    together = explainer.condition_heatmaps(x, conditions)
    for found, condition in zip(together, conditions, strict=True):
        for image in range(3):
            alone = explainer.condition_heatmaps(x[image : image + 1], [condition])[0, 0]
            assert distance(found[image], alone) < 1e-10
    plain = explainer.explain(x).heatmap
    assert plain is not None
    assert distance(together[1], plain) < 1e-10


def test_several_channels_are_an_or(explainer: Explainer) -> None:
    x = models.images(2)
    maps = explainer.conditional_heatmaps(x, LOWER, [0, 3, 7, (0, 3, 7), (7, 0, 3, 3)])
    assert distance(maps[:3].sum(0), maps[3]) < 1e-10
    assert torch.equal(maps[3], maps[4])
    pair = [Condition({UPPER: (1, 2), LOWER: (3, 4)})]
    parts = [Condition({UPPER: one, LOWER: other}) for one in (1, 2) for other in (3, 4)]
    found = explainer.condition_heatmaps(x, pair + parts)
    assert distance(found[1:].sum(0), found[0]) < 1e-10


@pytest.mark.parametrize("family", ["resnet_basic", "vgg"])
def test_an_orthonormal_basis_adds_up_to_the_plain_heatmap(family: str) -> None:
    explainer = explained(family)[1]
    x = models.images(2, family)
    layer = explainer.automatic_layers()[0]
    assert explainer.cuts(layer)
    count = explainer.channels(layer)
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(count, count, dtype=x.dtype, generator=generator))[0]
    maps = explainer.conditional_heatmaps(x, layer, [*basis[:3], basis[3:]])
    plain = explainer.explain(x).heatmap
    assert plain is not None
    assert distance(maps.sum(0), plain) < 1e-10
    assert distance(maps[3], plain) > 1e-3


def test_a_direction_is_a_projection(explainer: Explainer) -> None:
    x = models.images(1)
    count = explainer.channels(LOWER)
    axes = torch.eye(count, dtype=x.dtype)
    generator = torch.Generator().manual_seed(1)
    one, other = torch.randn(2, count, dtype=x.dtype, generator=generator)
    maps = explainer.conditional_heatmaps(
        x, LOWER,
        [6, -3 * axes[6], (6, 7), axes[[6, 7]], torch.stack([one, other]),
         torch.stack([one + other, one - other, 2 * one]), one],
    )  # fmt: skip
    assert distance(maps[1], maps[0]) < 1e-10
    assert distance(maps[3], maps[2]) < 1e-10
    assert distance(maps[5], maps[4]) < 1e-10


def test_a_direction_keeps_the_relevance_of_the_projection(explainer: Explainer) -> None:
    # (a . d)(d . c), d of unit length; no ReLU follows, so that c = R / a can be read everywhere.
    x = models.images(1)
    out = explainer.explain(x, layers=(INSIDE,), heatmap=False)
    a, relevance = out.activation[INSIDE][0], out.relevance[INSIDE][0]
    direction = torch.linspace(-2, 3, len(a), dtype=x.dtype)
    unit = direction / direction.norm()
    expected = torch.tensordot(unit, a, 1) * torch.tensordot(unit, relevance / a, 1)
    found = explainer.conditional_relevance(x, [Condition({INSIDE: direction})], [INSIDE])
    assert distance(found[INSIDE][0, 0].sum(0), expected) < 1e-10


def test_neurons_and_regions(explainer: Explainer) -> None:
    x = models.images(2)
    height, width = explainer.activations(x, (LOWER,))[LOWER].shape[2:]
    region = torch.zeros(height, width, dtype=torch.bool)
    region[:2, 1:] = True
    inside = tuple(region.flatten().nonzero()[:, 0].tolist())
    outside = tuple((~region).flatten().nonzero()[:, 0].tolist())
    maps = explainer.conditional_heatmaps(
        x, LOWER,
        [LIVE, Selection(LIVE, positions=region), Selection(LIVE, positions=outside),
         *(Selection(LIVE, positions=place) for place in inside)],
    )  # fmt: skip
    assert distance(maps[1] + maps[2], maps[0]) < 1e-10
    assert distance(maps[3:].sum(0), maps[1]) < 1e-10
    neuron = explainer.paired_heatmaps(x, LOWER, [1], [LIVE], positions=[inside[0]])
    assert distance(maps[3][1], neuron[0]) < 1e-10
    whole = explainer.conditional_heatmaps(
        x, LOWER, [Selection(positions=inside), Selection(positions=outside)]
    )
    plain = explainer.explain(x).heatmap
    assert plain is not None
    assert distance(whole.sum(0), plain) < 1e-10


def test_a_direction_at_positions(explainer: Explainer) -> None:
    x = models.images(1)
    direction = torch.linspace(-1, 1, explainer.channels(LOWER), dtype=x.dtype)
    area = explainer.activations(x, (LOWER,))[LOWER][0, 0].numel()
    parts = [Selection(directions=direction, positions=place) for place in range(area)]
    maps = explainer.conditional_heatmaps(x, LOWER, [direction, *parts])
    assert distance(maps[1:].sum(0), maps[0]) < 1e-10
    assert distance(maps[1], maps[0]) > 0.1


def test_composition_conserves_relevance() -> None:
    explainer = explained("resnet_basic", "epsilon-plus-flat", True, 0.0)[1]
    x = models.images(2)
    conditions = [Condition({UPPER: 3}), Condition({UPPER: (0, 1)}), Condition({})]
    found = explainer.conditional_relevance(x, conditions, [LOWER, "layer1.0", UPPER])
    totals = explainer.conditional_relevance(x, conditions, [LOWER, "layer1.0", UPPER], summed=True)
    out = explainer.explain(x, layers=(UPPER, LOWER), heatmap=False)
    table = out.relevance[UPPER].sum((2, 3))
    expected = torch.stack([table[:, 3], table[:, 0] + table[:, 1], table.sum(1)])
    for layer, relevance in found.items():
        assert relevance.shape[:2] == (3, 2)
        assert relevance.shape[2:] == explainer.activations(x, (layer,))[layer].shape[1:]
        assert torch.allclose(relevance.sum((2, 3, 4)), expected, rtol=1e-7), layer
        assert distance(totals[layer], relevance.sum((3, 4))) < 1e-12
    assert distance(found[LOWER][2], out.relevance[LOWER]) < 1e-10
    assert not found[UPPER][0, :, :3].any()
    # The relevance of a lower concept is what the conjunction of both sends to the pixels.
    both = explainer.condition_heatmaps(x, [Condition({UPPER: 3, LOWER: 9})])
    assert torch.allclose(both[0].sum((1, 2)), totals[LOWER][0, :, 9], rtol=1e-7)


def test_units_have_no_positions_but_their_own() -> None:
    explainer = explained("vgg")[1]
    x = models.images(1)
    maps = explainer.conditional_heatmaps(
        x, "classifier.1", [3, Selection(3, positions=0), torch.eye(32, dtype=x.dtype)[3]]
    )
    assert distance(maps[1], maps[0]) < 1e-12
    assert distance(maps[2], maps[0]) < 1e-12


def test_conditions_that_do_not_fit_are_errors(explainer: Explainer) -> None:
    x = models.images(1)

    def ask(condition: Condition) -> None:
        explainer.condition_heatmaps(x, [condition])

    with pytest.raises(UnknownNameError, match=r"unknown layer 'layer2\.1'.*Did you mean"):
        ask(Condition({"layer2.1": 0}))
    with pytest.raises(ConfigError, match="concept 64 does not exist for layer"):
        ask(Condition({UPPER: 0, "layer1.0": (0, 64)}))
    with pytest.raises(ConfigError, match="position -1 does not exist"):
        ask(Condition({LOWER: Selection(0, positions=-1)}))
    with pytest.raises(ConfigError, match=r"boolean mask of shape \(4, 4\), not \(2, 2\)"):
        ask(Condition({LOWER: Selection(0, positions=torch.ones(2, 2, dtype=torch.bool))}))
    with pytest.raises(ConfigError, match="a direction of 5 numbers does not fit"):
        ask(Condition({LOWER: torch.ones(5)}))
    with pytest.raises(ConfigError, match="no path leads"):
        ask(Condition({"layer3.0.conv2": 0, "layer3.0.downsample": 0}))
    with pytest.raises(ConfigError, match="twice"):
        ask(Condition({"layer3.0": 0, "layer3.0.relu@1": 0}))
    with pytest.raises(ConfigError, match=r"no path leads from 'layer2\.0"):
        explainer.conditional_relevance(x, [Condition({LOWER: 0})], [UPPER])
    with pytest.raises(ConfigError, match="no condition was given"):
        explainer.conditional_relevance(x, [], [UPPER])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Condition({LOWER: torch.zeros(128)}), "not zero"),
        (lambda: Condition({LOWER: torch.ones(3, dtype=torch.long)}), "whole numbers"),
        (lambda: Condition({LOWER: ()}), "channels of a condition must be"),
        (lambda: Condition({LOWER: (0.5,)}), "channels of a condition must be"),
        (lambda: Condition({LOWER: "conv"}), "channels of a condition must be"),
        (lambda: Selection(0, directions=torch.ones(3)), "not both"),
    ],
)
def test_conditions_that_mean_nothing_are_errors(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]
