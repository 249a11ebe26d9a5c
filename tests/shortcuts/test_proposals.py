"""Proposals find what was planted, and leave alone what was not."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.base.errors import UnknownNameError
from auditor.shortcuts.propose import flat_and_recurring as templates
from auditor.shortcuts.propose.heat import dilated, smoothed_positive, top_component
from auditor.shortcuts.propose.merging import left_out, merged, overlap
from auditor.shortcuts.propose.proposals import (
    MAX_AREA,
    PROPOSALS,
    ClassView,
    PlacedBy,
    Proposal,
    chosen_proposals,
    region_score,
)

SIZE = 48


def view_of(pictures: np.ndarray, others: np.ndarray, heat: np.ndarray | None = None) -> ClassView:
    n = len(pictures)
    heat = np.ones((n, SIZE, SIZE), np.float32) if heat is None else heat
    return ClassView(
        output=0,
        heat=heat,
        pictures=pictures,
        discovery=np.arange(n) % 2 == 0,
        others=others,
        layer="conv",
        concepts=(7,),
        concept_heats=lambda: [heat],
    )


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (40, SIZE, SIZE, 3)).astype(np.uint8)


def test_proposals_are_registered_by_what_they_are_asked_of() -> None:
    of_all_data = {name for name in PROPOSALS if PROPOSALS[name].regions is None}
    assert of_all_data == {"P6", "P7", "P8", "absence", "context"}
    assert set(PROPOSALS) - of_all_data == {"P1", "P1b", "P1c", "P1d", "P2", "P3", "P4", "P5"}


def test_proposals_are_chosen_in_their_order_and_all_by_default() -> None:
    assert chosen_proposals(["P6", "P1", "P6"]) == ["P1", "P6"]
    assert chosen_proposals(None) == sorted(PROPOSALS)
    with pytest.raises(UnknownNameError, match=r"unknown proposal 'P1e'\. Did you mean 'P1"):
        chosen_proposals(["P1", "P1e"])


def test_proposals_by_concept_need_a_table(noise: np.ndarray) -> None:
    view = view_of(noise[:20], noise[20:])
    by_concept = [name for name in PROPOSALS if PROPOSALS[name].by_concept]
    assert by_concept
    assert all(PROPOSALS[name](view) == [] for name in by_concept)


def test_a_proposer_names_its_proposals(noise: np.ndarray) -> None:
    view = view_of(noise[:20], noise[20:])
    assert {proposal.kind for proposal in PROPOSALS["P1"](view)} == {"P1"}
    (region,) = PROPOSALS["P1b"](view)
    assert region.name == ("P1b", "region of concept 7", 7)


def test_regions_lie_on_the_spot_of_relevance(noise: np.ndarray) -> None:
    raw = np.zeros((20, SIZE, SIZE))
    raw[:, 38:44, 4:10] = 1.0
    heat = smoothed_positive(raw - 0.1)
    view = view_of(noise[:20], noise[20:], heat)
    found = {proposal.shape: proposal for proposal in PROPOSALS["P1"](view)}
    for name in ("small square", "spot", "horizontal strip", "lower left corner"):
        covered = found[name].masks[:, 39:43, 5:9].mean()
        assert covered > 0.9, name
    best = max(found.values(), key=lambda proposal: proposal.score)
    assert best.masks[0, 41, 7]
    assert found["upper right corner"].score < 0 < best.score
    assert all(p.masks.mean() <= MAX_AREA * 1.05 or p.too_large for p in found.values())
    (concept,) = PROPOSALS["P1b"](view)
    assert concept.concepts == (7,)
    assert concept.masks[:, 40:42, 6:8].all()


def test_flat_borders_are_found_where_they_are_and_only_there(noise: np.ndarray) -> None:
    boxed = noise[:20].copy()
    boxed[:, :4] = 0
    (found,) = [p for p in PROPOSALS["P1c"](view_of(boxed, noise[20:])) if "flat" in p.shape]
    assert found.masks[:, :4].all()
    assert found.masks[:, 8:].mean() < 0.01
    assert PROPOSALS["P1c"](view_of(noise[:20], noise[20:])) == []


def turned_corners(side: int) -> np.ndarray:
    """The four corners that a turned photograph leaves free, ``side`` pixels along each edge."""
    rows, columns = np.indices((SIZE, SIZE))
    corner = rows + columns < side
    return corner | corner[::-1] | corner[:, ::-1] | corner[::-1, ::-1]


def test_corners_of_turned_photographs_are_one_region_of_several_parts(noise: np.ndarray) -> None:
    turned = noise[:20].copy()
    corners = turned_corners(18)
    assert corners.mean() > MAX_AREA
    turned[:, corners] = 0
    (found,) = [p for p in PROPOSALS["P1c"](view_of(turned, noise[20:])) if "flat" in p.shape]
    assert not found.too_large
    assert found.area > MAX_AREA
    assert found.masks[:, corners].mean() > 0.95
    assert not found.masks[:, 24, 24].any()


def test_what_is_too_large_for_a_region_is_proposed_only_to_be_counted(noise: np.ndarray) -> None:
    filled = noise[:20].copy()
    filled[:, :20] = 255
    (found,) = [p for p in PROPOSALS["P1c"](view_of(filled, noise[20:])) if "flat" in p.shape]
    assert found.too_large
    assert merged([found], 5) == []
    assert left_out([found], []) == (1, 0)


def test_a_flat_border_of_few_pictures_is_proposed(noise: np.ndarray) -> None:
    few = noise[:40].copy()
    few[:6, :4] = 0
    assert [p.shape for p in PROPOSALS["P1c"](view_of(few, noise))] == []
    few[:8, :4] = 0
    (found,) = PROPOSALS["P1c"](view_of(few, noise))
    assert found.masks.any(axis=(1, 2)).sum() == 8
    assert found.area == pytest.approx(found.masks[0].mean())


def marked(pictures: np.ndarray, rows: list[int]) -> np.ndarray:
    """Put a striped mark at a place of its own into some pictures."""
    result = pictures.copy()
    stripes = np.indices((12, 12)).sum(axis=0) // 3 % 2
    for row in rows:
        top, left = 2 * row % 36, 5 * row % 36
        result[row, top : top + 12, left : left + 12] = np.where(
            stripes[..., None] > 0, (250, 214, 30), (30, 60, 190)
        )
    return result


def rare(pictures: np.ndarray, noise: np.ndarray, others: np.ndarray) -> list[Proposal]:
    """Return what P1d proposes where a model looks at what was put into the pictures."""
    heat = 0.1 + (pictures != noise).any(axis=3).astype(np.float32)
    return list(PROPOSALS["P1d"](view_of(pictures, others, heat)))


def test_a_mark_of_a_few_pictures_is_found_wherever_it_is(noise: np.ndarray) -> None:
    carriers = [0, 2, 7, 10, 14, 15]
    pictures = marked(noise, carriers)
    (found,) = rare(pictures, noise, noise)
    assert found.carriers is not None
    assert np.flatnonzero(found.carriers).tolist() == carriers
    drawn = (pictures != noise).any(axis=3)
    for row in carriers:
        assert (found.masks[row] & drawn[row]).sum() > 0.7 * drawn[row].sum()
        assert found.masks[row].sum() < 3 * drawn[row].sum()


def test_a_mark_of_three_pictures_or_of_another_class_is_none(noise: np.ndarray) -> None:
    assert rare(marked(noise, [0, 2, 10]), noise, noise) == []
    pictures = marked(noise, [0, 2, 10, 14, 18])
    assert len(rare(pictures, noise, noise)) == 1
    assert rare(pictures, noise, marked(noise, [3])) == []
    assert rare(pictures, noise, noise[:0]) == []


def test_what_no_turn_is_left_for_is_counted() -> None:
    def square(top: int, score: float) -> Proposal:
        masks = np.zeros((3, 12, 12), bool)
        masks[:, top : top + 3, :4] = True
        return Proposal(str(top), masks, score, "")

    proposals = [square(0, 1.0), square(0, 0.9), square(4, 0.5), square(8, 0.4)]
    assert left_out(proposals, merged(proposals, 1)) == (0, 2)
    assert left_out(proposals, merged(proposals, 3)) == (0, 0)


def test_a_recurring_mark_is_found_at_its_place(noise: np.ndarray) -> None:
    marked = noise[:20].copy()
    marked[:14, 38:44, 26:44] = (255, 140, 20)
    mask = templates.recurring_mark(marked, noise[20:])
    assert mask[38:44, 26:44].mean() > 0.8
    assert mask.sum() < 2 * 6 * 18
    assert not templates.recurring_mark(noise[:20], noise[20:]).any()


def test_a_mark_of_all_classes_is_no_mark_of_one(noise: np.ndarray) -> None:
    marked = noise.copy()
    marked[:, 38:44, 26:44] = (255, 140, 20)
    assert not templates.recurring_mark(marked[:20], marked[20:]).any()


def test_the_top_component_is_connected_and_holds_most_heat() -> None:
    heat = np.zeros((20, 20))
    heat[2:5, 2:5], heat[12:14, 12:14] = 1.0, 4.0
    component = top_component(heat, 13 / 400)
    assert component[12:14, 12:14].all()
    assert component.sum() == 4
    assert dilated(component[None], 1)[0].sum() == 16


def test_relevance_of_one_spot_counts_more_than_its_area() -> None:
    heat = np.zeros((4, 10, 10))
    heat[:, 0, 0] = 1.0
    mask = np.zeros((4, 10, 10), bool)
    mask[:, :2, :2] = True
    assert region_score(heat, mask, np.ones(4, bool)) == pytest.approx(1.0 - 0.04)
    assert region_score(np.ones((4, 10, 10)), mask, np.ones(4, bool)) == pytest.approx(0.0)


def test_fixed_regions_are_tried_beyond_the_budget_unless_one_of_it_lies_there() -> None:
    def at(top: int, name: str, score: float, fixed: bool = False) -> Proposal:
        masks = np.zeros((4, 8, 8), bool)
        masks[:, top : top + 2] = True
        placed_by: PlacedBy = "shape" if fixed else "relevance"
        return Proposal(name, masks, score, "", placed_by)

    best, second = at(0, "best", 0.9), at(2, "second", 0.8)
    corner, same = at(6, "corner", -0.1, fixed=True), at(0, "same", 0.95, fixed=True)
    found = merged([corner, second, same, best], 1)
    assert [each.shape for each in found] == ["best", "corner"]


def test_overlapping_proposals_are_merged_and_the_budget_is_kept() -> None:
    def square(top: int, score: float) -> Proposal:
        masks = np.zeros((3, 12, 12), bool)
        masks[:, top : top + 4, :4] = True
        return Proposal(str(top), masks, score, "")

    first, near, far, empty = square(0, 1.0), square(1, 2.0), square(6, 0.5), square(12, 9.0)
    assert overlap(first.masks, near.masks) == pytest.approx(12 / 20)
    assert [p.shape for p in merged([first, near, far, empty], 5)] == ["1", "6"]
    assert [p.shape for p in merged([first, near, far], 1)] == ["1"]
