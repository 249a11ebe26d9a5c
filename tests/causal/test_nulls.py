"""What cannot be a shortcut passes no more often than promised, over many worlds."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.causal import candidate
from auditor.causal.candidate import Compared
from auditor.causal.images import load_members
from auditor.causal.nulls import self_check
from auditor.causal.rivals import rivals_of
from auditor.causal.screening import screen
from auditor.causal.search import find_shortcuts, null_sentence
from auditor.config.audit import ShortcutConfig
from auditor.shortcuts.grading import LEVEL
from auditor.shortcuts.propose.proposals import Proposal
from auditor.shortcuts.scenes import balanced, scene
from auditor.shortcuts.statistics import more_than
from tests.causal.worlds import MARK, WideModel, world

CONFIG = ShortcutConfig(permutations=300, per_class=2, targets=24)


@pytest.mark.slow
def test_nulls_pass_no_more_often_than_nominal() -> None:
    passed, tried = 0.0, 0
    for seed in range(12):
        reliance = 6.0 * (seed % 2)
        subject = world(
            per_class=40, reliance=reliance, model=WideModel(reliance, turned=seed), seed=seed
        )
        leading = dict.fromkeys((0, 1, 2), ("mixed", (0,)))
        limits = find_shortcuts(subject.search(leading, config=CONFIG, seed=seed)).limits
        assert limits.null_rate is not None
        passed += limits.null_rate * limits.null_n
        tried += limits.null_n
    assert tried > 100
    assert more_than(round(passed), tried, LEVEL) > 0.05


def test_nulls_have_the_effects_of_every_test_a_region_has() -> None:
    subject = world(per_class=40, model=WideModel(6.0, turned=0))
    stage = subject.stage(36, targets=24, permutations=300)
    members = [load_members(stage.search, output) for output in (0, 1, 2)]
    rivals = rivals_of(stage.search, members, stage.others)
    nulls = self_check(stage, members, [], Compared({}, {}, rivals, None))
    assert set(nulls.bounds) == {
        "flip_excess", "evidence_share", "nearest_class", "removal", "evidence_lost",
    }  # fmt: skip
    # Of every class the least relevant windows and those at random places.
    assert {len(bounds) for bounds in nulls.bounds.values()} == {6}
    assert len(nulls.passed) == 6
    assert nulls.usual("flip_excess") < 0.1
    assert nulls.usual("removal") < 0.1
    again = self_check(stage, members[:1], [], Compared({}, {}, rivals, None))
    for test, bounds in again.bounds.items():
        assert nulls.bounds[test][:2] == bounds


def test_a_mark_read_towards_a_class_that_it_also_raises_is_no_measure_of_itself() -> None:
    """Of the two other classes, the mark raises one nearly as much: what it does there is large."""
    subject = world(per_class=40, model=WideModel(6.0, second=5.0))
    stage = subject.stage(36, targets=24, permutations=300)
    members = [load_members(stage.search, output) for output in (0, 1, 2)]
    scenes = balanced({each.output: scene(each.pictures, each.heat) for each in members})
    masks = np.zeros(members[0].heat.shape, bool)
    masks[(slice(None), *MARK)] = True
    proposal = Proposal("mark", masks, 0.5, "because.")
    rng = np.random.default_rng(0)
    regions = screen(stage.probe, members[0], [proposal], stage.others, classes=3, rng=rng)
    compared = Compared({0: regions}, scenes, {}, None)
    tested = candidate.tested_candidates(stage, members[0], regions, compared, None)
    with_it, without = (self_check(stage, members, each, compared) for each in (tested, []))
    assert with_it.bounds == without.bounds
    assert with_it.usual("flip_excess") < 0.1
    assert len(with_it.passed) == len(without.passed) + 1


def test_too_many_passes_are_said_to_be_too_many() -> None:
    assert "more than chance" not in null_sentence(1, 60)
    assert "more than chance" in null_sentence(4, 60)
    assert "4 of 60" in null_sentence(4, 60)


def test_the_binomial_tail_by_hand() -> None:
    draws = np.random.default_rng(0).random((200_000, 60)) < LEVEL
    assert more_than(3, 60, LEVEL) == pytest.approx((draws.sum(1) >= 3).mean(), abs=0.002)
    assert more_than(0, 60, LEVEL) == pytest.approx(1.0)
    assert more_than(0, 0, LEVEL) == 1.0
