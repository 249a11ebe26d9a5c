"""Probabilities are told by their values and explained through what stands before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditor.base.errors import ModelError
from auditor.relevance.check.explained import check
from auditor.relevance.explainer import Explainer
from auditor.subject.scores import kind_of, surely_logits, trial_inputs
from tests.relevance.twins_engine import images

X = images(4, 3, 6, 6)
MERGE = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]).double()


class Pair(nn.Module):
    """Two small members with a head each, and any way to answer from both."""

    def __init__(self, finish: Callable[[Tensor, Tensor], Any], outputs: int = 4) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.convs = nn.ModuleList(nn.Conv2d(3, 5, 3, padding=1) for _ in range(2))
        self.heads = nn.ModuleList(nn.Linear(5, outputs) for _ in range(2))
        self.finish = finish

    def forward(self, x: Tensor) -> Any:
        first, second = (
            5 * head(F.relu(conv(x)).mean((2, 3)))
            for conv, head in zip(self.convs, self.heads, strict=True)
        )
        return self.finish(first, second)


def made(finish: Callable[[Tensor, Tensor], Any], outputs: int = 4) -> Pair:
    return Pair(finish, outputs).double().eval()


MEMBERS = made(lambda a, b: torch.cat([a, b], 1))
ENSEMBLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean of two": lambda a, b: (a.softmax(1) + b.softmax(1)) / 2,
    "stacked": lambda a, b: torch.stack([a.softmax(1), b.softmax(-1)]).mean(0),
    "weighed": lambda a, b: 0.7 * a.softmax(1) + 0.3 * b.softmax(1),
    "product, normed": lambda a, b: F.normalize(a.softmax(1) * b.softmax(1), p=1, dim=1),
    "log of the mean": lambda a, b: ((a.softmax(1) + b.softmax(1)) / 2).log(),
    "classes merged": lambda a, b: a.softmax(1) @ MERGE.T.to(a),
    "per cent": lambda a, b: 50 * (a.softmax(1) + b.softmax(1)),
    "mean of logarithms": lambda a, b: (F.log_softmax(a, 1) + F.log_softmax(b, 1)) / 2,
    "temperature": lambda a, b: F.normalize(a.softmax(1).sqrt(), p=1, dim=1),
    "smoothed": lambda a, b: 0.9 * a.softmax(1) + 0.1 / 4,
}


def centred(probabilities: Tensor) -> Tensor:
    return probabilities.log() - probabilities.log().mean(1, keepdim=True)


@pytest.mark.parametrize("name", ENSEMBLES)
def test_log_probabilities_are_explained_through_the_members(name: str) -> None:
    """The heatmap is that of every member's logits, weighed by the gradient of the answer."""
    finish = ENSEMBLES[name]
    explainer = Explainer(made(finish), X[:1], "epsilon")
    members = Explainer(MEMBERS, X[:1], "epsilon")
    with torch.no_grad():
        answer = made(finish)(X)
    probabilities = answer.exp() if "log" in name else answer
    whole = probabilities.sum(1, keepdim=True)
    assert torch.allclose(explainer.predict(X).softmax(1), probabilities / whole)
    assert any("less their mean over the outputs" in note for note in explainer.notes)
    assert not any("without a relevance rule" in note for note in explainer.notes)
    leaves = members.predict(X).requires_grad_()
    answer = finish(leaves[:, :4], leaves[:, 4:])
    scores = centred(answer.exp() if "log" in name else answer)
    for target in range(scores.shape[1]):
        found = explainer.explain(X, torch.full((4,), target)).heatmap
        (slopes,) = torch.autograd.grad(scores[:, target].sum(), leaves, retain_graph=True)
        expected = torch.zeros_like(X[:, 0])
        for output in range(8):
            own = members.explain(X, torch.full((4,), output)).heatmap
            assert own is not None
            expected += slopes[:, output, None, None] * own
        assert found is not None
        assert torch.allclose(found, expected, atol=1e-8)


