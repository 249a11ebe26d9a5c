"""Every rule of weighted layers against its matrix twin."""

# ruff: noqa: N803 matrices keep the letters of their papers
from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from auditor.relevance.graph.graph import FIRST, Node, Ref
from auditor.relevance.rules import composites
from auditor.relevance.rules.rule import Local, Rule, Settings
from auditor.relevance.sweep.fold import Fold
from tests.relevance import twins

EPS = 1e-3
CASES = {
    "epsilon": (composites.EPSILON, twins.epsilon, True),
    "gradient": (composites.GRADIENT, twins.gradient, True),
    "z-plus": (composites.PLUS, twins.z_plus, False),
    "z-plus signed": (composites.PLUS_SIGNED, twins.z_plus, True),
    "gamma": (composites.GAMMA, twins.gamma, False),
    "gamma signed": (composites.GAMMA_SIGNED, twins.gamma, True),
    "alpha2-beta1": (composites.ALPHA_BETA, twins.alpha2_beta1, True),
    "flat": (composites.FLAT, twins.flat, True),
    "z-box": (composites.BOX, twins.z_box, True),
}
LAYERS = {
    "plain": nn.Conv2d(4, 6, 3, padding=1),
    "strided": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "grouped": nn.Conv2d(4, 6, 3, groups=2, padding=2, dilation=2),
    "depthwise": nn.Conv2d(4, 4, 3, groups=4, padding=1),
    "linear": nn.Linear(5, 4),
}


def _node(layer: nn.Module) -> tuple[Node, tuple[int, ...]]:
    linear = isinstance(layer, nn.Linear)
    shape: tuple[int, ...] = (5,) if linear else (4, 5, 5)
    arguments = {"input": Ref("x"), "weight": layer.weight.detach(), "bias": layer.bias.detach()}
    if not linear:
        arguments |= {
            "stride": list(layer.stride),
            "padding": list(layer.padding),
            "dilation": list(layer.dilation),
            "groups": layer.groups,
        }
    target = torch.ops.aten.linear.default if linear else torch.ops.aten.conv2d.default
    out = layer(torch.zeros(2, *shape, dtype=torch.float64)).shape
    name = "linear" if linear else "conv2d"
    node = Node(
        name, name, target, arguments, ("x",), tuple(out),
        input_shapes=((2, *shape),), input_batches=(FIRST,),
    )  # fmt: skip
    return node, shape


def _engine(rule: Rule, node: Node, x: Tensor, R: Tensor, settings: Settings) -> Tensor:
    """Return R of the input by the engine's rule."""
    z = node.call({"x": x})
    weights = rule.weights(node, settings)
    saved = rule.prepare(Local(node, weights, {"x": x}, z, settings))
    c = R / z
    if saved.scale is not None:
        c = c * saved.scale
    (result,) = rule.reverse(node, weights, saved, c, Fold.one_each(x.shape[0]))
    return result if rule.terminal else x * result


@pytest.mark.parametrize("bias", ["absorb", "exclude"])
@pytest.mark.parametrize("layer_name", LAYERS)
@pytest.mark.parametrize("case", CASES)
def test_rule_equals_its_matrix_twin(case: str, layer_name: str, bias: str) -> None:
    rule, twin, signed = CASES[case]
    torch.manual_seed(len(case) + len(layer_name))
    layer = type(LAYERS[layer_name])
    made = LAYERS[layer_name].double()
    assert isinstance(made, layer)
    nn.init.normal_(made.weight)
    nn.init.normal_(made.bias)
    node, shape = _node(made)
    x = torch.randn(2, *shape, dtype=torch.float64)
    if not signed:
        x = x.clamp(min=0)
    z = made(x).detach()
    R = torch.randn_like(z)
    box = (torch.full((1, 4, 1, 1), -2.0), torch.full((1, 4, 1, 1), 3.0))
    if case == "z-box" and layer_name == "linear":
        pytest.skip("the z-box rule is for layers that see an image")
    found = _engine(rule, node, x, R, Settings(epsilon=EPS, bias=bias, box=box))
    b = made.bias.detach()
    b = b if layer_name == "linear" else b.repeat_interleave(z[0, 0].numel())
    W = twins.matrix(lambda v: made(v).detach() - made(torch.zeros_like(v)).detach(), shape)
    for row in range(2):
        used = b if bias == "absorb" or case == "gradient" else torch.zeros_like(b)
        expected = twin(x[row].flatten(), W, used, R[row].flatten(), EPS)
        assert torch.allclose(found[row].flatten(), expected, rtol=1e-9, atol=1e-10)


def test_nothing_flows_where_nothing_came_in() -> None:
    layer = nn.Linear(3, 2, bias=True).double()
    nn.init.zeros_(layer.bias)
    arguments = {"input": Ref("x"), "weight": layer.weight.detach(), "bias": layer.bias.detach()}
    target = torch.ops.aten.linear.default
    node = Node(
        "linear", "linear", target, arguments, ("x",), (2, 2),
        input_shapes=((2, 3),), input_batches=(FIRST,),
    )  # fmt: skip
    x = torch.zeros(1, 3, dtype=torch.float64)
    settings = Settings(epsilon=0.0)
    values = {"x": x}
    local = Local(node, (layer.weight.detach(),), values, node.call(values), settings)
    saved = composites.EPSILON.prepare(local)
    assert saved.scale is not None
    assert torch.equal(saved.scale, torch.zeros(1, 2, dtype=torch.float64))
