"""Names of layers, cuts, the automatic choice and the table of rules."""

from __future__ import annotations

import pytest

from auditor.relevance.explainer import Explainer
from tests.relevance import models
from tests.relevance.conftest import explained

AUTOMATIC = {
    "alexnet": ("features.6", "features.11"),
    "squeezenet": ("features.4", "features.7"),
    "vgg": ("features.3", "features.9"),
    "vgg_bn": ("features.4", "features.13"),
    "resnet_basic": ("layer1.0", "layer3.0"),
    "resnet_bottleneck": ("layer1.0", "layer3.0"),
    "mobilenet": ("features.2.conv", "features.5"),
    "own": ("both_norm", "last_act"),
}


def test_automatic_layers_cut_the_graph(family: str) -> None:
    _, explainer = explained(family)
    chosen = explainer.automatic_layers()
    assert chosen == AUTOMATIC[family]
    assert all(explainer.cuts(layer) for layer in chosen)
    assert [explainer.layers.index(layer) for layer in chosen] == sorted(
        explainer.layers.index(layer) for layer in chosen
    )


def test_a_layer_inside_a_block_does_not_cut() -> None:
    _, explainer = explained("resnet_basic")
    assert not explainer.cuts("layer2.0.conv1")
    assert not explainer.cuts("layer2.0.downsample")
    assert explainer.cuts("layer2.0")
    assert explainer.cuts("conv1")


def test_names_are_module_paths_in_forward_order() -> None:
    model, explainer = explained("resnet_basic")
    paths = dict(model.named_modules())
    assert {name.split("@")[0] for name in explainer.layers} <= set(paths)
    order = [explainer.layers.index(name) for name in ("conv1", "layer1.0", "layer3.0.conv1")]
    assert order == sorted(order)
    assert "fc" not in explainer.layers
    assert explainer.channels("layer2.0") == 128
    # The folded batch norm answers to both names, with the same values.
    x = models.images(1)
    both = explainer.activations(x, ("layer2.0.conv1", "layer2.0.bn1"))
    assert both["layer2.0.conv1"].equal(both["layer2.0.bn1"])


def test_the_rule_table_says_what_ran_where() -> None:
    _, explainer = explained("mobilenet")
    table = explainer.rule_table()
    rows = {node.module: rule for node, rule in table if node.operation == "conv2d"}
    assert rows["features.0.0"] == "flat"
    assert rows["features.2.conv.0.0"] == "z-plus (signed input)"
    assert rows["features.2.conv.1.0"] == "z-plus"
    assert explainer.composite == "epsilon-plus-flat"
    assert explainer.notes == ()
    assert {rule for node, rule in table if node.operation == "linear"} == {"epsilon"}


def test_an_unfoldable_batch_norm_stays_affine() -> None:
    _, explainer = explained("own")
    affine = [node.module for node, _ in explainer.rule_table() if node.operation == "batch_norm"]
    assert affine == ["both_norm"]


@pytest.mark.parametrize("composite", ["epsilon-gamma-box", "epsilon"])
def test_notes_say_when_bounds_were_assumed(composite: str) -> None:
    explainer: Explainer = explained("vgg", composite)[1]
    assert bool(explainer.notes) == (composite == "epsilon-gamma-box")
