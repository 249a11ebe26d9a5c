"""Every rule of every kind of weighted layer, through the whole engine, against its matrix twin."""

# ruff: noqa: N803 matrices keep the letters of their papers
from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from auditor.relevance.graph.graph import Graph
from auditor.relevance.rules.rule import Bias, Settings
from tests.relevance import twins
from tests.relevance.twins_engine import ROWS, captured, images, planned

EPS = 1e-3
Twin = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]


class Product(nn.Module):
    """A matrix of constants on the right, spelled as a product and not as a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(8, 5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(x.flatten(1), self.matrix)


def kinds() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Return each kind of layer with the shape of its input."""
    return {
        "1-D": (nn.Conv1d(4, 6, 3, stride=2, padding=1), (4, 6)),
        "1-D dilated": (nn.Conv1d(4, 6, 3, dilation=2, groups=2, padding=1), (4, 6)),
        "1-D same": (nn.Conv1d(4, 3, 4, padding="same"), (4, 5)),
        "2-D": (nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0)), (2, 4, 4)),
        "2-D grouped": (nn.Conv2d(4, 4, 3, groups=2, padding=2, dilation=2), (4, 3, 3)),
        "3-D": (nn.Conv3d(2, 3, 2, padding=1), (2, 2, 3, 2)),
        "3-D grouped": (nn.Conv3d(2, 4, 2, groups=2, stride=(1, 2, 1)), (2, 2, 3, 2)),
        "transposed 1-D": (
            nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
            (4, 3),
        ),
        "transposed 2-D": (
            nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1),
            (2, 3, 2),
        ),
        "transposed 3-D": (nn.ConvTranspose3d(2, 2, 2, stride=2, dilation=1), (2, 1, 2, 2)),
        "linear": (nn.Linear(6, 5), (6,)),
        "matrix product": (Product(), (8,)),
        "1-D with norm": (nn.Sequential(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)), (4, 5)),
        "3-D with norm": (nn.Sequential(nn.Conv3d(2, 3, 2), nn.BatchNorm3d(3)), (2, 2, 3, 2)),
        "linear with norm": (nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)), (6,)),
    }


SHAPES = {name: shape for name, (_, shape) in kinds().items()}
RULES: dict[str, Twin] = {
    "epsilon": twins.epsilon,
    "z-plus": twins.z_plus,
    "gamma": twins.gamma,
    "alpha2-beta1": twins.alpha2_beta1,
}
TERMINAL: dict[str, Twin] = {
    "flat": twins.flat,
    "w-square": lambda x, W, b, R, eps: twins.distribute(W**2, torch.zeros_like(b), R, 0.0),
}


@cache
def layer(kind: str) -> nn.Module:
    """Return a layer with random weights, whose first output never gets a positive contribution
    from a positive input."""
    made = kinds()[kind][0].double().eval()
    for number, (name, values) in enumerate(made.state_dict().items()):
        if not values.is_floating_point():
            continue
        values.copy_(images(1, *values.shape, seed=number)[0])
        if name.endswith("running_var"):
            values.copy_(values.abs() + 0.2)
    weight = next(each for each in made.parameters() if each.dim() > 1).detach()
    first = weight[:, 0] if "transposed" in kind or kind == "matrix product" else weight[0]
    first.copy_(-first.abs())
    return made


def unflattened(kind: str, *, before: bool, after: bool) -> Callable[[Tensor], Tensor]:
    """Return the layer, with a ReLU before it and one after it where wanted."""
    made = layer(kind)

    def function(x: Tensor) -> Tensor:
        y: Tensor = made(x.relu() if before else x)
        return y.relu() if after else y

    return function


@cache
def graph(kind: str, *, before: bool = False, after: bool = False) -> Graph:
    function = unflattened(kind, before=before, after=after)
    return captured(function, pictures(kind))


def pictures(kind: str) -> Tensor:
    """Return three images: of both signs, and one that is positive everywhere."""
    x = images(3, *SHAPES[kind], seed=9)
    x[2].abs_()
    return x


