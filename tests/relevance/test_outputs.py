"""Which result of a model is explained, and what is known of the signs in its graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditor.base.errors import ModelError, UnknownNameError
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.capture import capture
from auditor.relevance.graph.non_negative import non_negative
from auditor.relevance.sweep.forward import run
from tests.relevance.twins_engine import captured, images

X = images(3, 3, 6, 6)
TOKEN = images(1, 3, 2, 6, seed=1)


class Headed(nn.Module):
    """A convolution whose module runs twice, and a result of any structure."""

    def __init__(self, finish: Callable[[Tensor, Tensor], Any], outputs: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.head, self.other = nn.Linear(3, outputs), nn.Linear(3, 5)
        self.finish = finish

    def forward(self, x: Tensor) -> Any:
        x = F.relu(self.conv(F.relu(self.conv(x)))).mean((2, 3))
        return self.finish(self.head(x), self.other(x))


def made(finish: Callable[[Tensor, Tensor], Any], outputs: int = 4) -> Headed:
    torch.manual_seed(1)
    return Headed(finish, outputs).double().eval()


def heatmap(explainer: Explainer) -> Tensor:
    found = explainer.explain(X, torch.tensor([1, 0, 1])).heatmap
    assert found is not None
    return found


def first(a: Tensor, b: Tensor) -> Tensor:
    return a


PLAIN = made(first)


@pytest.mark.parametrize(
    ("finish", "output"),
    [
        (lambda a, b: {"logits": a, "aux": b}, None),
        (lambda a, b: {"main": a, "aux": b}, "main"),
        (lambda a, b: (b, a), "1"),
        (lambda a, b: (b, {"deep": [b, a]}), "1.deep.1"),
        (lambda a, b: (a, a.sum(), None), None),
    ],
)
def test_the_chosen_result_is_explained(finish: Callable, output: str | None) -> None:
    explainer = Explainer(made(finish), X[:1], "epsilon", output=output)
    expected = Explainer(PLAIN, X[:1], "epsilon")
    assert torch.allclose(explainer.predict(X), expected.predict(X))
    assert torch.allclose(heatmap(explainer), heatmap(expected))
    assert explainer.notes == ()


def test_results_that_leave_a_choice_are_refused() -> None:
    with pytest.raises(ModelError, match="several tensors that can be logits"):
        Explainer(made(lambda a, b: (a, b)), X[:1])
    with pytest.raises(UnknownNameError, match="unknown model output 'c'"):
        Explainer(made(lambda a, b: {"a": a, "b": b}), X[:1], output="c")


@pytest.mark.parametrize(
    "finish",
    [
        lambda a, b: a.softmax(1),
        lambda a, b: F.log_softmax(a, -1),
        lambda a, b: a.softmax(1).reshape(-1, 4),
        lambda a, b: a.softmax(1).clamp(1e-7, 1 - 1e-7),
        lambda a, b: a.exp() / a.exp().sum(1, keepdim=True),
        lambda a, b: (a.softmax(1) + 1e-9).log(),
    ],
)
def test_a_final_softmax_is_left_out_with_a_note(finish: Callable) -> None:
    explainer = Explainer(made(finish), X[:1], "epsilon")
    expected = Explainer(PLAIN, X[:1], "epsilon")
    assert torch.allclose(explainer.predict(X), expected.predict(X))
    assert torch.allclose(heatmap(explainer), heatmap(expected))
    assert any("the logits before" in note for note in explainer.notes)


SINGLE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "column": first,
    "squeezed": lambda a, b: a.squeeze(1),
    "flat": lambda a, b: a.reshape(-1),
    "sigmoid": lambda a, b: a.sigmoid(),
    "sigmoid, squeezed": lambda a, b: a.sigmoid().squeeze(1),
    "squeezed, sigmoid": lambda a, b: a.squeeze(-1).sigmoid(),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_logit_becomes_two(name: str) -> None:
    explainer = Explainer(made(SINGLE[name], 1), X[:1], "epsilon")
    with torch.no_grad():
        z = made(first, 1)(X)
    assert torch.allclose(explainer.predict(X), torch.cat([-z / 2, z / 2], 1))
    assert explainer.classes == 2
    assert any("single logit" in note for note in explainer.notes)
    assert any("sigmoid:" in note for note in explainer.notes) == ("sigmoid" in name)
    for target in (0, 1):
        found = explainer.explain(X, torch.full((3,), target)).heatmap
        other = explainer.explain(X, torch.full((3,), 1 - target)).heatmap
        assert found is not None
        assert other is not None
        assert torch.allclose(found, -other)


def test_a_module_that_runs_twice_is_two_layers() -> None:
    explainer = Explainer(PLAIN, X[:1], "epsilon")
    assert {"conv", "conv@1"} <= set(explainer.layers)
    graph = capture(PLAIN, X[:1], X.device)
    seen = run(graph, X, [node.name for node in graph.nodes if node.operation == "conv2d"])
    found = explainer.activations(X, ("conv", "conv@1"))
    assert all(torch.allclose(a, b) for a, b in zip(found.values(), seen.values(), strict=True))
    assert not torch.allclose(found["conv"], found["conv@1"])


SIGNS: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "relu": (lambda x: x.relu(), True),
    "clamp": (lambda x: x.clamp(0.0, 1.0), True),
    "clamp below zero": (lambda x: x.relu().clamp(max=-0.5), False),
    "hardtanh below zero": (lambda x: F.hardtanh(x.relu(), -2.0, -1.0), False),
    "clamp by nothing": (lambda x: x.clamp(-1.0, 1.0), False),
    "tanh of relu": (lambda x: x.relu().tanh(), True),
    "tanh": (torch.tanh, False),
    "bicubic": (lambda x: F.interpolate(x.relu(), size=9, mode="bicubic"), False),
    "bilinear": (lambda x: F.interpolate(x.relu(), size=9, mode="bilinear"), True),
    "pad": (lambda x: F.pad(x.relu(), (1, 1)), True),
    "pad by a negative": (lambda x: F.pad(x.relu(), (1, 1), value=-1.0), False),
    "reflect": (lambda x: F.pad(x.relu(), (1, 1, 0, 0), mode="reflect"), True),
    "cat": (lambda x: torch.cat([x.relu(), x.sigmoid()], 1), True),
    "cat with a token": (
        lambda x: torch.cat([x.relu(), TOKEN.expand(x.shape[0], -1, -1, -1)], 2),
        False,
    ),
    "stack with the image": (lambda x: torch.stack([x.relu(), x], 1), False),
    "sum of two": (lambda x: x.relu() + x.sigmoid(), True),
    "sum with a constant": (lambda x: x.relu() + TOKEN[:, :, :1], False),
    "difference": (lambda x: x.relu() - x.sigmoid(), False),
    "weighted sum": (lambda x: torch.add(x.relu(), x.sigmoid(), alpha=-1), False),
    "elu": (F.elu, False),
    "negative": (lambda x: -x.relu(), False),
    "scaled": (lambda x: x.relu() * TOKEN[:, :, :1], False),
    "max": (lambda x: F.max_pool2d(x.relu(), 3, 2, 1), True),
}


def test_what_is_called_non_negative_is() -> None:
    def joined(x: Tensor) -> Tensor:
        return torch.cat([function(x).flatten(1) for function, _ in SIGNS.values()], 1)

    graph = captured(joined, X)
    known = non_negative(graph)
    values = run(graph, 3 * X, [node.name for node in graph.nodes if node.name in known])
    assert all(bool((value >= 0).all()) for value in values.values())


@pytest.mark.parametrize("name", SIGNS)
def test_signs_are_known_where_the_graph_tells(name: str) -> None:
    function, expected = SIGNS[name]
    graph = captured(function, X)
    assert (graph.output in non_negative(graph)) == expected
