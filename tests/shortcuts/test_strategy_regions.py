"""P2: a group that is decided by other concepts is found with its place; one cloud gives none."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.propose.proposals import PROPOSALS
from auditor.shortcuts.propose.strategy_regions import stable_groups
from tests.shortcuts.tables import layer_of, natural, samples_of, view_of

LABELS = np.repeat(np.arange(3), 60)


def planted(seed: int, marked: int = 20) -> np.ndarray:
    relevance = natural(LABELS, seed)
    relevance[:marked, 7] += 6.0
    return relevance


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_marked_group_is_proposed_where_its_concept_lies(seed: int) -> None:
    view = view_of(samples_of(LABELS), layer_of(planted(seed)), 0)
    proposal = next(p for p in PROPOSALS["P2"](view) if 7 in p.concepts)
    assert proposal.carriers is not None
    assert proposal.concepts[0] == 7
    truth = np.arange(60) < 20
    both, either = (proposal.carriers & truth).sum(), (proposal.carriers | truth).sum()
    assert both / either > 0.9
    assert proposal.masks[:20, 22:24, 30:32].all()


def test_the_direction_is_of_the_group() -> None:
    relevance = planted(0)
    shares = relevance[:60] / np.abs(relevance[:60]).sum(axis=1, keepdims=True)
    groups = stable_groups(shares, np.arange(60) % 2 == 0, np.random.default_rng(0))
    marked = next(group for group in groups if group.members[:20].mean() > 0.9)
    assert int(marked.direction.argmax()) == 7
    assert marked.stability >= 0.75


def test_one_cloud_has_no_groups() -> None:
    quiet = 0
    for seed in range(12):
        view = view_of(samples_of(LABELS), layer_of(natural(LABELS, seed)), 0)
        quiet += PROPOSALS["P2"](view) == []
    assert quiet >= 11


def test_a_stretched_cloud_is_one_cloud() -> None:
    rng = np.random.default_rng(0)
    shares = rng.normal(0, 0.01, (60, 8)) + np.outer(rng.normal(0, 0.2, 60), np.eye(8)[0])
    assert stable_groups(shares, np.ones(60, bool), np.random.default_rng(0)) == []


def test_small_or_constant_classes_have_none_and_the_seed_decides() -> None:
    assert (
        stable_groups(
            np.random.default_rng(0).random((12, 5)), np.ones(12, bool), np.random.default_rng(0)
        )
        == []
    )
    assert stable_groups(np.ones((40, 5)), np.ones(40, bool), 0) == []
    view = view_of(samples_of(LABELS), layer_of(planted(0)), 0, seed=3)
    first, again = PROPOSALS["P2"](view), PROPOSALS["P2"](view)
    assert [p.concepts for p in first] == [p.concepts for p in again]
    assert all(np.array_equal(a.masks, b.masks) for a, b in zip(first, again, strict=True))
