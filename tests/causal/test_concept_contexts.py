"""Surroundings by concept: found where they hold what the model reads, whatever they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.images import load_members
from auditor.causal.surround_findings import context_findings
from auditor.causal.surround_trials import Context, Contexts, context_trials
from auditor.records.stages import Finding
from auditor.relevance.explainer import Explainer
from auditor.shortcuts.grading import settled
from tests.causal.test_surrounds import INSIDE, scenes
from tests.causal.worlds import SIZE, KnownModel, World


class Pooled(nn.Module):
    """Reads the mean colours of the middle, for class 0 with ``surround`` those around it."""

    def __init__(self, surround: float) -> None:
        super().__init__()
        middle = torch.zeros(1, 1, SIZE, SIZE)
        middle[(slice(None), slice(None), *INSIDE)] = 1.0
        self.parts = nn.Conv2d(3, 6, SIZE)
        self.flatten = nn.Flatten()
        self.relu = nn.ReLU()
        self.read = nn.Linear(6, 3)
        with torch.no_grad():
            self.parts.weight.zero_()
            self.parts.bias.zero_()
            self.read.weight.zero_()
            self.read.bias.zero_()
            for colour in range(3):
                self.parts.weight[colour, colour] = middle[0, 0] / middle.sum()
                outside = 1 - middle[0, 0]
                self.parts.weight[3 + colour, colour] = outside / outside.sum()
                self.read.weight[colour, colour] = 10.0
            if surround:
                self.read.weight[0] = torch.tensor([0, 0, 0, -surround, 0.2 * surround, surround])

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        logits: Tensor = self.read(self.relu(self.flatten(self.parts(images))))
        return logits


def world(surround: float, teal: Sequence[float] = (0.9, 0.2, 0.2)) -> World:
    return replace(scenes(0.0, teal=teal), model=Pooled(surround).eval())


def searched(subject: World) -> tuple[Contexts, list[Finding]]:
    stage = subject.stage(60, permutations=300)
    contexts = context_trials(stage, [load_members(stage.search, each) for each in range(3)], [])
    results, _ = settled(contexts.results)
    return contexts, context_findings(stage, contexts.trials, results)


@pytest.fixture(scope="module")
def found() -> tuple[Context, Finding]:
    contexts, findings = searched(world(40.0))
    (finding,) = findings
    (context,) = [each for each in contexts.trials if each.id == finding.candidate.id]
    return context, finding


def test_a_component_that_is_there_without_the_object_joins_the_surrounds_own_finding(
    found: tuple[Context, Finding],
) -> None:
    finding = found[1]
    assert (finding.candidate.output, finding.grade) == (0, "A")
    for test in ("component_around", "component_mistakes", "component_given", "component_taken"):
        assert finding.evidence[test].outcome == "supports", test
    assert finding.evidence["component_around"].low > 0.25
    assert finding.evidence["component_mistakes"].low > 0.25


def test_it_says_how_many_mistakes_the_component_explains(found: tuple[Context, Finding]) -> None:
    context, finding = found
    components = context.components
    assert components is not None
    brown = [row for row in components.mistakes if row % 44 >= 9]
    assert len(components.mistakes) >= 4
    assert not np.isin(brown, components.explained).any()
    assert f"the surroundings of {len(components.explained)} hold it" in finding.detail


def test_where_the_object_decides_no_component_is_proposed() -> None:
    contexts, findings = searched(world(0.0))
    assert contexts.unusable == ()
    assert contexts.trials == ()
    assert findings == []


def test_a_direction_at_random_turns_fewer(found: tuple[Context, Finding]) -> None:
    given = found[1].evidence["component_given"]
    assert set(given.controls) == {"a random direction of the same variance"}
    assert given.low > 0.25


def test_the_last_layer_is_linear_in_what_it_reads_or_is_not_used() -> None:
    subject = world(40.0)
    explainer = Explainer(subject.model, subject.load([0]))
    images = subject.load(range(5))
    head = explainer.last_linear()
    assert head is not None
    logits = head.logits(explainer.penultimate(images).double())
    assert torch.allclose(logits, explainer.predict(images).double(), atol=1e-5)
    # The logits of this one are the sum of two linear operations.
    contexts, _ = searched(replace(subject, model=KnownModel(6.0).eval()))
    assert not contexts.by_concept
    assert "not by components" in contexts.looked(10).how
    assert searched(subject)[0].looked(10).how == ""
