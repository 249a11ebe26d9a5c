"""One mark is one candidate, whole and at its place in every picture; two marks stay two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from auditor.causal.causes import Ground, causes_of, same_cause
from auditor.causal.images import Members, Stage, load_members
from auditor.causal.removal import removal
from auditor.causal.screening import Screened, screen
from auditor.causal.transplant import control_windows
from auditor.shortcuts.propose.proposals import Proposal
from tests.causal.worlds import SIZE, World, world

EACH, MARKED = 60, 48
SIDE = 6
STRIPES = np.indices((SIDE, SIDE)).sum(axis=0) % 3 > 0
CROSS = np.eye(SIDE, dtype=bool) | np.eye(SIDE, dtype=bool)[::-1]
Corner = tuple[int, int]


def marked(places: Sequence[Sequence[tuple[Corner, np.ndarray]]]) -> World:
    """Return a world in which pictures of class 0 carry patterns, by turns those of ``places``.

    The model goes by the brightest pixel, so each pattern does alone what all of them do.
    """
    subject = world(per_class=EACH)
    # The mark that the world itself draws is painted over.
    subject.images[:, 24:, 24:] = subject.images[:, :8, :8]
    for row in range(MARKED):
        for (top, left), pattern in places[row % len(places)]:
            subject.images[row, top : top + SIDE, left : left + SIDE][pattern] = 0.97
    return replace(subject)


def box(corner: Corner, height: int, width: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = True
    return mask


def tried(subject: World, regions: dict[str, np.ndarray]) -> tuple[Stage, Members, list[Screened]]:
    """Return regions that have the same place in every picture, tried on the discovery half."""
    stage = subject.stage(60)
    members = load_members(stage.search, 0)
    proposals = [
        Proposal(name, np.repeat(mask[None], len(members.rows), axis=0), 0.5, "because.", "shape")
        for name, mask in regions.items()
    ]
    rng = np.random.default_rng(0)
    found = screen(stage.probe, members, proposals, stage.others, classes=3, rng=rng)
    return stage, members, found


def at_the_mark(masks: np.ndarray, corner: Corner) -> np.ndarray:
    """Return the share of the mark's box that each mask covers."""
    truth = box(corner, SIDE, SIDE)
    covered: np.ndarray = masks[:, truth].mean(axis=1)
    return covered


LEFT, RIGHT = (24, 12), (24, 20)


@pytest.fixture(scope="module")
def date() -> tuple[Stage, Members, list[Screened]]:
    """A mark of two digits beside each other, which two windows cut in two."""
    subject = marked([[(LEFT, STRIPES), (RIGHT, CROSS)]])
    regions = {"left": box((23, 10), 8, 9), "right": box((23, 19), 8, 9)}
    return tried(subject, regions)


def test_one_mark_that_windows_cut_in_two_is_one_candidate(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, halves = date
    assert min(each.share for each in halves) > 0.2
    (cause,) = causes_of(stage, members, halves, 5)
    for corner in (LEFT, RIGHT):
        assert at_the_mark(cause.proposal.masks, corner).min() > 0.7
    assert cause.proposal.masks.mean() < 0.2
    assert cause.share == pytest.approx(halves[0].share, rel=0.5)


def test_covering_the_cause_covers_all_of_the_mark(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, halves = date
    rows = np.flatnonzero(~members.discovery & (members.rows < MARKED))
    (cause,) = causes_of(stage, members, halves, 5)
    left = []
    for region in (halves[0], cause):
        masks = region.proposal.masks
        windows = control_windows(members, masks, "square", rank=0.5)
        left.append(removal(stage.probe, members, rows, masks, windows).left.mean())
    assert left[0] < 0.2
    assert left[1] > 0.8


def test_a_mark_that_alternates_between_two_corners_is_one_candidate() -> None:
    corners = (1, 1), (1, 24)
    subject = marked([[(corner, STRIPES)] for corner in corners])
    regions = {"left": box((0, 0), 9, 9), "right": box((0, 23), 9, 9)}
    stage, members, found = tried(subject, regions)
    (cause,) = causes_of(stage, members, found, 5)
    for turn, corner in enumerate(corners):
        rows = (members.rows < MARKED) & (members.rows % 2 == turn)
        covered = at_the_mark(cause.proposal.masks[rows], corner)
        other = at_the_mark(cause.proposal.masks[rows], corners[1 - turn])
        assert np.median(covered) > 0.7
        assert (covered > other).mean() > 0.9


def test_two_marks_stay_two() -> None:
    first, second = (1, 1), (24, 24)
    subject = marked([[(first, STRIPES)], [(second, CROSS)]])
    regions = {"upper": box((0, 0), 9, 9), "lower": box((23, 23), 9, 9)}
    stage, members, found = tried(subject, regions)
    causes = causes_of(stage, members, found, 5)
    assert len(causes) == 2
    ground = Ground(stage, members)
    assert not same_cause(ground, *causes)
    assert not same_cause(ground, *reversed(causes))


def test_a_region_around_a_mark_is_the_same_cause(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, halves = date
    (cause,) = causes_of(stage, members, halves, 5)
    assert all(same_cause(Ground(stage, members), cause, half) for half in halves)


def test_the_same_pictures_give_the_same_outlines(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, halves = date
    first, second = (causes_of(stage, members, halves, 5)[0] for _ in range(2))
    assert (first.proposal.masks == second.proposal.masks).all()
    assert first.share == second.share
