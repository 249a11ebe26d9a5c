"""Every baseline finds the group it was made for, and says nothing of a class without one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.benchmarks.shortcuts import baselines
from tests.benchmarks.shortcuts.baselines import Verdict

Method = Callable[[np.ndarray], Verdict]
GROUPS: dict[str, Method] = {
    "spray": baselines.spectral_relevance,
    "activation clustering": baselines.activation_clustering,
    "spectral signatures": baselines.spectral_signature,
    "pcx component": baselines.prototype_component,
}


def members(count: int, group: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points of which the first ``group`` lie apart along one axis."""
    generator = np.random.default_rng(0)
    points = np.abs(generator.normal(1.0, 0.1, (count, 12)))
    points[:group, 3] += distance
    return points, np.arange(count) < group


@pytest.mark.parametrize("name", GROUPS)
def test_a_minority_apart_is_found(name: str) -> None:
    points, truth = members(60, 12, 3.0)
    verdict = GROUPS[name](points)
    assert verdict.members.shape == (60,)
    assert roc_auc_score(truth, verdict.members) > 0.95


@pytest.mark.parametrize("name", GROUPS)
def test_a_class_with_a_group_is_more_suspicious(name: str) -> None:
    with_group = GROUPS[name](members(60, 12, 3.0)[0]).suspicion
    assert with_group > GROUPS[name](members(60, 0, 0.0)[0]).suspicion


@pytest.mark.parametrize("method", [baselines.prototype_likelihood, baselines.outlier_factor])
def test_single_outliers_are_found(method: Method) -> None:
    points, truth = members(60, 2, 2.0)
    points[0, 3] += 1.5
    verdict = method(points)
    assert roc_auc_score(truth, verdict.members) > 0.95


def test_a_majority_inverts_what_looks_for_minorities() -> None:
    # The pilot's reason not to rely on clusters: most members carry the artefact.
    points, truth = members(60, 48, 3.0)
    verdict = baselines.activation_clustering(points)
    assert roc_auc_score(truth, verdict.members) < 0.05


def test_relevance_rank_names_the_concept_that_only_this_class_uses() -> None:
    shares = np.full((20, 12), 0.01)
    shares[:, :4] = [0.3, 0.2, 0.1, 0.05]
    shares[:10, 7] = 0.6
    others = np.tile(np.append(np.linspace(0.4, 0.05, 11), 0.01), (3, 1))
    others[:, 7] = 0.0
    verdict = baselines.relevance_rank(shares, others)
    assert verdict.suspicion == pytest.approx(12 - 1)
    assert np.array_equal(verdict.members, shares[:, 7])


def test_heatmaps_shrink_to_shares() -> None:
    heat = np.random.default_rng(0).normal(size=(3, 64, 64))
    cells = baselines.shrunk(heat)
    assert cells.shape == (3, 256)
    assert np.abs(cells).sum(axis=1) == pytest.approx(1.0)
    assert cells[0, 0] * heat[0, :4, :4].mean() > 0
