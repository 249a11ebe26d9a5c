"""Proposals find what was planted, and leave alone what was not."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.base.errors import UnknownNameError
from auditor.shortcuts.propose import flat_and_recurring as templates
from auditor.shortcuts.propose.heat import dilated, smoothed_positive, top_component
from auditor.shortcuts.propose.merging import merged, overlap
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
    assert of_all_data == {"P6", "P7", "P8"}
    assert set(PROPOSALS) - of_all_data == {"P1", "P1b", "P1c", "P2", "P3", "P4", "P5"}


def test_proposals_are_chosen_in_their_order_and_all_by_default() -> None:
    assert chosen_proposals(["P6", "P1", "P6"]) == ["P1", "P6"]
    assert chosen_proposals(None) == sorted(PROPOSALS)
    with pytest.raises(UnknownNameError, match=r"unknown proposal 'P1d'\. Did you mean 'P1"):
        chosen_proposals(["P1", "P1d"])


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
    assert all(proposal.masks.mean() <= MAX_AREA * 1.05 for proposal in found.values())
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