SINGLE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "clamped": lambda a, b: a.sigmoid().clamp(1e-6, 1 - 1e-6),
    "written out": lambda a, b: 1 / (1 + (-a).exp()),
    "mean of two": lambda a, b: (a.sigmoid() + b.sigmoid()) / 2,
    "mean of two, flat": lambda a, b: ((a.sigmoid() + b.sigmoid()) / 2).squeeze(1),
}


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_probability_becomes_log_odds(name: str) -> None:
    model = made(SINGLE[name], 1)
    explainer = Explainer(model, X[:1], "epsilon")
    with torch.no_grad():
        expected = model(X).reshape(-1)
    assert explainer.classes == 2
    assert torch.allclose(explainer.predict(X).softmax(1)[:, 1], expected)
    own = [explainer.explain(X, torch.full((4,), target)).heatmap for target in (0, 1)]
    assert own[0] is not None
    assert own[1] is not None
    assert torch.allclose(own[0], -own[1])
    assert float(own[0].abs().max()) > 0


def test_both_sides_of_a_sigmoid_are_probabilities() -> None:
    both = made(lambda a, b: torch.cat([1 - a.sigmoid(), a.sigmoid()], 1), 1)
    explainer = Explainer(both, X[:1], "epsilon")
    single = Explainer(made(lambda a, b: a, 1), X[:1], "epsilon")
    assert torch.allclose(explainer.predict(X), single.predict(X), atol=1e-6)
    for target in (0, 1):
        pair = [e.explain(X, torch.full((4,), target)).heatmap for e in (explainer, single)]
        assert pair[0] is not None
        assert pair[1] is not None
        assert torch.allclose(pair[0], pair[1], atol=1e-6)


REFUSED: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], str]] = {
    "a sigmoid each": (lambda a, b: a.sigmoid(), "independent probabilities"),
    "their mean": (lambda a, b: (a.sigmoid() + b.sigmoid()) / 2, "independent probabilities"),
    "hard sigmoid": (lambda a, b: F.hardsigmoid(a), "independent probabilities"),
    "rounded": (lambda a, b: a.softmax(1).round(decimals=3), "change in steps"),
    "decisions": (lambda a, b: F.one_hot(a.argmax(1), 4).to(a), "change in steps"),
    "votes": (
        lambda a, b: (F.one_hot(a.argmax(1), 4) + F.one_hot(b.argmax(1), 4)).to(a) / 2,
        "turns a value that depends on the picture into a number|change in steps",
    ),
    "two heads": (
        lambda a, b: torch.cat([a[:, :2].softmax(1), b[:, :2].softmax(1)], 1),
        "several heads",
    ),
    "heads of two and three": (
        lambda a, b: torch.cat([a[:, :2].softmax(1), b[:, :3].softmax(1)], 1),
        "several heads",
    ),
    "ordinal": (
        lambda a, b: (a[:, :1] + torch.tensor([3.0, 1.0, -1.0, -3.0]).to(a)).sigmoid(),
        "cumulative probabilities",
    ),
    "summed": (lambda a, b: a.softmax(1).cumsum(1), "cumulative probabilities"),
    "summed from the top": (
        lambda a, b: a.softmax(1).flip(1).cumsum(1).flip(1)[:, 1:],
        "cumulative probabilities",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_probabilities_are_refused_by_their_name(name: str) -> None:
    finish, word = REFUSED[name]
    with pytest.raises(ModelError, match=word):
        Explainer(made(finish), X[:1])


def test_the_user_may_say_what_the_outputs_are() -> None:
    model = made(lambda a, b: a.sigmoid())
    with torch.no_grad():
        answer = model(X)
    assert torch.allclose(Explainer(model, X[:1], scores="logits").predict(X), answer)
    shared = Explainer(model, X[:1], scores="probabilities").predict(X).softmax(1)
    assert torch.allclose(shared, answer / answer.sum(1, keepdim=True))


@pytest.mark.parametrize("outputs", [1, 2, 3, 10])
def test_logits_are_never_taken_for_probabilities(outputs: int) -> None:
    near, far = trial_inputs(X[:1])
    for seed in range(12):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(4, outputs),
        ).double()  # fmt: skip
        with torch.no_grad():
            model[-1].weight.mul_(0.1)
            model[-1].bias.fill_(1 / max(outputs, 2))
            assert kind_of(model(torch.cat([near, X])), model(far)) == "logits"


def test_what_the_values_are_needs_all_of_the_rows() -> None:
    far = torch.tensor([[40.0, -3.0]])
    rows = torch.tensor([[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]])
    assert kind_of(rows, rows) == "probabilities"
    assert kind_of(rows, far) == "logits"
    assert kind_of(torch.cat([rows, far]), rows) == "logits"
    assert kind_of(torch.cat([rows, torch.tensor([[0.3, 0.3]])]), rows) == "independent"
    assert kind_of(torch.cat([rows, far.log()]), rows) == "probabilities"  # NaN does not count
    assert kind_of(rows.log(), rows.log()) == "log-probabilities"
    assert kind_of(rows.log10(), rows.log10()) == "other logarithms"
    assert kind_of(rows.log2(), rows.log2()) == "other logarithms"
    assert kind_of(torch.cat([rows, rows * rows]).log10(), rows.log10()) == "logits"
    assert kind_of(rows.half().float(), rows) == "probabilities"
    assert kind_of(rows[:0], rows) == "logits"
    assert kind_of(100 * rows, 100 * rows) == "probabilities"
    assert kind_of(100 * rows, 1e6 * rows) == "logits"
    assert surely_logits(torch.cat([rows, far]))
    assert not surely_logits(rows)
    assert not surely_logits(rows.log())


LAST: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "logits": lambda a, b: a,
    "softmax": lambda a, b: a.softmax(1),
    "log_softmax": lambda a, b: F.log_softmax(a, 1),
    "ensemble": ENSEMBLES["mean of two"],
    "per cent": ENSEMBLES["per cent"],
    "mean of logarithms": ENSEMBLES["mean of logarithms"],
    "in a tuple": lambda a, b: (a.softmax(1), a.sum()),
}


