"""One mark is one candidate, whole and at its place in every picture; two marks stay two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auditor.causal import candidate as candidates
from auditor.causal import causes, findings, joining
from auditor.causal.causes import Ground, causes_of, outlined, same_cause
from auditor.causal.images import Members, Stage, load_members
from auditor.causal.joining import joined, stands_for, union_of
from auditor.causal.removal import removal
from auditor.causal.screening import Screened, screen
from auditor.causal.transplant import control_windows
from auditor.records.shortcuts import Plausibility
from auditor.shortcuts import outline
from auditor.shortcuts.propose.flat_and_recurring import MeanLook, mean_look
from auditor.shortcuts.propose.proposals import Proposal
from auditor.shortcuts.tests import TESTS, in_order
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
    (cause,) = causes_of(stage, members, halves)
    for corner in (LEFT, RIGHT):
        assert at_the_mark(cause.proposal.masks, corner).min() > 0.7
    assert cause.proposal.masks.mean() < 0.2
    assert cause.share == pytest.approx(halves[0].share, rel=0.5)


def test_covering_the_cause_covers_all_of_the_mark(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, halves = date
    rows = np.flatnonzero(~members.discovery & (members.rows < MARKED))
    (cause,) = causes_of(stage, members, halves)
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
    (cause,) = causes_of(stage, members, found)
    for turn, corner in enumerate(corners):
        rows = (members.rows < MARKED) & (members.rows % 2 == turn)
        covered = at_the_mark(cause.proposal.masks[rows], corner)
        other = at_the_mark(cause.proposal.masks[rows], corners[1 - turn])
        assert np.median(covered) > 0.7
        assert (covered > other).mean() > 0.9


def test_what_pictures_have_in_common_is_computed_once_for_all_outlines(
    date: tuple[Stage, Members, list[Screened]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, members, halves = date
    seen: list[int] = []

    def counted(pictures: np.ndarray) -> MeanLook:
        seen.append(len(pictures))
        return mean_look(pictures)

    monkeypatch.setattr(outline, "mean_look", counted)
    causes_of(stage, members, halves[:1])
    others = len(stage.others.without(0))
    assert sorted(seen)[-2:] == [others, others]  # at its place, and windows of all of them
    assert len(seen) == 4
    causes_of(stage, members, halves)
    assert seen[4:].count(others) == 1 + 2  # at the place once for both regions of the class


def test_two_marks_stay_two() -> None:
    first, second = (1, 1), (24, 24)
    subject = marked([[(first, STRIPES)], [(second, CROSS)]])
    regions = {"upper": box((0, 0), 9, 9), "lower": box((23, 23), 9, 9)}
    stage, members, found = tried(subject, regions)
    both = causes_of(stage, members, found)
    assert len(both) == 2
    ground = Ground(stage, members)
    assert not same_cause(ground, *both)
    assert not same_cause(ground, *reversed(both))


def test_a_region_around_a_mark_is_the_same_cause(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, halves = date
    (cause,) = causes_of(stage, members, halves)
    assert all(same_cause(Ground(stage, members), cause, half) for half in halves)


def test_the_same_pictures_give_the_same_outlines(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, halves = date
    first, second = (causes_of(stage, members, halves)[0] for _ in range(2))
    assert (first.proposal.masks == second.proposal.masks).all()
    assert first.share == second.share


def effects_by_area(screened: Screened, values: dict[int, float]) -> Any:
    """Return a ground on which a mask does what is given for its number of pixels."""

    def effect(_screened: Screened, masks: np.ndarray, _rows: np.ndarray) -> float:
        return values[int(masks[0].sum())]

    return SimpleNamespace(effect=effect)


@pytest.mark.parametrize(
    ("side", "does", "rest_does", "stands"),
    [
        (8, 0.61, 0.09, True),
        (8, 0.59, 0.09, False),
        (8, 0.61, 0.11, False),
        (3, 0.61, 0.09, False),  # no middle inside the rim
        (15, 0.61, 0.09, False),  # more than a fifth of the picture
    ],
)
def test_an_outline_does_most_and_what_it_leaves_nearly_nothing(
    date: tuple[Stage, Members, list[Screened]],
    side: int,
    does: float,
    rest_does: float,
    *,
    stands: bool,
) -> None:
    _stage, members, halves = date
    count = len(members.rows)
    whole = np.repeat(box((4, 4), 18, 18)[None], count, axis=0)
    region = replace(
        halves[0],
        proposal=replace(halves[0].proposal, masks=whole),
        effects=np.full(len(halves[0].tried), 2.0),
    )
    outline = np.repeat(box((6, 6), side, side)[None], count, axis=0)
    ground = effects_by_area(region, {side**2: 2 * does, 18**2 - side**2: 2 * rest_does})
    assert causes._stands_in(ground, region, outline, region.references) == stands


@pytest.mark.parametrize(("left", "same"), [(0.49, True), (0.51, False)])
def test_a_cause_is_the_same_up_to_half_of_the_effect(
    date: tuple[Stage, Members, list[Screened]], left: float, *, same: bool
) -> None:
    _stage, members, halves = date
    first, second = (
        replace(
            half,
            proposal=replace(
                half.proposal,
                masks=np.repeat(box((4, column), 8, 8)[None], len(members.rows), axis=0),
            ),
            effects=np.full(len(half.tried), 2.0),
        )
        for half, column in zip(halves, (4, 8), strict=True)
    )
    ground = effects_by_area(second, {8 * 4: 2 * left})
    assert same_cause(ground, first, second) == same
    assert not same_cause(ground, first, replace(second, effects=-second.effects))


@pytest.mark.parametrize(("rest_does", "larger"), [(0.51, True), (0.49, False)])
def test_a_larger_outline_is_taken_if_its_rest_does_half_as_much(
    date: tuple[Stage, Members, list[Screened]], rest_does: float, *, larger: bool
) -> None:
    _stage, members, (half, *_others) = date
    small, large = (
        np.repeat(box((4, 4), side, side)[None], len(members.rows), axis=0) for side in (6, 9)
    )
    ground = effects_by_area(half, {36: 2.0, 81 - 36: 2 * rest_does})
    taken = causes._whole(ground, half, small, [large, small], half.references)
    assert (taken is large) == larger


def test_an_outline_looks_at_least_as_a_grave_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def tested(score: float, *, drawn: bool = False, output: int = 0) -> Any:
        return SimpleNamespace(
            members=SimpleNamespace(output=output),
            screened=SimpleNamespace(proposal=SimpleNamespace(drawn=drawn)),
            plausibility=Plausibility(terms={}, score=score),
        )

    monkeypatch.setattr(findings, "same_cause", lambda *_given: same)
    monkeypatch.setattr(
        findings, "replace", lambda each, plausibility: SimpleNamespace(plausibility=plausibility)
    )

    def looks(whole: Any, grave: Sequence[Any]) -> float:
        grounds: Any = dict.fromkeys((0, 1))
        (made,) = findings._with_looks_of_parts(grounds, [whole], grave)
        return float(made.plausibility.score)

    same = True
    drawn = tested(0.3, drawn=True)
    assert looks(drawn, [tested(0.6), tested(0.8), tested(0.1)]) == 0.8
    assert looks(drawn, [tested(0.9, output=1)]) == 0.3
    assert looks(tested(0.3), [tested(0.8)]) == 0.3
    assert looks(drawn, []) == 0.3
    same = False
    assert looks(drawn, [tested(0.8)]) == 0.3


def test_parts_that_adjoin_in_the_same_pictures_are_tested_as_one(
    date: tuple[Stage, Members, list[Screened]],
) -> None:
    stage, members, (left, right) = date
    whole = union_of(Ground(stage, members), left, right)
    assert whole is not None
    assert np.array_equal(whole.proposal.masks, left.proposal.masks | right.proposal.masks)
    assert whole.reference_effect >= 0.9 * max(left.reference_effect, right.reference_effect)


@pytest.mark.parametrize(
    "places",
    [[[(LEFT, STRIPES)], [(RIGHT, CROSS)]], [[((1, 1), STRIPES), (RIGHT, CROSS)]]],
    ids=["in turn", "apart"],
)
def test_marks_of_other_pictures_or_apart_are_not_tested_as_one(
    places: Sequence[Sequence[tuple[Corner, np.ndarray]]],
) -> None:
    corners = [corner for turn in places for corner, _pattern in turn]
    regions = {str(at): box((at[0] - 1, at[1] - 1), 9, 8) for at in corners}
    stage, members, found = tried(marked(places), regions)
    assert len(found) == 2
    assert union_of(Ground(stage, members), *found) is None


def test_an_outline_that_draws_other_members_away_is_not_taken(
    date: tuple[Stage, Members, list[Screened]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, members, (left, _right) = date
    measured = Ground.effect

    def effect(self: Ground, screened: Screened, masks: np.ndarray, rows: np.ndarray) -> float:
        """With members beside the references: more is lost than gained."""
        beside = not np.isin(rows, left.references).all()
        return -1.0 if beside else measured(self, screened, masks, rows)

    assert outlined(Ground(stage, members), left) is not left
    monkeypatch.setattr(Ground, "effect", effect)
    assert outlined(Ground(stage, members), left) is left


def part(score: float, name: str = "", **lows: float) -> candidates.Tested:
    """Return a tested candidate that passed the tests of these names with these lower bounds."""
    found = [
        TESTS[name].result(
            outcome="inconclusive", effect=low + 0.1, low=low, high=low + 0.2, n=60, p=0.0001
        )
        for name, low in lows.items()
    ]
    plausibility = Plausibility(terms={}, score=score)
    unread: Any = None
    return candidates.Tested(name, unread, unread, unread, plausibility, in_order(found))


@pytest.mark.parametrize(
    ("whole", "stands"),
    [
        (part(0.8, flip_excess=0.25, removal=0.1), True),
        (part(0.8, flip_excess=0.24, removal=0.1), False),  # below the limit of grade A
        (part(0.8, flip_excess=0.25), False),  # nothing confirms it any more
        (part(0.7, flip_excess=0.25, removal=0.1), False),  # looks less artificial
        (part(0.9, flip_excess=0.02, removal=0.02), False),
    ],
)
def test_a_whole_is_not_graded_below_its_parts(whole: candidates.Tested, *, stands: bool) -> None:
    parts = part(0.8, flip_excess=0.26, removal=0.06), part(0.6, flip_excess=0.2)
    assert stands_for(whole, parts) == stands


def test_parts_stay_among_what_was_tested_and_are_not_graded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = part(0.8, flip_excess=0.4)
    tested = [part(0.8, f"0-{number}", flip_excess=0.4) for number in (1, 2)]
    tested.append(part(0.1, "0-3", flip_excess=0.4))
    monkeypatch.setattr(joining, "union_of", lambda *_given: object())
    monkeypatch.setattr(joining, "tested_candidates", lambda *_given: [whole])
    members: Any = SimpleNamespace(output=0)
    unread: Any = None
    found = joined(unread, members, tested, unread, None)
    assert [(each.id, each.in_whole) for each in found] == [
        ("0-4", False), ("0-3", False), ("0-1", True), ("0-2", True)
    ]  # fmt: skip
    unsettled: Any = {}
    assert findings.findings_of(unread, found[2:], unsettled, unread) == []