@cache
def matrix(kind: str) -> tuple[Tensor, Tensor]:
    """Return the layer as W (outputs, inputs) and what it adds to each output."""
    with torch.no_grad():
        start = layer(kind)(torch.zeros(1, *SHAPES[kind], dtype=torch.float64))
        W = twins.matrix(lambda v: layer(kind)(v).detach() - start, SHAPES[kind])
    return W, start.flatten()


def opened(x: Tensor, W: Tensor, b: Tensor, R: Tensor, eps: float) -> Tensor:
    """Do z-plus; what only negative contributions made goes to them, by their share of z."""
    result = twins.z_plus(x, W, b, R, eps)
    z = W @ x + b
    for j in range(W.shape[0]):
        nothing = float((W[j] * x).clamp(min=0).sum() + b[j].clamp(min=0)) == 0
        if nothing and float(W[j] @ x) < 0:
            result += W[j] * x / z[j] * R[j]
    return result


def cases(names: dict[str, Twin]) -> list[tuple[str, str]]:
    return [(kind, rule) for kind in SHAPES for rule in names]


def check(kind: str, rule: str, twin: Twin, *, before: bool, after: bool, bias: Bias) -> str:
    """Compare R at the input, at several rows per image; return the name of the rule that ran."""
    x = pictures(kind)
    captured_graph = graph(kind, before=before, after=after)
    operation = next(
        node.operation
        for node in captured_graph.nodes
        if node.operation.startswith(("conv", "linear"))
    )
    mapping = {"base": "epsilon", "operations": {operation: rule}}
    made = planned(captured_graph, mapping, Settings(epsilon=EPS, bias=bias))
    W, b = matrix(kind)
    c = images(len(ROWS), W.shape[0], seed=4)
    found = made.relevance(x, c, ROWS)
    for row, image in enumerate(ROWS):
        source = x[image].flatten()
        source = source.clamp(min=0) if before else source
        z = W @ source + b
        R = c[row] * (z.clamp(min=0) if after else z)
        used = torch.zeros_like(b) if bias == "exclude" else b
        expected = twin(source, W, used, R, EPS)
        assert torch.allclose(found[row].flatten(), expected, rtol=1e-9, atol=1e-10), row
    (name,) = made.rules(operation)
    return name


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize(("kind", "rule"), cases(RULES))
def test_rule_equals_its_matrix_twin(kind: str, rule: str) -> None:
    for before in (False, True):
        for after in (False, True):
            twin = opened if rule == "z-plus" and not after else RULES[rule]
            name = check(kind, rule, twin, before=before, after=after, bias="absorb")
            both = rule in {"z-plus", "gamma"} and not before
            assert name == (f"{rule} (signed input)" if both else rule)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("kind", ["1-D same", "3-D", "transposed 2-D", "linear with norm"])
def test_excluded_biases_are_in_no_denominator(kind: str) -> None:
    for rule in ("epsilon", "alpha2-beta1"):
        check(kind, rule, RULES[rule], before=False, after=False, bias="exclude")
    check(kind, "z-plus", RULES["z-plus"], before=True, after=True, bias="exclude")


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (kind, rule)
        for kind, rule in cases(TERMINAL)
        # An uneven 'same' is a pad of its own, and transposed layers are no first layers.
        if not kind.startswith(("1-D same", "transposed"))
    ],
)
def test_terminal_rule_equals_its_matrix_twin(kind: str, rule: str) -> None:
    if kind == "matrix product" or kind.startswith("linear"):
        assert bool((matrix(kind)[0] != 0).all())
    check(kind, rule, TERMINAL[rule], before=False, after=False, bias="absorb")


def test_the_first_output_is_open_and_the_twins_tell() -> None:
    W, b = matrix("2-D")
    x = pictures("2-D")[2].flatten()
    R = torch.ones_like(b)
    plain, special = (each(x, W, b.clamp(max=0), R, EPS) for each in (twins.z_plus, opened))
    assert not torch.allclose(plain, special)
