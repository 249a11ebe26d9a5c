"""Which tensor of a result holds the logits, against results of every form."""

from __future__ import annotations

import re
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from auditor.base.errors import ModelError, UnknownNameError
from auditor.subject.answers import Answer, find_answer, logits

Pair = namedtuple("Pair", ["logits", "aux"])
ROW = torch.tensor([[1.0, 2.0, 3.0]])
MAP = torch.zeros(1, 3, 7, 7)
LABELS = torch.zeros(1, dtype=torch.int64)


@dataclass
class Registered:
    scores: Tensor
    features: Tensor


@dataclass
class Unregistered:
    scores: Tensor


class Ordered(OrderedDict):
    """A dictionary whose container torch knows, but not the keys of it."""


torch.export.register_dataclass(Registered)
pytree.register_pytree_node(
    Ordered,
    lambda held: (list(held.values()), list(held)),
    lambda values, keys: Ordered(zip(keys, values, strict=True)),
    serialized_type_name="tests.Ordered",
)


@pytest.mark.parametrize(
    ("result", "place", "name"),
    [
        (ROW, 0, ""),
        ((ROW,), 0, "0"),
        ([MAP, ROW], 1, "1"),
        ({"loss": None, "out": ROW}, 1, "out"),
        ({"step": 3, "inner": {"aux": [MAP, ROW]}}, 2, "inner.aux.1"),
        ({"features": ROW, "logits": ROW}, 1, "logits"),
        (((ROW, ROW), {"logits": ROW, "maps": MAP}), 2, "1.logits"),
        (Pair(ROW, ROW), 0, "logits"),
        ({"labels": LABELS, "scores": ROW}, 1, "scores"),
        (Ordered(loss=torch.zeros(()), logits=ROW, features=ROW), 1, "logits"),
    ],
)
def test_the_logits_are_found(result: Any, place: int, name: str) -> None:
    assert find_answer(result) == Answer(place, name, False)
    assert torch.equal(logits(result, find_answer(result)), ROW)


def test_a_dataclass_that_torch_knows_is_looked_into() -> None:
    result = Registered(ROW, 2 * ROW)
    assert find_answer(result, "features") == Answer(1, "features", False)
    with pytest.raises(ModelError, match=r"scores \(1, 3\), features \(1, 3\)\); set model.output"):
        find_answer(result)
    with pytest.raises(ModelError, match="returns a Unregistered"):
        find_answer(Unregistered(ROW))


def test_several_candidates_are_listed_with_their_shapes() -> None:
    result = {"scores": ROW, "features": torch.zeros(1, 8), "mask": MAP}
    message = (
        "several tensors that can be logits (scores (1, 3), features (1, 8)); set model.output to "
        "one of scores, features."
    )
    with pytest.raises(ModelError, match=re.escape(message)):
        find_answer(result)
    assert find_answer(result, "features") == Answer(1, "features", False)
    twice = [{"logits": ROW}, {"logits": ROW}]
    with pytest.raises(ModelError, match=r"one of 0.logits, 1.logits"):
        find_answer(twice)


def test_a_wanted_output_must_be_there_and_fit() -> None:
    result = {"scores": ROW, "mask": MAP, "loss": None}
    with pytest.raises(UnknownNameError, match=r"model output 'score'. Did you mean 'scores'"):
        find_answer(result, "score")
    with pytest.raises(ModelError, match=r"'mask' is a tensor of shape \(1, 3, 7, 7\), which"):
        find_answer(result, "mask")
    with pytest.raises(UnknownNameError, match=r"'loss'.* Known: scores"):
        find_answer(result, "loss")
    with pytest.raises(UnknownNameError, match="Known: none"):
        find_answer(ROW, "logits")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (MAP, r"returns a tensor of shape \(1, 3, 7, 7\).*only classifiers of whole images"),
        (LABELS, r"returns a int64 tensor of shape \(1,\), which cannot be logits"),
        (None, "returns None"),
        ({}, "returns a dict without logits: nothing"),
        ({"mask": MAP, "n": 3}, r"mask is a tensor of shape \(1, 3, 7, 7\), n is a int"),
        (torch.zeros(1, 0), r"shape \(1, 0\)"),
    ],
)
def test_results_without_logits_are_refused(result: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        find_answer(result)


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_a_single_logit_becomes_a_pair_with_its_probability(shape: tuple[int, ...]) -> None:
    z = torch.linspace(-3, 3, 5)
    result = {"score": z.reshape(shape)}
    answer = find_answer(result)
    assert answer.single
    pair = logits(result, answer)
    assert pair.shape == (5, 2)
    torch.testing.assert_close(pair.softmax(1)[:, 1], torch.sigmoid(z))
    torch.testing.assert_close(pair[:, 1] - pair[:, 0], z)


class Several(nn.Module):
    def forward(self, x: Tensor) -> Any:
        means = x.mean((2, 3))
        return {"loss": None, "n": 3, "parts": (means, means.sum(1)), "logits": means * 2}


def test_places_are_those_of_the_outputs_of_an_exported_model() -> None:
    model, example = Several(), torch.rand(2, 3, 4, 4)
    program = torch.export.export(model, (example,), strict=False)
    values = program.graph_signature.user_outputs
    for wanted in ("parts.0", "parts.1", "logits"):
        answer = find_answer(model(example), wanted)
        assert isinstance(values[answer.place], str), wanted
        captured = program.module()(example)
        assert torch.equal(logits(captured, answer), logits(model(example), answer))
    assert values[0] is None
    assert values[1] == 3


def test_a_result_that_changes_its_structure_is_an_error() -> None:
    answer = find_answer([MAP, ROW])
    for other in ([MAP], [MAP, None]):
        with pytest.raises(ModelError, match="changed its structure between calls: output '1'"):
            logits(other, answer)