@pytest.mark.parametrize("name", LAST)
def test_the_models_own_logits_are_those_that_are_explained(name: str) -> None:
    model = made(LAST[name]).float()
    explainer = Explainer(model, X[:1].float())
    found = check(explainer, X[:2].float(), model=model)
    assert found.forward_difference is not None
    assert found.forward_difference < 1e-5


def test_a_single_sigmoid_is_checked_against_the_model_too() -> None:
    model = made(lambda a, b: a.sigmoid().squeeze(1), 1).float()
    found = check(Explainer(model, X[:1].float()), X[:2].float(), model=model)
    assert found.forward_difference is not None
    assert found.forward_difference < 1e-5


@pytest.mark.parametrize("answers", [[0.22, 0.40, 1.38], [0.2, 0.3, 0.5], [0.1, 0.9, 0.4]])
def test_a_model_that_barely_looks_is_not_taken_for_one_of_probabilities(
    answers: list[float],
) -> None:
    nearly = made(lambda a, b: torch.tensor(answers).to(a) + 1e-3 * torch.tanh(a[:, :3]))
    assert Explainer(nearly, X[:1], "epsilon").scores == "logits"


def test_a_linear_layer_on_logarithms_gives_logits() -> None:
    mixed = torch.tensor([[2.0, -1.0, 0.5], [-1.0, 3.0, 0.0], [0.5, 0.5, -2.0]])
    head = made(lambda a, b: F.linear(a[:, :3].square().add(1e-3).log(), mixed.to(a)))
    assert Explainer(head, X[:1], "epsilon").scores == "logits"


def test_a_single_output_in_per_cent_is_refused() -> None:
    with pytest.raises(ModelError, match="a probability in per cent"):
        Explainer(made(lambda a, b: 100 * a.sigmoid(), 1), X[:1])


def test_sums_of_members_are_one_distribution() -> None:
    summed = made(lambda a, b: a.softmax(1) + b.softmax(1))
    assert Explainer(summed, X[:1]).scores == "probabilities"
