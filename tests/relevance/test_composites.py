"""Composites: a user's own mapping, options, true gradients, and where attention rules differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.relevance.graph.graph import Graph
from auditor.relevance.rules.rule import Settings
from tests.relevance.twins_engine import Made, captured, images, planned

X = images(3, 3, 8, 8)


class Excited(nn.Module):
    """Convolutions, batch norm, squeeze and excitation, a residual sum and global pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.SiLU())
        self.body = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.squeeze, self.excite = nn.Conv2d(6, 3, 1), nn.Conv2d(3, 6, 1)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = F.gelu(self.body(x))
        gate = self.excite(F.relu(self.squeeze(y.mean((2, 3), keepdim=True)))).sigmoid()
        x = F.max_pool2d(x + y * gate, 2, 1)
        return self.head(x.mean((2, 3)))


class Attentive(nn.Module):
    """A class token, positions, one encoder layer, a norm and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.places = nn.Parameter(torch.randn(1, 5, 8))
        self.before, self.after = nn.LayerNorm(8), nn.LayerNorm(8)
        self.qkv, self.project = nn.Linear(8, 24), nn.Linear(8, 8)
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        parts = self.qkv(self.before(x)).reshape(-1, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.project(y)
        x = x + self.down(F.gelu(self.up(self.after(x))))
        return self.head(x[:, 0])


def graph_of(kind: type[nn.Module]) -> tuple[nn.Module, Graph]:
    torch.manual_seed(0)
    model = kind().double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model, captured(model, X)


EXCITED, ATTENTIVE = graph_of(Excited), graph_of(Attentive)


def layers(made: Made) -> dict[str, str]:
    """Return the rule of every weighted layer by module."""
    nodes = [node for node in made.plan.graph.nodes if node.operation in {"conv2d", "linear"}]
    rules = made.plan.rules
    return {node.modules[-1].removeprefix("function."): rules[node.name].name for node in nodes}


@pytest.mark.parametrize("subject", [EXCITED, ATTENTIVE])
def test_gradient_input_is_autograds_gradient_times_input(
    subject: tuple[nn.Module, Graph],
) -> None:
    model, graph = subject
    made = planned(graph, "gradient-input", Settings())
    c = images(3, 4, seed=1)
    leaf = X.clone().requires_grad_()
    gradient = torch.autograd.grad(model(leaf), leaf, c)[0]
    assert torch.allclose(made.relevance(X, c), X * gradient, rtol=1e-9, atol=1e-12)
    assert {"gradient"} >= set(layers(made).values())


def test_layers_win_over_operations_and_the_last_pattern_wins() -> None:
    mapping: Mapping[str, Any] = {
        "base": "epsilon",
        "operations": {"conv2d": "z-plus"},
        "layers": {"function.s*": "alpha2-beta1", "function.stem.*": "w-square"},
    }
    made = planned(EXCITED[1], mapping)
    assert layers(made) == {
        "stem.0": "w-square",
        "body": "z-plus (signed input)",
        "squeeze": "alpha2-beta1",
        "excite": "z-plus",
        "head": "epsilon",
    }
    assert made.plan.composite.name == "epsilon with exceptions"
    turned = dict(mapping, layers=dict(reversed(mapping["layers"].items())))
    assert layers(planned(EXCITED[1], turned))["stem.0"] == "alpha2-beta1"


def test_a_mapping_of_operations_is_the_composite_that_does_the_same() -> None:
    mapping = {"base": "epsilon", "operations": {"conv2d": "gamma"}}
    c = images(3, 4, seed=1)
    found = planned(EXCITED[1], mapping).relevance(X, c)
    own = {"base": "attn-cp-gamma", "layers": {"function.head": "epsilon"}}
    assert torch.allclose(found, planned(EXCITED[1], own).relevance(X, c))
    assert not torch.allclose(found, planned(EXCITED[1], "epsilon").relevance(X, c))


@pytest.mark.parametrize(
    ("mapping", "error", "message"),
    [
        ({"base": "lrp"}, UnknownNameError, "unknown composite 'lrp'"),
        ({"rules": {}}, UnknownNameError, "unknown key of a composite 'rules'"),
        ({"operations": {"conv2d": "plus"}}, UnknownNameError, "unknown relevance rule 'plus'"),
        ({"operations": {"conv1d": "epsilon"}}, UnknownNameError, "operation with weights"),
        ({"operations": {"gelu": "epsilon"}}, UnknownNameError, "operation with weights"),
        ({"layers": {"nothing.*": "epsilon"}}, UnknownNameError, "layer pattern 'nothing"),
        ({"layers": {"function.head": "flat"}}, ConfigError, "layers that see the image"),
        ({"base": 3}, ConfigError, "a name or a mapping"),
    ],
)
def test_what_fits_nothing_is_an_error(
    mapping: Mapping[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        planned(EXCITED[1], mapping)


def test_gamma_and_signs_are_options() -> None:
    c = images(3, 4, seed=1)
    graph = EXCITED[1]
    epsilon = planned(graph, "epsilon", Settings()).relevance(X, c)
    none = planned(graph, {"base": "epsilon", "operations": {"conv2d": "gamma", "linear": "gamma"}},
                   Settings(gamma=0.0)).relevance(X, c)  # fmt: skip
    assert torch.allclose(epsilon, none, rtol=1e-9)
    some = planned(graph, "attn-cp-gamma", Settings(gamma=0.5)).relevance(X, c)
    assert not torch.allclose(some, epsilon, rtol=0.1)
    both = layers(planned(graph, "epsilon-plus-flat", signed="both"))
    known = layers(planned(graph, "epsilon-plus-flat", signed="known"))
    never = layers(planned(graph, "epsilon-plus-flat", signed="positive"))
    assert both["excite"] == "z-plus (signed input)"
    assert known["excite"] == "z-plus"
    assert known["body"] == "z-plus (signed input)"  # below it is a SiLU, not a ReLU
    assert never["body"] == "z-plus"


def test_attention_is_held_or_live_and_auto_holds_it() -> None:
    _, graph = ATTENTIVE
    held, live = planned(graph, "attn-cp-gamma"), planned(graph, "attnlrp")
    different = {
        node.operation
        for node in graph.nodes
        if node.name in held.plan.rules
        and held.plan.rules[node.name].name != live.plan.rules[node.name].name
    }
    assert different == {"scaled_dot_product_attention"}
    assert planned(graph, "auto").plan.composite.name == "attn-cp-gamma"
    assert planned(EXCITED[1], "auto").plan.composite.name == "epsilon-plus-flat"
    c = images(3, 4, seed=1)
    assert not torch.allclose(held.relevance(X, c), live.relevance(X, c), rtol=0.1)
