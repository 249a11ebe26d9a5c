"""Which unit leads: figures against plain loops, and worlds with a known answer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.concepts.components import positional_components
from auditor.concepts.units import (
    channel_figures,
    component_figures,
    leading_unit,
    overlap_of,
)


def distinct_world():
    """Return relevance where one channel per place carries most of the class."""
    rng = np.random.default_rng(0)
    relevance = rng.uniform(0, 0.001, (10, 40, 4, 4))
    for place in range(4):
        relevance[:, place, place, :] += rng.uniform(0.8, 1.2, (10, 1))
    return relevance, np.arange(10) % 2


def wide_world():
    """Return relevance where two groups of 30 channels each always act together."""
    rng = np.random.default_rng(1)
    relevance = np.zeros((24, 60, 4, 4))
    groups = np.repeat([0, 1], 30)
    channel = rng.uniform(0.5, 1.5, 60)
    for row in range(24):
        for group, rows in enumerate((slice(0, 2), slice(2, 4))):
            place = np.zeros((4, 4))
            place[rows] = rng.dirichlet(np.ones(8)).reshape(2, 4)
            relevance[row, groups == group] = channel[groups == group, None, None] * place
    return relevance, np.arange(24) % 2, groups


def test_distinct_channels_lead():
    relevance, classes = distinct_world()
    figures = channel_figures(relevance, classes)
    assert figures.for_half == 2
    assert figures.overlap < 0.3
    decision = leading_unit("features.7", figures)
    assert decision.leads == "channel"
    assert "2 of 40 channels carry half" in decision.sentence


def test_components_lead_where_many_channels_act_together():
    relevance, classes, groups = wide_world()
    channels = channel_figures(relevance, classes)
    assert channels.for_half > 10
    assert channels.overlap > 0.5
    components = positional_components(
        "features.7", relevance, np.arange(24), classes, rng=np.random.default_rng(0)
    )
    figures = component_figures(components)
    assert figures.overlap < 0.2
    assert figures.carried > 0.9
    decision = leading_unit("features.7", channels, [figures])
    assert decision.leads == "component"
    assert "components lead." in decision.sentence
    assert decision.kinds == [channels, figures]
    subspaces = channel_figures(relevance, classes, kind="subspace", groups=groups)
    assert subspaces.units == 2
    assert subspaces.overlap < 1e-9
    assert leading_unit("features.7", channels, [subspaces]).leads == "subspace"


def test_units_that_hide_most_of_the_relevance_do_not_lead():
    relevance, classes, groups = wide_world()
    few = np.where(np.arange(60) % 10 == 0, groups, -1)
    channels = channel_figures(relevance, classes)
    subspaces = channel_figures(relevance, classes, kind="subspace", groups=few)
    assert subspaces.for_half is None
    decision = leading_unit("features.7", channels, [subspaces])
    assert decision.leads == "channel"
    assert "all 2 subspaces carry less than half" in decision.sentence
    assert "no other unit does better" in decision.sentence
    assert "no other unit was measured" in leading_unit("features.7", channels).sentence


def test_a_single_component_does_not_lead():
    relevance, classes, _ = wide_world()
    channels = channel_figures(relevance, classes)
    one = channel_figures(relevance, classes, kind="component", groups=np.zeros(60, int))
    decision = leading_unit("features.7", channels, [one])
    assert decision.leads == "channel"
    assert "the only component carries 100\u00a0%" in decision.sentence


def test_figures_equal_plain_loops():
    rng = np.random.default_rng(2)
    relevance, classes = rng.normal(size=(6, 5, 2, 2)), np.array([3, 3, 3, 8, 8, 8])
    medians = []
    for output in (3, 8):
        own = classes == output
        figures = channel_figures(relevance[own], classes[own], top=3)
        medians.append((figures.top_share, figures.for_half, figures.carried, figures.overlap))
        shares = []
        for row in np.flatnonzero(classes == output):
            positive = [sum(max(v, 0) for v in relevance[row, c].ravel()) for c in range(5)]
            shares.append([value / sum(positive) for value in positive])
        mean = [sum(column) / len(column) for column in zip(*shares, strict=True)]
        order = sorted(range(5), key=lambda c: -mean[c])
        assert figures.top_share == pytest.approx(mean[order[0]])
        reached = [sum(mean[c] for c in order[: k + 1]) for k in range(5)]
        assert figures.for_half == 1 + sum(value < 0.5 for value in reached)
        assert figures.carried == pytest.approx(reached[-1])
        overlaps = []
        for row in np.flatnonzero(classes == output):
            maps = [np.maximum(relevance[row, c], 0).ravel() for c in order[:3]]
            maps = [m / np.linalg.norm(m) for m in maps if m.any()]
            pairs = [float(a @ b) for a, b in itertools.combinations(maps, 2)]
            if pairs:
                overlaps.append(sum(pairs) / len(pairs))
        assert figures.overlap == pytest.approx(sum(overlaps) / len(overlaps))
    both = channel_figures(relevance, classes, top=3)
    together = (both.top_share, both.for_half, both.carried, both.overlap)
    assert together == pytest.approx(np.median(medians, axis=0))


def test_overlap_of_maps():
    assert overlap_of(np.eye(3)) == 0
    assert overlap_of(np.ones((2, 4))) == pytest.approx(1)
    assert overlap_of(np.array([[1.0, 2.0], [0.0, 0.0]])) is None


def test_no_relevance_and_three_channels_are_no_errors():
    none = channel_figures(-np.ones((2, 3, 1, 1)), np.array([0, 0]))
    assert none.for_half is None
    assert leading_unit("x", none).leads == "channel"
    empty = channel_figures(np.zeros((0, 3, 2, 2)), np.zeros(0, int))
    assert leading_unit("x", empty).leads == "channel"


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        channel_figures(np.ones((2, 3, 1, 1)), np.zeros(3, int))
