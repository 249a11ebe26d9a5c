"""Which members are without a mark: asked at the mark's place, not where a window was placed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.causal.control_members import LEAST, control_members
from auditor.causal.images import Members, Stage, load_members
from auditor.causal.screening import Screened, screen
from auditor.shortcuts.propose.proposals import Proposal
from tests.causal.worlds import MARK, SIZE, World, world


def screened(subject: World, misplaced: int) -> tuple[Stage, Members, Screened]:
    """Screen the mark, with the windows of the first ``misplaced`` members beside it."""
    stage = subject.stage(30)
    members = load_members(stage.search, 0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(misplaced, None), *MARK)] = True
    masks[:misplaced, :4, :4] = True
    proposal = Proposal("small spot", masks, 1.0, "a test.")
    rng = np.random.default_rng(0)
    found = screen(stage.probe, members, [proposal], stage.others, classes=1, rng=rng)
    return stage, members, found[0]


def test_a_window_beside_the_mark_makes_no_member_without_it() -> None:
    stage, members, found = screened(world(marked=(1.0, 0.0, 0.0)), misplaced=16)
    assert len(found.non_members) >= LEAST
    assert not len(control_members(stage, members, found))


def test_members_without_the_mark_stay() -> None:
    stage, members, found = screened(world(marked=(0.6, 0.0, 0.0)), misplaced=0)
    kept = control_members(stage, members, found)
    without = np.flatnonzero(members.rows >= round(0.6 * 32))
    assert len(kept) >= LEAST
    assert set(kept) == set(found.non_members) & set(without)
    assert set(kept) == set(found.tried) & set(without)


def test_fewer_than_four_are_no_control() -> None:
    stage, members, found = screened(world(marked=(0.9, 0.0, 0.0)), misplaced=0)
    assert len(control_members(stage, members, found)) == 0


def test_without_other_classes_the_relevance_inside_decides_alone() -> None:
    stage, members, found = screened(world(marked=(0.6, 0.0, 0.0)), misplaced=0)
    nothing = np.zeros(0, dtype=int)
    alone = replace(found, targets=nothing, fillers=nothing)
    assert not alone.measured
    assert set(control_members(stage, members, alone)) == set(alone.non_members)
