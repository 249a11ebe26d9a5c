"""Which of the screened regions of a class are tested."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auditor.causal import screening
from auditor.causal.findings import without_parts
from auditor.causal.images import load_members
from auditor.causal.screening import Screened, contained, cut, screen, selected
from auditor.shortcuts.propose.proposals import PlacedBy, Proposal
from tests.causal.worlds import MARK, world
from tests.causal.worlds import SIZE as SIDE

SIZE, MEMBERS = 24, 8


def screened(
    shape: str,
    mask: np.ndarray,
    share: float,
    *,
    placed_by: PlacedBy = "relevance",
    grown: int = 0,
) -> Screened:
    masks = np.repeat(mask[None], MEMBERS, axis=0)
    proposal = Proposal(shape, masks, share, "because.", placed_by, grown=grown)
    effects = np.random.default_rng(len(shape)).normal(share, 0.1, MEMBERS)
    everyone, few = np.arange(MEMBERS), np.arange(3)
    return Screened(proposal, everyone, effects, everyone, few, few, share)


def box(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def names(found: list[Screened]) -> list[str]:
    return [each.proposal.shape for each in found]


def test_a_region_around_another_is_not_tested_too() -> None:
    spot = screened("spot", box(0, 0, 6, 6), 0.5)
    around = screened("around it", box(0, 0, 7, 7), 0.4)
    assert names(selected([around, spot], 5)) == ["spot"]


def test_a_grown_region_is_compared_as_it_was_before_it_was_grown() -> None:
    mark, window = box(10, 10, 16, 16), box(9, 9, 17, 17)
    grown = screened("spot", box(5, 5, 21, 21), 0.6, grown=5)
    assert (grown.proposal.cores(np.arange(2)) == mark).all()
    # Grown, the spot is four times the window and the window's half of it; it lies in the window.
    around = screened("square", window, 0.5)
    assert contained(grown, around) == 1.0
    beside = screened("beside", box(16, 9, 24, 17), 0.5)
    assert contained(grown, beside) == 0.0
    assert names(selected([grown, beside], 5)) == ["beside", "spot"]


def test_two_grown_regions_of_one_mark_are_the_same_place() -> None:
    left = screened("left", box(5, 5, 21, 21), 0.6, grown=5)
    right = screened("right", box(9, 5, 24, 21), 0.5, grown=5)
    both = left.proposal.cores(np.arange(1)) & right.proposal.cores(np.arange(1))
    assert 0 < both.sum() < left.proposal.cores(np.arange(1)).sum() / 2
    assert contained(left, right) == contained(right, left) == 1.0
    assert len(selected([left, right], 5)) == 1


def test_a_small_part_is_tested_beside_the_whole() -> None:
    strip = screened("strip", box(0, 0, 6, 24), 0.9)
    part = screened("part of it", box(0, 0, 4, 6), 0.3)
    assert names(selected([part, strip], 5)) == ["strip", "part of it"]


def test_a_region_that_follows_relevance_does_not_displace_one_bound_to_a_place() -> None:
    frame = np.ones((SIZE, SIZE), dtype=bool)
    frame[3:-3, 3:-3] = False
    following = screened("large spot", box(0, 0, 3, 24), 0.9)
    fixed = screened("frame", frame, 0.7, placed_by="shape")
    border = screened("flat border", frame, 0.6, placed_by="pictures")
    assert names(selected([following, fixed], 5)) == ["large spot", "frame"]
    assert names(selected([following, border], 5)) == ["large spot", "flat border"]
    assert names(selected([following, fixed, border], 5)) == ["large spot", "frame"]


def test_what_moves_nothing_is_not_tested() -> None:
    idle = screened("idle", box(0, 0, 6, 6), -0.1)
    assert selected([idle], 5) == []


def finding(grade: str, output: int = 0) -> Any:
    return SimpleNamespace(candidate=SimpleNamespace(output=output), grade=grade)


def never(*_given: Any) -> bool:
    return False


def test_of_regions_in_one_another_the_gravest_is_reported() -> None:
    spot = screened("spot", box(18, 12, 24, 20), 0.5)
    strip = screened("strip", box(20, 12, 24, 24), 0.6, placed_by="shape")
    elsewhere = screened("elsewhere", box(0, 0, 6, 6), 0.6)
    first, second, third, fourth = (finding(grade) for grade in ("A", "B", "B", "C"))
    pairs = [(first, spot), (second, strip), (third, elsewhere), (fourth, strip)]
    assert without_parts(pairs, never) == [first, third, fourth]
    assert without_parts(pairs, lambda found, *_regions: found is fourth) == [first, third]


def test_other_classes_and_what_is_unused_do_not_hide_a_region() -> None:
    spot = screened("spot", box(18, 12, 24, 20), 0.5)
    first, other, unused = finding("A"), finding("B", output=1), finding("D")
    pairs = [(first, spot), (other, spot), (unused, spot)]
    assert without_parts(pairs, never) == [first, other, unused]


@pytest.mark.parametrize(
    ("effects", "most", "references"),
    [
        ([5.0, 4.8, 4.6, 4.2, 0.3, 0.2, 0.1, *[0.0] * 33], 10, 4),
        ([5.0, 4.8, 4.6, 4.2, 4.0, 3.9, 0.1, *[0.0] * 33], 10, 6),
        ([5.0, 4.8, *[0.1] * 38], 10, 4),
        ([4.0] * 40, 10, 10),
        ([4.0] * 12, 3, 4),
        ([-1.0] * 40, 10, 4),
        ([4.0, 3.0], 1, 2),
        ([], 0, 0),
    ],
)
def test_references_are_those_that_do_as_much_as_the_few_that_do_most(
    effects: list[float], most: int, references: int
) -> None:
    assert cut(np.array(effects), most) == references


def test_a_mark_on_few_members_has_those_as_references() -> None:
    known = world(per_class=40, marked=(0.25, 0.0, 0.0))
    members = load_members(known.search(), 0)
    carries = np.flatnonzero(members.rows < 10)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[MARK] = True
    proposal = Proposal("mark", np.repeat(mask[None], len(members.rows), 0), 0.5, "because.")
    stage = known.stage(20)
    (result,) = screen(
        stage.probe, members, [proposal], stage.others, classes=3, rng=np.random.default_rng(0)
    )
    few = carries[members.discovery[carries]]
    assert 4 <= len(few) < 8
    assert result.references.tolist() == few.tolist()
    assert result.enough
    assert not replace(result, effects=np.where(result.tried == few[0], 9.0, 0.1)).enough


def test_of_many_members_those_are_tried_that_promise_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(screening, "IMAGES", 1)
    known = world(per_class=120, marked=(0.1, 0.0, 0.0))
    members = load_members(known.search(), 0)
    has = (members.rows < 12) & members.discovery
    mask = np.zeros((SIDE, SIDE), bool)
    mask[MARK] = True
    masks = np.repeat(mask[None], len(members.rows), 0)
    plain = Proposal("mark", masks, 0.5, "because.")
    named = Proposal("mark", np.roll(masks, 9, axis=1), 0.5, "because.", carriers=has)
    stage = known.stage(20)
    results = screen(
        stage.probe, members, [plain, named], stage.others, classes=3, rng=np.random.default_rng(0)
    )
    for result in results:
        assert len(result.tried) == 16
        assert has[result.tried].sum() == has.sum() > 3
    assert np.isin(results[0].references, np.flatnonzero(has)).all()


def test_a_region_that_does_nothing_without_another_is_no_finding_of_its_own() -> None:
    spot, beside = (
        screened("spot", box(18, 12, 24, 20), 0.5),
        screened("beside", box(0, 0, 6, 6), 1),
    )
    first, second, unused = finding("A"), finding("C"), finding("D")
    pairs = [(first, spot), (second, beside), (unused, beside)]
    asked = []

    def same(finding: Any, around: Screened, region: Screened) -> bool:
        asked.append((finding, around, region))
        return True

    assert without_parts(pairs, same) == [first, unused]
    assert asked == [(second, spot, beside)]
