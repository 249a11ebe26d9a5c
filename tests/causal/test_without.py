"""Which members are without a mark: asked at the mark's place, not where a window was placed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.causal.control_members import LEAST, members_without
from auditor.causal.images import Members, Pool, load_members, load_pool
from auditor.causal.probe import Probe
from auditor.causal.screening import Screened, screen
from auditor.config.audit import ShortcutConfig
from auditor.shortcuts.propose.proposals import Proposal
from tests.causal.worlds import MARK, SIZE, World, world


def screened(subject: World, misplaced: int) -> tuple[Probe, Members, Screened, Pool]:
    """Screen the mark, with the windows of the first ``misplaced`` members beside it."""
    samples, probe = subject.samples(), subject.probe()
    generator = np.random.default_rng(0)
    members = load_members(probe, samples, 0, ShortcutConfig(), 0)
    others = load_pool(probe, samples, np.flatnonzero(samples.discovery), 30, name="any", seed=0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(misplaced, None), *MARK)] = True
    masks[:misplaced, :4, :4] = True
    found = screen(
        probe,
        members,
        [Proposal("P1", "small spot", masks, 1.0, "a test.")],
        others,
        classes=1,
        generator=generator,
    )
    return probe, members, found[0], others


def test_a_window_beside_the_mark_makes_no_member_without_it() -> None:
    probe, members, found, others = screened(world(marked=(1.0, 0.0, 0.0)), misplaced=16)
    assert len(found.non_members) >= LEAST
    assert not len(members_without(probe, members, found, others))


def test_members_without_the_mark_stay() -> None:
    probe, members, found, others = screened(world(marked=(0.6, 0.0, 0.0)), misplaced=0)
    kept = members_without(probe, members, found, others)
    without = np.flatnonzero(members.rows >= round(0.6 * 32))
    assert len(kept) >= LEAST
    assert set(kept) == set(found.non_members) & set(without)
    assert set(kept) == set(found.tried) & set(without)


def test_fewer_than_four_are_no_control() -> None:
    probe, members, found, others = screened(world(marked=(0.9, 0.0, 0.0)), misplaced=0)
    assert len(members_without(probe, members, found, others)) == 0


def test_without_other_classes_the_relevance_inside_decides_alone() -> None:
    probe, members, found, others = screened(world(marked=(0.6, 0.0, 0.0)), misplaced=0)
    nothing = np.zeros(0, dtype=int)
    alone = replace(found, targets=nothing, fillers=nothing)
    assert not alone.measured
    assert set(members_without(probe, members, alone, others)) == set(alone.non_members)
