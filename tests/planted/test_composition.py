"""Composition graphs of the trained net lead to the detectors of the planted patches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auditor.concepts.composition import shares
from auditor.relevance.sweep.conditions import Condition
from tests.planted.pictures import KINDS, NAMES, PAIRS
from tests.planted.world import World


def kinds_of(name: str) -> set[str]:
    return set(PAIRS.get(name, ("stars", "retina")))


@pytest.mark.parametrize("output", range(len(NAMES)))
def test_leading_concepts_are_made_of_the_detectors_of_the_class(
    world: World, detectors: np.ndarray, output: int
) -> None:
    below = world.composer(keep=3).of_class(output).steps[1]
    kind_of = [KINDS[kind] for kind in detectors.argmax(axis=1)]
    flow = below.flow.sum(axis=0)
    part = dict(zip([kind_of[child] for child in below.children], flow / flow.sum(), strict=True))
    own = {kind for kind, share in part.items() if share > 0.05}
    assert own == kinds_of(NAMES[output])
    assert sum(part[kind] for kind in own) > 0.95


def test_what_classes_share_shows_in_both_graphs(world: World, detectors: np.ndarray) -> None:
    graphs = [world.composer(keep=3).of_class(output) for output in range(len(PAIRS))]
    tops = [set(graph.steps[0].children) for graph in graphs]
    below = [dict(_carried(graph.steps[1])) for graph in graphs]
    for first, one in enumerate(PAIRS.values()):
        for second, other in list(enumerate(PAIRS.values()))[first + 1 :]:
            both = {c for c in below[first] if c in below[second]}
            kinds = {KINDS[int(detectors[channel].argmax())] for channel in both}
            assert kinds == set(one) & set(other)
            # No concept of the upper layer stands for pictures that share nothing.
            assert not (tops[first] & tops[second]) or kinds


def _carried(step: object) -> list[tuple[int, float]]:
    flow = step.flow.sum(axis=0)  # type: ignore[attr-defined]
    found = zip(step.children, flow / flow.sum(), strict=True)  # type: ignore[attr-defined]
    return [(child, share) for child, share in found if share > 0.05]


@pytest.mark.parametrize("output", [0, 3])
def test_edges_agree_with_one_condition_on_one_picture_at_a_time(world: World, output: int) -> None:
    graph = world.composer(keep=2).of_class(output)
    below = graph.steps[1]
    slow = np.zeros_like(below.flow)
    target = torch.tensor([output])
    for row in graph.rows:
        images = world.subject.load([int(row)])
        for place, parent in enumerate(below.parents):
            condition = Condition({"objects": (parent,)})
            found = world.explainer.conditional_relevance(images, [condition], ["parts"], target)
            slow[place] += found["parts"][0, 0].sum((1, 2)).double().numpy()[list(below.children)]
    slow /= len(graph.rows)
    np.testing.assert_allclose(below.flow, slow, rtol=1e-4, atol=1e-4)
    expected = slow / below.relevance[:, None]
    np.testing.assert_allclose(shares(below), expected, rtol=1e-4, atol=1e-4)
